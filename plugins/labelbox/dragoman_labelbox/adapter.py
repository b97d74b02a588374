"""Labelbox behind the facets."""

from __future__ import annotations

from functools import cached_property

from dragoman.adapter import Adapter, facet
from dragoman.calls.limits import Limits
from dragoman.capability import Gap
from dragoman.interface import Attachments, Evaluations, Trainings
from dragoman_labelbox.books import Shelf
from dragoman_labelbox.datasets import LabelboxDatasets
from dragoman_labelbox.errors import ERRORS
from dragoman_labelbox.fidelity import DATASETS, LABELS, PREDICTIONS
from dragoman_labelbox.files import Files
from dragoman_labelbox.handoff import LabelboxHandoff
from dragoman_labelbox.inference import LabelboxInference
from dragoman_labelbox.keys import Keys
from dragoman_labelbox.labels import LabelboxLabels
from dragoman_labelbox.lookup import Earlier
from dragoman_labelbox.models import LabelboxModels
from dragoman_labelbox.ontologies import LabelboxOntologies
from dragoman_labelbox.predictions import LabelboxPredictions
from dragoman_labelbox.presence import Presence
from dragoman_labelbox.projects import Projects
from dragoman_labelbox.sdk import Client, close, open_client
from dragoman_labelbox.settings import LabelboxSettings
from dragoman_labelbox.versions import LabelboxVersions


class LabelboxEvaluations(Evaluations):
    """The core evaluates; Labelbox computes metrics for its own pages only."""

    _get = Gap.impossible("Labelbox gives no evaluation out; it shows them.", instead="evaluations.evaluate")


class LabelboxAdapter(Adapter):
    """Labelbox through its own SDK."""

    name = "labelbox"
    errors = ERRORS
    limits = Limits(batch_size=10_000, page_size=500)
    label_fidelity = LABELS
    prediction_fidelity = PREDICTIONS
    dataset_fidelity = DATASETS
    settings: LabelboxSettings

    models = facet(LabelboxModels)
    versions = facet(LabelboxVersions)
    training = facet(
        Trainings,
        gap=Gap.impossible(
            "Labelbox runs no training; it shows the status of one that runs elsewhere.",
            instead="versions.update(status=...)",
        ),
    )
    inference = facet(LabelboxInference)
    predictions = facet(LabelboxPredictions)
    evaluations = facet(LabelboxEvaluations)
    attachments = facet(Attachments, gap=Gap.impossible("Labelbox binds no models to projects."))
    datasets = facet(LabelboxDatasets)
    labels = facet(LabelboxLabels)
    ontologies = facet(LabelboxOntologies)
    handoff = facet(LabelboxHandoff)

    @cached_property
    def client(self) -> Client:
        """The SDK's client."""
        settings = self.settings
        return open_client(
            settings.api_key.get_secret_value(), settings.endpoint, settings.rest_endpoint, settings.timeout
        )

    @cached_property
    def files(self) -> Files:
        """What fetches files that need no key."""
        return Files(self.settings.timeout)

    @cached_property
    def shelf(self) -> Shelf:
        """The ontologies that were looked at."""
        return Shelf(self)

    @cached_property
    def projects(self) -> Projects:
        """The projects of datasets."""
        return Projects(self)

    @cached_property
    def presences(self) -> dict[str, Presence]:
        """What runs and projects hold, by id, of those that were written to."""
        return {}

    @cached_property
    def run_ontologies(self) -> dict[str, str]:
        """Ids of the ontologies of model runs, by run, of those that were written to; a run keeps its own."""
        return {}

    @cached_property
    def run_keys(self) -> dict[str, Keys]:
        """The translations of item keys in the datasets of model runs, by run, of those whose items are read."""
        return {}

    @cached_property
    def earlier(self) -> Earlier:
        """Which items were there before the batch that is under way."""
        return Earlier()

    @cached_property
    def sent(self) -> set[str]:
        """Names of imports that were sent and whose results were not read yet."""
        return set()

    def keys(self, dataset: str) -> Keys:
        """Return the translation of item keys in a dataset."""
        return Keys(dataset, scoped=self.settings.scoped_keys)

    def close(self) -> None:
        """Close the pooled connections."""
        if "client" in self.__dict__:
            close(self.client)
        if "files" in self.__dict__:
            self.files.close()
