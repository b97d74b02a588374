"""Predictions of the local backend: rows of its state."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.calls.pipeline import Page
from dragoman.interface import Predictions
from dragoman.schema import Prediction, RowResult
from dragoman_local.home import home_of


class LocalPredictions(Predictions):
    """Keeps predictions in the state."""

    def _write(self, version: str, dataset: str, rows: Sequence[Prediction], update: bool) -> list[RowResult]:
        return home_of(self).predictions.write((version, dataset), rows, update)

    def _read(
        self, version: str, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int
    ) -> Page[Prediction]:
        return home_of(self).predictions.read((version, dataset), items, cursor, size)

    def _delete(self, version: str, dataset: str, ids: Sequence[str] | None) -> None:
        home_of(self).predictions.delete((version, dataset), ids)
