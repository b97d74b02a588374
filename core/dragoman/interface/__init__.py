"""The facets: what users call, and what an adapter translates. One module each."""

from dragoman.interface.attachments import Attachments
from dragoman.interface.base import Facet, operation
from dragoman.interface.datasets import Datasets
from dragoman.interface.evaluations import Evaluations
from dragoman.interface.handoff import Handoff
from dragoman.interface.inference import Inference
from dragoman.interface.labels import Labels
from dragoman.interface.models import Models
from dragoman.interface.ontologies import Ontologies
from dragoman.interface.predictions import Predictions
from dragoman.interface.training import Trainings, check_parameters, whole_dataset
from dragoman.interface.versions import Versions

FACETS: tuple[type[Facet], ...] = (
    Models,
    Versions,
    Trainings,
    Inference,
    Predictions,
    Evaluations,
    Attachments,
    Datasets,
    Labels,
    Ontologies,
    Handoff,
)

__all__ = [
    "FACETS",
    "Attachments",
    "Datasets",
    "Evaluations",
    "Facet",
    "Handoff",
    "Inference",
    "Labels",
    "Models",
    "Ontologies",
    "Predictions",
    "Trainings",
    "Versions",
    "check_parameters",
    "operation",
    "whole_dataset",
]
