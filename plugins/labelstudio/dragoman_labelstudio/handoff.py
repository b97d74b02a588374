"""Handoff on Label Studio: tasks of another project, or predictions that a project's annotators begin with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.errors import InvalidData, NotFound
from dragoman.fidelity import Keeper, restore
from dragoman.formats.labelstudio.tasks import medium_of
from dragoman.interface import Handoff
from dragoman.schema import Item, Label
from dragoman_labelstudio.fidelity import table_for
from dragoman_labelstudio.predictions import VersionPredictions
from dragoman_labelstudio.projects import path_of, project_of
from dragoman_labelstudio.tasks import FULL, bare, item_in, page, present


class LabelStudioHandoff(Handoff):
    """Tasks through the import; within a project, predictions through the version that it shows."""

    _adapter: Any

    def _send_items(self, dataset: str, project: str, items: Sequence[str] | None) -> None:
        self._copy(dataset, project, items)

    def _send_predictions(self, version: str, dataset: str, project: str) -> None:
        sent = VersionPredictions(self._adapter, dataset, version)
        self._adapter.versions._get(f"{dataset}:{sent.name}")
        if project != dataset:
            rows = list(map(restore, sent.rows()))
            self._copy(dataset, project, list(dict.fromkeys(row.item for row in rows)))
            self._write(VersionPredictions(self._adapter, project, sent.name), rows)
        shown = {"model_version": sent.name, "show_collab_predictions": True}
        self._adapter.client.patch(path_of(project), shown)

    def _write(self, target: VersionPredictions, rows: Sequence[Label]) -> None:
        """Write predictions of one project in another; what cannot be stored there is refused.

        Raises:
            InvalidData: The other project has no place for one.
        """
        # What is stored in one project is stored in the other, so that nothing can be lost here.
        keeper = Keeper(table_for(target.project.config), "store")
        size = self._adapter.limits.batch_size
        for start in range(0, len(rows), size):
            kept = [row for row in map(keeper.keep, rows[start : start + size]) if row is not None]
            for row, result in zip(kept, target.write(kept, update=True), strict=True):
                if result.status == "rejected":
                    raise InvalidData(f"The prediction {row.id} on {row.item!r} cannot be sent: {result.reason}")

    def _copy(self, dataset: str, project: str, keys: Sequence[str] | None) -> None:
        """Import items of a project into another, those that are there left out. Media stay where they are."""
        adapter = self._adapter
        target = project_of(adapter.client, project)
        found = self._media(dataset)
        if missing := set(keys or ()) - found.keys():
            raise NotFound(f"Dataset {dataset} has no item {min(missing)!r}.")
        wanted = list(found) if keys is None else list(keys)
        there = dict(present(adapter.client, project, adapter.index(project), wanted, target.config, {"include": "id"}))
        new = [found[key] for key in wanted if key not in there]
        for start in range(0, len(new), adapter.limits.batch_size):
            adapter.datasets.add_tasks(project, target, new[start : start + adapter.limits.batch_size])

    def _media(self, dataset: str) -> dict[str, tuple[Item, str]]:
        """Return the items of a project by key, each with where its medium is."""
        client, config = self._adapter.client, project_of(self._adapter.client, dataset).config
        by_id = self._adapter.settings.item_key == "id"
        found: dict[str, tuple[Item, str]] = {}
        last = 0
        while tasks := page(client, dataset, last, self._adapter.limits.page_size, FULL):
            for task in tasks:
                item = item_in(task, config, by_id=by_id)
                found[item.key] = item, medium_of(bare(task), config)[1]
            last = tasks[-1].id
        return found
