"""Labels of the local backend: rows of its state."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.interface import Labels
from dragoman.schema import Label, RowResult
from dragoman_local.home import home_of


class LocalLabels(Labels):
    """Keeps labels in the state."""

    _versions = Gap.impossible(
        "The local backend keeps one state of the labels, the newest.", instead="labels.read(...)"
    )
    _export = Gap.impossible(
        "The local backend has no export format of its own.", instead="labels.read(...) with dragoman.encode_rows(...)"
    )

    def _read(self, dataset: str, items: Sequence[str] | None, cursor: str | None, size: int) -> Page[Label]:
        return home_of(self).labels.read((dataset,), items, cursor, size)

    def _write(self, dataset: str, rows: Sequence[Label], update: bool) -> list[RowResult]:
        return home_of(self).labels.write((dataset,), rows, update)
