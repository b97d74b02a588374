"""The local adapter: which facets it has. It imports neither torch nor OpenCV; the facets do when they need them."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from dragoman.adapter import Adapter, facet
from dragoman.calls.binding import ErrorTable
from dragoman.calls.limits import Limits
from dragoman.capability import Gap
from dragoman.interface import Handoff
from dragoman_local.attachments import LocalAttachments
from dragoman_local.datasets import LocalDatasets
from dragoman_local.errors import ERRORS
from dragoman_local.evaluations import LocalEvaluations
from dragoman_local.home import Home
from dragoman_local.inference import LocalInference
from dragoman_local.labels import LocalLabels
from dragoman_local.models import LocalModels
from dragoman_local.ontologies import LocalOntologies
from dragoman_local.predictions import LocalPredictions
from dragoman_local.settings import LocalSettings
from dragoman_local.training import LocalTrainings
from dragoman_local.versions import LocalVersions


class LocalAdapter(Adapter):
    """This machine as a platform: PyTorch, and everything kept in one folder."""

    name = "local"
    errors: ClassVar[ErrorTable] = ERRORS
    limits: ClassVar[Limits] = Limits(batch_size=5000, page_size=5000)
    settings: LocalSettings

    models = facet(LocalModels)
    versions = facet(LocalVersions)
    training = facet(LocalTrainings)
    inference = facet(LocalInference)
    predictions = facet(LocalPredictions)
    evaluations = facet(LocalEvaluations)
    attachments = facet(LocalAttachments)
    datasets = facet(LocalDatasets)
    labels = facet(LocalLabels)
    ontologies = facet(LocalOntologies)
    handoff = facet(
        Handoff,
        gap=Gap.impossible(
            "Nobody annotates on the local backend.",
            instead="labels.write(...), or a migration to a platform where people annotate,",
        ),
    )

    @cached_property
    def home(self) -> Home:
        """The backend's folder."""
        return Home(self.settings.root)

    def close(self) -> None:
        """Close the state. Workers and trainings go on: they are processes of their own."""
        self.home.close()
