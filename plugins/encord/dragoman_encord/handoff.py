"""Handoff on Encord: predictions become labels on the main branch, datasets are added to projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.errors import Conflict, Unsupported
from dragoman.interface import Handoff
from dragoman_encord.labelrows import MAIN, LabelRows
from dragoman_encord.predictions import branch_of


class EncordHandoff(Handoff):
    """Handoff through the copying of labels between branches, and through a project's datasets."""

    _adapter: Any

    def _send_predictions(self, version: str, dataset: str, project: str) -> None:
        projects = self._adapter.projects
        home = projects.of(dataset)
        if projects.resolve(project) != home:
            raise Unsupported(
                f"The predictions are on a branch of the project {home}, and Encord copies within one project.",
                hint="Read them and write them as labels of the other project's dataset.",
            )
        rows = LabelRows(self._adapter, dataset, branch_of(version)).labelled()
        hashes = [place.label_hash or "" for place in rows]
        held = self._adapter.client.user.get_project(home)
        copied = held.copy_labels_to_branch(MAIN, branch_of(version), label_hashes=hashes) if hashes else 0
        if copied < len(rows):
            raise Conflict(
                f"{len(rows) - copied} of {len(rows)} items have labels already, and keep them; the others were sent."
            )

    def _send_items(self, dataset: str, project: str, items: Sequence[str] | None) -> None:
        if items is not None:
            raise Unsupported("Encord adds whole datasets to projects.", hint="Leave `items` out.")
        self._adapter.client.project(self._adapter.projects.resolve(project)).add_datasets([dataset])
