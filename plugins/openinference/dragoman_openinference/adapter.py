"""Servers of the Open Inference Protocol behind the facets, and what they offer beyond them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

from dragoman.adapter import Adapter, facet
from dragoman.capability import Gap
from dragoman.interface import (
    Attachments,
    Datasets,
    Evaluations,
    Handoff,
    Labels,
    Ontologies,
    Predictions,
    Trainings,
)
from dragoman_openinference.errors import ERRORS
from dragoman_openinference.inference import ServedInference
from dragoman_openinference.models import ServedModels
from dragoman_openinference.repository import Repository
from dragoman_openinference.server import InferenceServer, opened
from dragoman_openinference.settings import OpenInferenceSettings
from dragoman_openinference.versions import ServedVersions

_NO_DATA = "A server answers requests, and keeps no data."


class OpenInferenceAdapter(Adapter):
    """A server of the protocol, over REST or gRPC."""

    name = "openinference"
    errors = ERRORS
    settings: OpenInferenceSettings

    models = facet(ServedModels)
    versions = facet(ServedVersions)
    training = facet(Trainings, gap=Gap.impossible("A server answers requests, and trains nothing."))
    inference = facet(ServedInference)
    predictions = facet(Predictions, gap=Gap.impossible(_NO_DATA))
    evaluations = facet(Evaluations, gap=Gap.impossible(_NO_DATA))
    attachments = facet(Attachments, gap=Gap.impossible("A server has no projects that models could be bound to."))
    datasets = facet(Datasets, gap=Gap.impossible(_NO_DATA))
    labels = facet(Labels, gap=Gap.impossible(_NO_DATA))
    ontologies = facet(Ontologies, gap=Gap.impossible(_NO_DATA))
    handoff = facet(Handoff, gap=Gap.impossible("Nobody annotates on a server."))

    @cached_property
    def repository(self) -> Repository:
        """Which models are loaded."""
        return Repository(self)

    @cached_property
    def server(self) -> InferenceServer:
        """The server."""
        return opened(self.settings)

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        """Threads that ask for predictions."""
        return ThreadPoolExecutor(self.settings.concurrency, thread_name_prefix="dragoman-openinference")

    def close(self) -> None:
        """Close the connections and end the threads."""
        if "pool" in self.__dict__:
            self.pool.shutdown(cancel_futures=True)
        if "server" in self.__dict__:
            self.server.close()
