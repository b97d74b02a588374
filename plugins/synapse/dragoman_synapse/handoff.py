"""Handoff on Synapse: tasks of an annotation project, with or without annotations to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman.errors import NotFound
from dragoman.fidelity import Keeper
from dragoman.interface import Handoff
from dragoman.schema import Item, Prediction
from dragoman_synapse import codec
from dragoman_synapse.entries import version_in
from dragoman_synapse.fidelity import ROWS
from dragoman_synapse.tasks import add_tasks
from dragoman_synapse.truth_rows import item_in


class SynapseHandoff(Handoff):
    """Tasks through `create_tasks`, their annotations through `annotate_task_data`."""

    _adapter: Any

    def _send_items(self, dataset: str, project: str, items: Sequence[str] | None) -> None:
        units = [item.id for item in self._items(dataset, items)]
        add_tasks(self._adapter.client, project, units)

    def _send_predictions(self, version: str, dataset: str, project: str) -> None:
        version_in(self._adapter.entries.get(version))
        items = self._items(dataset, None)
        found: dict[str, list[Prediction]] = {item.key: [] for item in items}
        for row in self._adapter.inference._predict(version, items, 0.25, 0.5):
            found[row.item].append(row)
        tasks = add_tasks(self._adapter.client, project, [item.id for item in items])
        for task, item in zip(tasks, items, strict=True):
            # A document keeps all that a plugin answers, so that nothing can be lost here.
            kept = filter(None, map(Keeper(ROWS, "store").keep, found[item.key]))
            size = (item.width, item.height) if item.width and item.height else None
            document = codec.v1.write(mark for row in kept for mark in codec.marks_of(row, size))
            self._adapter.client.put(f"tasks/{task}/annotate_task_data/", {"action": "submit", "data": document})

    def _items(self, dataset: str, chosen: Sequence[str] | None) -> list[Item]:
        adapter = self._adapter
        adapter.datasets.check(dataset)
        items = [item_in(wire, key) for wire, key in adapter.datasets.walk(dataset)]
        if chosen is None:
            return items
        if missing := set(chosen) - {item.key for item in items}:
            raise NotFound(f"Dataset {dataset} has no item {sorted(missing)[0]!r}.")
        return [item for item in items if item.key in chosen]
