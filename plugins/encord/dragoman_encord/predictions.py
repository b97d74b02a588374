"""Predictions on Encord: labels on a branch of the dataset's project, one branch for each version.

Encord stores no predictions. Labels on another branch, with their confidence and marked as not made by hand, are the
only place beside the ground truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.interface import Predictions
from dragoman.schema import Prediction, RowResult
from dragoman_encord.codec import Sheet
from dragoman_encord.ids import parts
from dragoman_encord.labelrows import LabelRows


class EncordPredictions(Predictions):
    """Predictions through label rows on branches."""

    _adapter: Any

    def _write(self, version: str, dataset: str, rows: Sequence[Prediction], update: bool) -> list[RowResult]:
        return self._rows(version, dataset).write(rows, update=update)

    def _read(
        self, version: str, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int
    ) -> Page[Prediction]:
        return self._rows(version, dataset).page(items, cursor, size, Sheet.predictions)

    def _find(self, version: str, dataset: str, rows: Sequence[Prediction]) -> list[RowResult | None]:
        return self._rows(version, dataset).find(rows)

    def _delete(self, version: str, dataset: str, ids: Sequence[str] | None) -> None:
        self._rows(version, dataset).discard(ids)

    def _rows(self, version: str, dataset: str) -> LabelRows:
        return LabelRows(self._adapter, dataset, branch_of(version))


def branch_of(version: str) -> str:
    """Return the branch that holds the predictions of a version."""
    return f"predictions-{parts(version, 'version')[1]}"
