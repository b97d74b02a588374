"""Fidelity: what survives of rows, declared beforehand (`table`) and dealt with as the caller chose (`policy`)."""

from dragoman.fidelity.policy import Keeper, LossPolicy, allows, restore
from dragoman.fidelity.table import (
    EXACT,
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
    "LOSSLESS",
    "Fidelity",
    "FidelityTable",
    "Keeper",
    "Loss",
    "LossPolicy",
    "Survival",
    "allows",
    "approximate",
    "dropped",
    "restore",
    "stored",
]
