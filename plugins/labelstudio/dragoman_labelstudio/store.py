"""Where rows are: the annotations of a project's tasks, or the predictions of one model version on them.

`labels` and `predictions` say which these are and how they are sent; what is done with them is here, once. Rows are
read before they are written, so that a batch that is sent again adds nothing; between the two, nobody else should
write to the same tasks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from functools import cached_property
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData, NotFound
from dragoman.formats.labelstudio.rows import TaskRows
from dragoman.schema import IGNORED, Item, Label, RowResult
from dragoman_labelstudio.codec import Encoder
from dragoman_labelstudio.merging import Held, Written, held_on, merge
from dragoman_labelstudio.projects import OfProject, project_of
from dragoman_labelstudio.tasks import Index, chosen, item_in, items_in, page, present, said
from dragoman_labelstudio.wire import StoredTask

FEW = 3
"""Most tasks whose rows are sent one by one, where a bulk write takes several requests."""


class Store(ABC):
    """Rows of one kind in one project.

    Args:
        adapter: The connected adapter.
        dataset: The project's id.
    """

    fields: dict[str, str]
    """What is asked for of a task."""

    def __init__(self, adapter: Any, dataset: str) -> None:
        self.adapter = adapter
        self.dataset = dataset
        self.client = adapter.client
        self._by_id = adapter.settings.item_key == "id"

    @cached_property
    def project(self) -> OfProject:
        """The project; `NotFound` if there is none."""
        return project_of(self.client, self.dataset)

    @property
    @abstractmethod
    def encoder(self) -> Encoder:
        """Makes the results of rows."""

    @abstractmethod
    def stored(self, task: StoredTask) -> list[tuple[int, bool, Any]]:
        """Return number, whether new rows go into it, and content of what is on a task."""

    @abstractmethod
    def shown(self, task: StoredTask) -> StoredTask:
        """Return a task with nothing on it but rows of this store."""

    @abstractmethod
    def create(self, written: Sequence[Written]) -> None:
        """Make annotations or predictions, in bulk where they are many."""

    @abstractmethod
    def replace(self, written: Written) -> None:
        """Give an annotation or prediction other results."""

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self, rows: Sequence[Label], *, update: bool) -> list[RowResult]:
        """Write a batch and return one result per row."""
        results: dict[int, RowResult] = {}
        made: list[Written] = []
        by_item = _by_item(rows)
        tasks = self._tasks(list(by_item))
        items = self.items(list(tasks.values()))
        for key, places in by_item.items():
            if key not in tasks:
                results |= dict.fromkeys(places, RowResult("rejected", reason=f"There is no item {key!r}."))
                continue
            number, chosen_rows = tasks[key].id, [rows[place] for place in places]
            held = self.held(tasks[key], items[number])
            merged = merge(number, items[number], held, chosen_rows, self.encoder, update=update)
            results |= zip(places, merged.outcomes, strict=True)
            made += merged.written
        for one in made:
            if one.number is not None:
                self.replace(one)
        if fresh := [one for one in made if one.number is None]:
            self.create(fresh)
        return [results[place] for place in range(len(rows))]

    def find(self, rows: Sequence[Label]) -> list[RowResult | None]:
        """Look rows up; see `dragoman.calls.bulk`."""
        there: set[tuple[str, str]] = set()
        tasks = self._tasks(list(_by_item(rows)))
        items = self.items(list(tasks.values()))
        for key, task in tasks.items():
            held = self.held(task, items[task.id])
            there |= {(key, row.id) for one in held for group in one.groups for row in group.rows}
        return [IGNORED if (row.item, row.id) in there else None for row in rows]

    def absent(self, tasks: Iterable[int]) -> Set[int]:
        """Return which of the tasks have nothing of ours on them; those that are gone are among them."""
        asked = set(tasks)
        found = chosen(self.client, self.dataset, asked, self.fields)
        return {number for number in asked if not any(own for _, own, _ in self._stored_on(found, number))}

    def _stored_on(self, found: dict[int, StoredTask], number: int) -> list[tuple[int, bool, Any]]:
        return self.stored(found[number]) if number in found else []

    def items(self, tasks: Collection[StoredTask]) -> dict[int, Item]:
        """Return the items of tasks by number."""
        return items_in(self.client, self.dataset, tasks, self.project.config, by_id=self._by_id)

    def held(self, task: StoredTask, item: Item) -> list[Held]:
        """Return what is on a task, in groups of results that belong together."""
        return held_on(task, item, self.project.config, self.stored(task))

    # -- reading -------------------------------------------------------------------------------------------------------

    def page(self, cursor: str | None, size: int) -> Page[Label]:
        """Return the rows on one page of tasks."""
        tasks = page(self.client, self.dataset, int(cursor or 0), size, self.fields)
        return Page(list(self._rows(tasks)), str(tasks[-1].id) if tasks else None)

    def on(self, keys: Sequence[str], cursor: str | None, size: int) -> Page[Label]:
        """Return the rows on some of the items whose keys are given.

        Raises:
            NotFound: There is no such item.
        """
        start = int(cursor or 0)
        part = list(dict.fromkeys(keys))[start : start + size]
        tasks = self._tasks(part)
        if missing := set(part) - set(tasks):
            raise NotFound(f"Dataset {self.dataset} has no item {min(missing)!r}.")
        end = start + len(part)
        return Page(list(self._rows(tasks.values())), str(end) if end < len(set(keys)) else None)

    def rows(self) -> Iterator[Label]:
        """Yield all rows, within one call of the core."""
        cursor: str | None = None
        while True:
            found = self.page(cursor, self.adapter.limits.page_size)
            yield from found.items
            if (cursor := found.next) is None:
                return

    def _rows(self, tasks: Iterable[StoredTask]) -> Iterator[Label]:
        for task in tasks:
            item = item_in(task, self.project.config, by_id=self._by_id)
            yield from TaskRows(said(self.shown(task)), item, self.project.config, self._refuse_in(task)).rows()

    def _refuse_in(self, task: StoredTask) -> Callable[[InvalidData], None]:
        def refuse(error: InvalidData) -> None:
            said = f"Task {task.id} of project {self.dataset}: {error.message}"
            hint = 'Mend it there, or connect with unreadable="skip".'
            located = InvalidData(said, hint=hint, field=error.field)
            located.__cause__ = error
            self.adapter.pipeline.refuse(located, self.adapter.settings.unreadable)

        return refuse

    # -- finding -------------------------------------------------------------------------------------------------------

    def _tasks(self, keys: Sequence[str]) -> dict[str, StoredTask]:
        index: Index = self.adapter.index(self.dataset)
        return dict(present(self.client, self.dataset, index, keys, self.project.config, self.fields))


def _by_item(rows: Sequence[Label]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        found[row.item].append(place)
    return found
