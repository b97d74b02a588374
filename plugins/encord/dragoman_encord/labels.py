"""Labels on Encord: the label rows of a dataset's project on its main branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.interface import Labels
from dragoman.schema import Label, RowResult
from dragoman_encord.codec import Sheet
from dragoman_encord.labelrows import MAIN, LabelRows


class EncordLabels(Labels):
    """Labels through the calls behind the SDK's bundles of label rows."""

    _adapter: Any

    _versions = Gap.impossible("Encord keeps one state of the labels on each branch.")

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        return LabelRows(self._adapter, dataset, MAIN).page(items, cursor, size, Sheet.labels)

    def _write(self, dataset: str, rows: Sequence[Label], update: bool) -> list[RowResult]:
        return LabelRows(self._adapter, dataset, MAIN).write(rows, update=update)

    def _find(self, dataset: str, rows: Sequence[Label]) -> list[RowResult | None]:
        return LabelRows(self._adapter, dataset, MAIN).find(rows)

    _export = Gap.impossible(
        "Encord makes no export file; its SDK writes one from what it reads.", instead="labels.read"
    )
