"""Selecting items and scenes of a dataset by a query."""

from __future__ import annotations

from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Item, Json, Scene
from dragoman_nucleus.emulator.queries import Subject, parse
from dragoman_nucleus.emulator.rows import Row, Rows
from dragoman_nucleus.emulator.state import State


def select_items(state: State, dataset: Dataset, query: str | None, predictions: Rows | None = None) -> list[Item]:
    """Return the items that a query selects, in their order.

    Args:
        state: The account.
        dataset: Whose items.
        query: The query; nothing selects everything.
        predictions: What `predictions.` means; by default those of the youngest run on the dataset.

    Raises:
        ApiError: 400, the query is not understood.
    """
    if not query:
        return dataset.items.ordered()
    test, subjects = parse(query), Subjects(state, dataset, predictions)
    return [item for item in dataset.items if test(subjects.of(item))]


def select_scenes(state: State, dataset: Dataset, query: str | None) -> list[Scene]:
    """Return the scenes that a query selects, in their order; rows on their frames and on themselves count."""
    test, subjects = parse(query), Subjects(state, dataset)
    return [scene for scene in dataset.scenes if test(subjects.of(scene))]


class Subjects:
    """What queries can ask about the items and scenes of a dataset.

    Args:
        state: The account.
        dataset: The dataset.
        predictions: What `predictions.` means; by default those of the youngest run on the dataset.
    """

    def __init__(self, state: State, dataset: Dataset, predictions: Rows | None = None) -> None:
        runs = state.runs_on(dataset.id)
        latest = runs[-1].predictions if runs else Rows()
        self._ground_truth = dataset.ground_truth
        self._predictions = latest if predictions is None else predictions
        self._slices: dict[str, list[str]] = {}
        for part in state.slices_of(dataset.id):
            for member_id in part.member_ids:
                self._slices.setdefault(member_id, []).append(part.id)
        self._tasks: dict[str, list[Json]] = {}
        for task in state.tasks.values():
            self._tasks.setdefault(task.item_id, []).append(task.to_json())

    def of(self, target: Item | Scene) -> Subject:
        """Return what can be asked about an item or a scene; a scene has the rows of its frames, too."""
        ids = [target.id, *(target.item_ids() if isinstance(target, Scene) else ())]
        return Subject(
            reference_id=target.reference_id,
            metadata=target.metadata,
            labels=_on(self._ground_truth, ids),
            predictions=_on(self._predictions, ids),
            slice_ids=self._slices.get(target.id, ()),
            tasks=self._tasks.get(target.id, ()),
        )


def _on(rows: Rows, ids: list[str]) -> list[Row]:
    return [row for target_id in ids for row in rows.on(target_id)]
