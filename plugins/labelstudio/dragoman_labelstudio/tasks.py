"""Tasks of a project: read in the order of their numbers, and found by the keys of items.

Label Studio orders a project's tasks by their last change, names no key but its own number, and lets a key be there
twice. So tasks are read from the data manager, each page as those with higher numbers than the last: what is added or
deleted meanwhile neither repeats nor skips one. Keys are in the tasks' data; which task has which is kept here, and
brought up to date by reading the tasks that are new.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.labelstudio.config import Config
from dragoman.formats.labelstudio.records import ITEM_KEY, Task
from dragoman.formats.labelstudio.tasks import OWN_KEY, item_of
from dragoman.schema import Item
from dragoman_labelstudio.client import LabelStudioClient
from dragoman_labelstudio.projects import number_of
from dragoman_labelstudio.wire import StoredTask, Tasks

PART = 500
"""Most tasks that are asked for by number at once: the numbers are in the address."""
LIGHT = {"include": "id,data,meta"}
FULL = {"fields": "all"}
PREDICTED = {"fields": "all", "include": "id,data,meta,predictions"}
ANNOTATED = {"fields": "all", "include": "id,data,meta,annotations,result,completed_by,was_cancelled"}
"""The last three are fields of annotations: Label Studio keeps of them, too, what is named here."""


def page(client: LabelStudioClient, dataset: str, after: int, size: int, fields: dict[str, str]) -> list[StoredTask]:
    """Return the tasks with the lowest numbers above `after`; fewer than `size` where the server gives no more."""
    return _above(client, dataset, after, size, fields, {})


def chosen(
    client: LabelStudioClient, dataset: str, numbers: Iterable[int], fields: dict[str, str]
) -> dict[int, StoredTask]:
    """Return the tasks of those numbers that are there."""
    found: dict[int, StoredTask] = {}
    left = iter(sorted(numbers))
    while part := list(islice(left, PART)):
        selected = {"selectedItems": {"all": False, "included": part}}
        last = 0
        # A server may be set to give smaller pages than it is asked for.
        while last < part[-1] and (tasks := _above(client, dataset, last, len(part), fields, selected)):
            found |= {task.id: task for task in tasks}
            last = tasks[-1].id
    return found


def _above(
    client: LabelStudioClient, dataset: str, last: int, size: int, fields: dict[str, str], query: dict[str, Any]
) -> list[StoredTask]:
    above = {"filter": "filter:tasks:id", "operator": "greater", "type": "Number", "value": last}
    asked = {"ordering": ["tasks:id"], "filters": {"conjunction": "and", "items": [above]}, **query}
    encoded = msgspec.json.encode(asked).decode()
    params: dict[str, str | int] = {"project": number_of(dataset), "page": 1, "page_size": size, "query": encoded}
    return client.get("api/tasks", Tasks, {**params, **fields}).tasks


class Index:
    """Which task has which item, by key. The first task of a key counts.

    Args:
        client: Sends the requests.
        dataset: The project's id.
        by_id: Name items by the number of their task.
    """

    def __init__(self, client: LabelStudioClient, dataset: str, *, by_id: bool) -> None:
        self._client = client
        self._dataset = dataset
        self._by_id = by_id
        self._numbers: dict[str, int] = {}
        self._last = 0

    def numbers(self, keys: Iterable[str], config: Config, size: int) -> dict[str, int]:
        """Return the numbers of the tasks that have the keys, those of other keys left out.

        Args:
            keys: The keys.
            config: The project's configuration.
            size: Tasks per request.
        """
        while new := page(self._client, self._dataset, self._last, size, LIGHT):
            for task in new:
                self._add(task, config)
            self._last = new[-1].id
        return {key: self._numbers[key] for key in keys if key in self._numbers}

    def forget(self, keys: Iterable[str]) -> None:
        """Take out keys whose tasks have turned out to be gone."""
        for key in keys:
            self._numbers.pop(key, None)

    def _add(self, task: StoredTask, config: Config) -> None:
        own = task.data.get(OWN_KEY)
        if not self._by_id and isinstance(own, str) and own:
            self._numbers.setdefault(own, task.id)
            return
        try:
            key = item_of(bare(task), config, by_id=self._by_id).key
        except InvalidData:
            return  # reading the items says so
        self._numbers.setdefault(key, task.id)


def bare(task: StoredTask) -> Task:
    """Return a task as the format reads it, without what was said of it."""
    return Task(task.data, task.id, task.meta)


def said(task: StoredTask) -> Task:
    """Return a task as the format reads it."""
    annotations = [one.read for one in task.annotations]
    return Task(task.data, task.id, task.meta, annotations, [one.read for one in task.predictions])


def present(
    client: LabelStudioClient, dataset: str, index: Index, keys: Sequence[str], config: Config, fields: dict[str, str]
) -> Iterator[tuple[str, StoredTask]]:
    """Yield keys with their tasks, those without one left out; the index is corrected where tasks are gone."""
    numbers = index.numbers(keys, config, PART)
    tasks = chosen(client, dataset, set(numbers.values()), fields)
    index.forget(key for key, number in numbers.items() if number not in tasks)
    yield from ((key, tasks[number]) for key, number in numbers.items() if number in tasks)


def items_in(
    client: LabelStudioClient, dataset: str, tasks: Collection[StoredTask], config: Config, *, by_id: bool
) -> dict[int, Item]:
    """Return the items of tasks by number, see `item_in`, with their sizes as far as they are known."""
    # How large the medium of a task is that others made, only what was said of it tells.
    foreign = [task.id for task in tasks if ITEM_KEY not in (task.meta or {})]
    full = chosen(client, dataset, foreign, FULL)
    return {task.id: item_in(full.get(task.id, task), config, by_id=by_id) for task in tasks}


def item_in(task: StoredTask, config: Config, *, by_id: bool) -> Item:
    """Return the item of a task, with the task's number as its id and without its medium.

    Raises:
        InvalidData: The task names no medium.
    """
    return msgspec.structs.replace(item_of(said(task), config, by_id=by_id), id=str(task.id), uri=None)
