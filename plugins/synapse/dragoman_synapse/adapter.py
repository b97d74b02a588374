"""Synapse behind the facets, and what it offers beyond them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path

from dragoman.adapter import Adapter, facet
from dragoman.calls.limits import Limits
from dragoman.capability import Gap
from dragoman.interface import Attachments, Predictions
from dragoman_synapse.catalog import Catalog
from dragoman_synapse.client import SynapseClient
from dragoman_synapse.collections import Collections
from dragoman_synapse.datasets import SynapseDatasets
from dragoman_synapse.deployments import Deployments
from dragoman_synapse.errors import ERRORS
from dragoman_synapse.evaluations import SynapseEvaluations
from dragoman_synapse.fidelity import ROWS
from dragoman_synapse.handoff import SynapseHandoff
from dragoman_synapse.inference import SynapseInference
from dragoman_synapse.labels import SynapseLabels
from dragoman_synapse.models import SynapseModels
from dragoman_synapse.ontologies import SynapseOntologies
from dragoman_synapse.performance import Performance
from dragoman_synapse.runs import Runs
from dragoman_synapse.settings import SynapseSettings
from dragoman_synapse.store import Entries
from dragoman_synapse.training import SynapseTrainings
from dragoman_synapse.truth_rows import Keys
from dragoman_synapse.truths import Truths
from dragoman_synapse.uploads import OnProgress, Uploads
from dragoman_synapse.versions import SynapseVersions


class SynapseAdapter(Adapter):
    """Synapse over HTTP: its own SDK needs a newer Python than Dragoman does."""

    name = "synapse"
    errors = ERRORS
    limits = Limits(batch_size=100, page_size=100)
    label_fidelity = ROWS
    prediction_fidelity = ROWS
    settings: SynapseSettings

    models = facet(SynapseModels)
    versions = facet(SynapseVersions)
    training = facet(SynapseTrainings)
    inference = facet(SynapseInference)
    predictions = facet(
        Predictions,
        gap=Gap.impossible(
            "Synapse stores no predictions; a plugin's answer is all there is.",
            instead="inference.predict, or handoff.send_predictions",
        ),
    )
    evaluations = facet(SynapseEvaluations)
    attachments = facet(Attachments, gap=Gap.impossible("Synapse binds no models to projects; plugins are told one."))
    datasets = facet(SynapseDatasets)
    labels = facet(SynapseLabels)
    ontologies = facet(SynapseOntologies)
    handoff = facet(SynapseHandoff)

    @cached_property
    def catalog(self) -> Catalog:
        """Synapse's list of models as it is, with all filters."""
        return Catalog(self)

    @cached_property
    def truths(self) -> Truths:
        """Ground truth: versions, events, manifests, splits, exports."""
        return Truths(self)

    @cached_property
    def collections(self) -> Collections:
        """Data that is not reviewed yet, and its way to annotation projects."""
        return Collections(self)

    @cached_property
    def deployments(self) -> Deployments:
        """Which versions are in use, and the plugin that serves them."""
        return Deployments(self)

    @cached_property
    def performance(self) -> Performance:
        """Versions against ground truth, and against each other."""
        return Performance(self)

    @cached_property
    def client(self) -> SynapseClient:
        """Sends the requests."""
        return SynapseClient(self.settings)

    @cached_property
    def entries(self) -> Entries:
        """The model entries."""
        return Entries(self.client)

    @cached_property
    def uploads(self) -> Uploads:
        """Sends files."""
        return Uploads(self.client, self.settings.chunk_bytes, self.pipeline.warn)

    @cached_property
    def runs(self) -> Runs:
        """Runs the plugin."""
        return Runs(self.client, self.settings, lambda seconds: self.sleep(seconds))

    @cached_property
    def keys(self) -> Keys:
        """The keys of items."""
        return Keys(self.settings.item_key)

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads that fetch files and ask for predictions."""
        return ThreadPoolExecutor(self.settings.concurrency, thread_name_prefix="dragoman-synapse")

    def send_file(self, path: Path, on_progress: OnProgress | None = None) -> str:
        """Send a file by chunked upload and return the upload's id; every request is a call of its own."""
        call = partial(self.pipeline.call, self.versions.operations["upload_weights"])
        return self.uploads.send(path.resolve(), call, on_progress)

    def close(self) -> None:
        """Close the connections and end the threads."""
        if "pool" in self.__dict__:
            self.pool.shutdown(cancel_futures=True)
        if "client" in self.__dict__:
            self.client.close()
