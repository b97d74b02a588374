"""Label Studio behind the facets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from dragoman.adapter import Adapter, facet
from dragoman.calls.limits import Limits
from dragoman.capability import Gap
from dragoman.interface import Inference, Trainings
from dragoman_labelstudio.attachments import LabelStudioAttachments
from dragoman_labelstudio.client import LabelStudioClient
from dragoman_labelstudio.datasets import LabelStudioDatasets
from dragoman_labelstudio.errors import ERRORS
from dragoman_labelstudio.evaluations import LabelStudioEvaluations
from dragoman_labelstudio.fidelity import ROWS
from dragoman_labelstudio.handoff import LabelStudioHandoff
from dragoman_labelstudio.labels import LabelStudioLabels
from dragoman_labelstudio.models import LabelStudioModels
from dragoman_labelstudio.ontologies import LabelStudioOntologies
from dragoman_labelstudio.predictions import LabelStudioPredictions
from dragoman_labelstudio.settings import LabelStudioSettings
from dragoman_labelstudio.tasks import Index
from dragoman_labelstudio.versions import LabelStudioVersions
from dragoman_labelstudio.wire import Account


class LabelStudioAdapter(Adapter):
    """Label Studio over HTTP: its own SDK is made for another edition and has no call for much of what is here."""

    name = "labelstudio"
    errors = ERRORS
    limits = Limits(batch_size=1000, page_size=100)
    label_fidelity = ROWS
    prediction_fidelity = ROWS
    settings: LabelStudioSettings

    models = facet(LabelStudioModels)
    versions = facet(LabelStudioVersions)
    training = facet(
        Trainings,
        gap=Gap.impossible(
            "Label Studio trains nothing; it tells a machine-learning backend to.", instead="dragoman serve labelstudio"
        ),
    )
    inference = facet(
        Inference,
        gap=Gap.impossible(
            "Label Studio predicts nothing; it asks a machine-learning backend and stores the answer.",
            instead="predictions.read",
        ),
    )
    predictions = facet(LabelStudioPredictions)
    evaluations = facet(LabelStudioEvaluations)
    attachments = facet(LabelStudioAttachments)
    datasets = facet(LabelStudioDatasets)
    labels = facet(LabelStudioLabels)
    ontologies = facet(LabelStudioOntologies)
    handoff = facet(LabelStudioHandoff)

    @cached_property
    def client(self) -> LabelStudioClient:
        """Sends the requests."""
        return LabelStudioClient(self.settings)

    @cached_property
    def user(self) -> int:
        """The number of the user who asks: annotations that we write are theirs."""
        return self.client.get("api/current-user/whoami", Account).id

    @cached_property
    def folder(self) -> Path:
        """Where files go that are fetched."""
        if self.settings.folder is None:
            return Path(self._temporary.name)
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        return self.settings.folder

    @cached_property
    def exports(self) -> Path:
        """Where exports go: whoever asked for one has it after the backend is closed."""
        return self.folder if self.settings.folder else Path(mkdtemp(prefix="dragoman-labelstudio-"))

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads that fetch files."""
        return ThreadPoolExecutor(self.settings.concurrency, thread_name_prefix="dragoman-labelstudio")

    def index(self, dataset: str) -> Index:
        """Return which task of a project has which item."""
        if dataset not in self._indexes:
            self._indexes[dataset] = Index(self.client, dataset, by_id=self.settings.item_key == "id")
        return self._indexes[dataset]

    @cached_property
    def _indexes(self) -> dict[str, Index]:
        return {}

    @cached_property
    def _temporary(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="dragoman-labelstudio-")

    def close(self) -> None:
        """Close the connections, end the threads, and delete what was fetched."""
        if "pool" in self.__dict__:
            self.pool.shutdown(cancel_futures=True)
        if "client" in self.__dict__:
            self.client.close()
        if "_temporary" in self.__dict__:
            self._temporary.cleanup()
