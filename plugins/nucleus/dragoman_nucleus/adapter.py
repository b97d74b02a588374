"""Nucleus behind the facets."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from dragoman.adapter import Adapter, facet
from dragoman.calls.limits import Limits
from dragoman.capability import Gap
from dragoman.interface import Attachments, Inference, Trainings
from dragoman_nucleus.benchmarks import Benchmarks
from dragoman_nucleus.curation import Curation
from dragoman_nucleus.datasets import NucleusDatasets
from dragoman_nucleus.errors import ERRORS
from dragoman_nucleus.evaluations import NucleusEvaluations
from dragoman_nucleus.fidelity import DATASETS, ROWS
from dragoman_nucleus.handoff import NucleusHandoff
from dragoman_nucleus.labels import NucleusLabels
from dragoman_nucleus.models import NucleusModels
from dragoman_nucleus.ontologies import NucleusOntologies
from dragoman_nucleus.predictions import NucleusPredictions
from dragoman_nucleus.presets import Presets
from dragoman_nucleus.registry import Registry
from dragoman_nucleus.runs import Runs
from dragoman_nucleus.scenes import Scenes
from dragoman_nucleus.sdk import open_client
from dragoman_nucleus.search import Search
from dragoman_nucleus.settings import NucleusSettings
from dragoman_nucleus.slices import Slices
from dragoman_nucleus.taxonomies import Taxonomies
from dragoman_nucleus.versions import NucleusVersions


class NucleusAdapter(Adapter):
    """Scale Nucleus through its own SDK."""

    name = "nucleus"
    errors = ERRORS
    # While Nucleus works at the job of one batch, a migration translates and uploads the next. The SDK's own uploads of
    # files are up to ten at once.
    limits = Limits(batch_size=40_000, page_size=5000, in_flight=2)
    label_fidelity = ROWS
    prediction_fidelity = ROWS
    dataset_fidelity = DATASETS
    settings: NucleusSettings

    models = facet(NucleusModels)
    versions = facet(NucleusVersions)
    training = facet(Trainings, gap=Gap.impossible("Nucleus runs no training.", instead="a backend that trains"))
    inference = facet(
        Inference, gap=Gap.impossible("Nucleus runs only models hosted by Scale.", instead="predictions.write")
    )
    predictions = facet(NucleusPredictions)
    evaluations = facet(NucleusEvaluations)
    attachments = facet(Attachments, gap=Gap.impossible("Nucleus binds no models to projects."))
    datasets = facet(NucleusDatasets)
    labels = facet(NucleusLabels)
    ontologies = facet(NucleusOntologies)
    handoff = facet(NucleusHandoff)

    @cached_property
    def client(self) -> Any:
        """The SDK's client."""
        return open_client(self.settings.api_key.get_secret_value(), self.settings.endpoint, self.settings.timeout)

    @cached_property
    def taxonomies(self) -> Taxonomies:
        """Taxonomies that this connection has added."""
        return Taxonomies(self.client)

    @cached_property
    def slices(self) -> Slices:
        """Parts of datasets."""
        return Slices(self)

    @cached_property
    def benchmarks(self) -> Benchmarks:
        """Fixed sets of labelled items that models are evaluated against."""
        return Benchmarks(self)

    @cached_property
    def presets(self) -> Presets:
        """Configurations of evaluations."""
        return Presets(self)

    @cached_property
    def scenes(self) -> Scenes:
        """Videos and lidar sequences, and their tracks."""
        return Scenes(self)

    @cached_property
    def registry(self) -> Registry:
        """Tags, trained slices and weights of models."""
        return Registry(self)

    @cached_property
    def runs(self) -> Runs:
        """Merging, copying and matching of versions."""
        return Runs(self)

    @cached_property
    def curation(self) -> Curation:
        """Deleting from datasets, and their tags."""
        return Curation(self)

    @cached_property
    def search(self) -> Search:
        """Queries and near duplicates."""
        return Search(self)

    def close(self) -> None:
        """Close the pooled connections."""
        if "client" in self.__dict__:
            self.client.connection.session.close()
