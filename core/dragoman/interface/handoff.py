"""Handoff: send predictions or items to people for annotation."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.interface.base import Facet, chosen, operation, ref
from dragoman.schema import Dataset, Version


class Handoff(Facet, name="handoff"):
    """Send work to annotation projects."""

    @operation(repeatable=False)
    def send_predictions(self, version: str | Version, *, dataset: str | Dataset, project: str) -> None:
        """Send the predictions of a version on a dataset to a project, as labels to begin with."""
        self._call("send_predictions", ref(version), ref(dataset), project)

    @operation(repeatable=False)
    def send_items(self, dataset: str | Dataset, *, project: str, items: Sequence[str] | None = None) -> None:
        """Send items of a dataset, by key, to a project; all if none are named."""
        self._call("send_items", ref(dataset), project, chosen(items, "items"))
