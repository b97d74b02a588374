"""Viam behind the facets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from dragoman.adapter import Adapter, facet
from dragoman.calls.limits import Limits
from dragoman.capability import Gap
from dragoman.interface import Attachments, Evaluations, Handoff, Predictions
from dragoman.schema import Item
from dragoman_viam.bulk import Attempts
from dragoman_viam.containers import Containers
from dragoman_viam.datasets import ViamDatasets, item_in
from dragoman_viam.errors import ERRORS, CallFailed
from dragoman_viam.fidelity import LABELS, READ
from dragoman_viam.images import Images
from dragoman_viam.inference import ViamInference
from dragoman_viam.labels import ViamLabels
from dragoman_viam.listing import Listing
from dragoman_viam.models import ViamModels
from dragoman_viam.notes import image_in
from dragoman_viam.ontologies import ViamOntologies
from dragoman_viam.packages import Packages
from dragoman_viam.registry import Registry
from dragoman_viam.sets import Sets
from dragoman_viam.settings import ViamSettings
from dragoman_viam.sizes import Sizes
from dragoman_viam.training import ViamTrainings
from dragoman_viam.versions import ViamVersions
from dragoman_viam.wire import Wire
from dragoman_viam.workspace import Workspace

_NOT_APART = Gap.impossible(
    "A box on Viam says neither which version made it nor that it is no ground truth.", instead="labels.write"
)


class ViamAdapter(Adapter):
    """Viam over gRPC, with the messages of its SDK. What it does beyond the facets is in the extensions."""

    name = "viam"
    errors = ERRORS
    limits = Limits(batch_size=5000, page_size=200)
    label_fidelity = LABELS
    label_reading = READ
    settings: ViamSettings

    models = facet(ViamModels)
    versions = facet(ViamVersions)
    training = facet(ViamTrainings)
    inference = facet(ViamInference)
    predictions = facet(Predictions, gap=_NOT_APART)
    evaluations = facet(Evaluations, gap=_NOT_APART)
    attachments = facet(Attachments, gap=Gap.impossible("Viam binds models to machines, not to projects."))
    datasets = facet(ViamDatasets)
    labels = facet(ViamLabels)
    ontologies = facet(ViamOntologies)
    handoff = facet(Handoff, gap=Gap.impossible("Viam has no annotation projects; people label in a dataset."))

    @cached_property
    def wire(self) -> Wire:
        """The channel to Viam."""
        return Wire(self.settings)

    @cached_property
    def workspace(self) -> Workspace:
        """The organisation, its namespace, and the part for uploads."""
        return Workspace(self.wire, self.settings)

    @cached_property
    def sizes(self) -> Sizes:
        """Sizes of images that are known."""
        return Sizes(self.wire)

    @cached_property
    def listings(self) -> dict[str, Listing]:
        """The images of datasets by key, as last listed."""
        return _Listings(self)

    @cached_property
    def attempts(self) -> Attempts:
        """What was sent of the batch that is being written."""
        return Attempts()

    @cached_property
    def half_made(self) -> set[str]:
        """Ids of models whose creation has begun and not ended."""
        return set()

    @cached_property
    def replacing(self) -> dict[str, Any]:
        """Packages that are being replaced, by the id of their version."""
        return {}

    # -- extensions ----------------------------------------------------------------------------------------------------

    @cached_property
    def images(self) -> Images:
        """Images beyond one dataset."""
        return Images(self)

    @cached_property
    def sets(self) -> Sets:
        """Datasets beyond the facet."""
        return Sets(self)

    @cached_property
    def packages(self) -> Packages:
        """Packages of any kind."""
        return Packages(self)

    @cached_property
    def registry(self) -> Registry:
        """Registry items of any kind."""
        return Registry(self)

    @cached_property
    def containers(self) -> Containers:
        """Containers for training scripts."""
        return Containers(self)

    def items_in(self, images: Sequence[Any]) -> list[Item]:
        """Return images of Viam's as items, each with a signed URL and its size.

        Raises:
            CallFailed: A URL or a size cannot be had.
        """
        ids = [metadata.binary_data_id for metadata in images]
        for metadata in images:
            self.sizes.learn(metadata.binary_data_id, image_in(metadata))
        until = self.settings.url_minutes
        requests = [{"binary_data_id": image, "expiration_minutes": until} for image in ids]
        urls = self.wire.many("data.CreateBinaryDataSignedURL", requests)
        for answer in urls:
            if isinstance(answer, CallFailed):
                raise answer
        rows = zip(images, urls, self.sizes.of(ids), strict=True)
        return [item_in(metadata, url.signed_url, size) for metadata, url, size in rows]

    def now(self) -> datetime:
        """Return the time by which versions are named."""
        return datetime.now(UTC)

    def close(self) -> None:
        """Close the channel."""
        if "wire" in self.__dict__:
            self.wire.close()


class _Listings(dict[str, Listing]):
    """Makes a listing when a dataset is first asked for."""

    def __init__(self, adapter: ViamAdapter) -> None:
        super().__init__()
        self._adapter = adapter

    def __missing__(self, dataset: str) -> Listing:
        self[dataset] = Listing(self._adapter.wire, self._adapter.sizes, dataset)
        return self[dataset]
