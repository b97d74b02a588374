"""MLflow behind the facets, and what it offers beyond them."""

from __future__ import annotations

import time
from functools import cached_property

from dragoman.adapter import Adapter, facet
from dragoman.calls.limits import Limits
from dragoman.capability import Gap
from dragoman.interface import (
    Attachments,
    Datasets,
    Evaluations,
    Handoff,
    Inference,
    Labels,
    Ontologies,
    Predictions,
)
from dragoman_mlflow.aliases import Aliases
from dragoman_mlflow.client import MlflowClient
from dragoman_mlflow.errors import ERRORS
from dragoman_mlflow.models import MlflowModels
from dragoman_mlflow.registry import Registry
from dragoman_mlflow.runs import Runs
from dragoman_mlflow.settings import MlflowSettings
from dragoman_mlflow.training import MlflowTrainings
from dragoman_mlflow.versions import MlflowVersions
from dragoman_mlflow.weights import Weights

_NO_DATA = "MLflow keeps no images: of a run's datasets it knows name, digest and source."


class MlflowAdapter(Adapter):
    """MLflow over its REST API: the smallest of its own clients brings a web server and repeats mutations by itself."""

    name = "mlflow"
    errors = ERRORS
    limits = Limits(page_size=100)
    settings: MlflowSettings

    models = facet(MlflowModels)
    versions = facet(MlflowVersions)
    training = facet(MlflowTrainings)
    inference = facet(
        Inference,
        gap=Gap.impossible(
            "The tracking server runs no models.", instead="the backend openinference, where the model is served"
        ),
    )
    predictions = facet(Predictions, gap=Gap.impossible(_NO_DATA))
    evaluations = facet(Evaluations, gap=Gap.impossible(_NO_DATA))
    attachments = facet(Attachments, gap=Gap.impossible("MLflow has no projects that models could be bound to."))
    datasets = facet(Datasets, gap=Gap.impossible(_NO_DATA))
    labels = facet(Labels, gap=Gap.impossible(_NO_DATA))
    ontologies = facet(Ontologies, gap=Gap.impossible("MLflow has no ontologies; a model's features are its own."))
    handoff = facet(Handoff, gap=Gap.impossible("Nobody annotates in MLflow."))

    @cached_property
    def aliases(self) -> Aliases:
        """Names that point to versions."""
        return Aliases(self)

    @cached_property
    def client(self) -> MlflowClient:
        """Sends the requests."""
        return MlflowClient(self.settings)

    @cached_property
    def registry(self) -> Registry:
        """Registered models and model versions."""
        return Registry(self.client)

    @cached_property
    def runs(self) -> Runs:
        """Runs and experiments."""
        return Runs(self.client, self.settings.experiment)

    @cached_property
    def weights(self) -> Weights:
        """The files of versions."""
        return Weights(self.client, self.registry)

    def now(self) -> int:
        """Return the time that runs and metrics are given, in milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def close(self) -> None:
        """Close the connections."""
        if "client" in self.__dict__:
            self.client.close()
