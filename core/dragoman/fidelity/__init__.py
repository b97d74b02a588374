"""Fidelity: what survives, declared beforehand and dealt with as the caller chose: of rows (`table` and `policy`), of
items and ontologies (`dataset`)."""

from dragoman.fidelity.dataset import WHOLE_DATASET, DatasetFidelity, DatasetKeeper, allows_of_dataset
from dragoman.fidelity.policy import Keeper, LossPolicy, allows, restore
from dragoman.fidelity.table import (
    EXACT,
    FORMS,
    LOSSLESS,
    Fidelity,
    FidelityTable,
    Loss,
    Survival,
    approximate,
    dropped,
    stored,
)

__all__ = [
    "EXACT",
    "FORMS",
    "LOSSLESS",
    "WHOLE_DATASET",
    "DatasetFidelity",
    "DatasetKeeper",
    "Fidelity",
    "FidelityTable",
    "Keeper",
    "Loss",
    "LossPolicy",
    "Survival",
    "allows",
    "allows_of_dataset",
    "approximate",
    "dropped",
    "restore",
    "stored",
]
