"""Nucleus behind the facets."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from dragoman.adapter import Adapter, facet
from dragoman.calls.limits import Limits
from dragoman.capability import Gap
from dragoman.interface import Attachments, Evaluations, Handoff, Inference, Trainings
from dragoman_nucleus.datasets import NucleusDatasets
from dragoman_nucleus.errors import ERRORS
from dragoman_nucleus.fidelity import ROWS
from dragoman_nucleus.labels import NucleusLabels
from dragoman_nucleus.models import NucleusModels
from dragoman_nucleus.ontologies import NucleusOntologies
from dragoman_nucleus.predictions import NucleusPredictions
from dragoman_nucleus.sdk import open_client
from dragoman_nucleus.settings import NucleusSettings
from dragoman_nucleus.versions import NucleusVersions


class NucleusEvaluations(Evaluations):
    """The core evaluates; Nucleus's own benchmarks are not translated yet."""

    _get = Gap.unwritten("Nucleus keeps evaluations of benchmarks only.", instead="evaluations.evaluate")


class NucleusAdapter(Adapter):
    """Scale Nucleus through its own SDK."""

    name = "nucleus"
    errors = ERRORS
    limits = Limits(batch_size=5000, page_size=5000)
    label_fidelity = ROWS
    prediction_fidelity = ROWS
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
    handoff = facet(Handoff, gap=Gap.unwritten("Nucleus can send slices to labelling, without predictions."))

    @cached_property
    def client(self) -> Any:
        """The SDK's client."""
        return open_client(self.settings.api_key.get_secret_value(), self.settings.endpoint, self.settings.timeout)

    def close(self) -> None:
        """Close the pooled connections."""
        if "client" in self.__dict__:
            self.client.connection.session.close()
