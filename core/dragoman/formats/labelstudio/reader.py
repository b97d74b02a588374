"""Reads Label Studio's JSON one task at a time; `rows` makes rows of a task's results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from dragoman.errors import InvalidData
from dragoman.formats.base import ErrorPolicy, Reader
from dragoman.formats.common.archives import folder_of
from dragoman.formats.common.ontologies import read_ontology
from dragoman.formats.common.tables import at
from dragoman.formats.labelstudio.config import Config, read_config
from dragoman.formats.labelstudio.fidelity import READING
from dragoman.formats.labelstudio.records import Task, convert
from dragoman.formats.labelstudio.rows import TaskRows
from dragoman.formats.labelstudio.stream import elements
from dragoman.formats.labelstudio.tasks import item_of
from dragoman.schema import Feature, Item, Label, Ontology

TASKS_FILE, CONFIG_FILE = "tasks.json", "config.xml"


class LabelStudioReader(Reader):
    """Reads an export in the format JSON: the file, or a folder or zip archive with `tasks.json`.

    An item's key is its task's `external_id`, or else where the medium is. Results of annotations are labels, those of
    predictions are predictions. An answer about a region is an attribute; an answer about the item is a row whose
    feature is the name of its control. A region with several labels is several rows.

    Args:
        path: The file, folder or archive.
        config: The labelling configuration, XML; by default `config.xml` beside the tasks if it is there. It tells
            which features there are and what a task's data means.
        key: `"id"` to name items by the number of their task, where several tasks have one medium.
        on_error: What to do with a bad task or result.
    """

    fidelity = READING

    def __init__(
        self,
        path: Path,
        *,
        config: Path | None = None,
        key: Literal["medium", "id"] = "medium",
        on_error: ErrorPolicy = "raise",
    ) -> None:
        super().__init__(path, on_error=on_error)
        found = folder_of(path, self)
        self._file = found / TASKS_FILE if found.is_dir() else found
        if not self._file.is_file():
            raise InvalidData(f"{path} has no {TASKS_FILE}, so it is no export of Label Studio.")
        self._by_id = key == "id"
        config = config or self._file.parent / CONFIG_FILE
        self._config = read_config(config.read_bytes(), str(config)) if config.is_file() else Config({}, {})

    def ontology(self) -> Ontology:
        """Return the features of the configuration, or, without one, those that results have, in order."""
        if (own := read_ontology(self._file.parent)) is not None:
            return own
        name = self._file.stem
        if self._config.controls:
            return self._config.ontology(name)
        kinds: dict[str, dict[str, None]] = {}
        for row in self._rows(quiet=True):
            kinds.setdefault(row.feature, {})[row.geometry.kind] = None
        features = tuple(Feature(name=feature, geometries=tuple(found)) for feature, found in kinds.items())
        return Ontology(name=name, features=features)

    def items(self) -> Iterator[Item]:
        """Yield the medium of every task, those without results too."""
        keys = set[str]()
        for number, task in self._tasks():
            item = None
            with self._refusing(number):
                item = item_of(task, self._config, by_id=self._by_id)
                if item.key in keys:
                    hint = 'Read with key="id".'
                    raise InvalidData(f"another task has the medium {item.key!r} too.", hint=hint, field="data")
            if item is not None and item.key not in keys:
                keys.add(item.key)
                yield item

    def rows(self) -> Iterator[Label]:
        """Yield the results of all tasks; an error names the task by its position and the field."""
        yield from self._rows(quiet=False)

    def _rows(self, *, quiet: bool) -> Iterator[Label]:
        def ignore(_: InvalidData) -> None:
            return  # reading the rows says so

        for number, task in self._tasks():
            item = None
            with self._refusing(number):
                item = item_of(task, self._config, by_id=self._by_id)
            if item is None:
                continue
            refuse = ignore if quiet else self._refuse_in(number)
            yield from TaskRows(task, item, self._config, refuse).rows()

    def _refuse_in(self, number: int) -> Any:
        def refuse(error: InvalidData) -> None:
            with self._refusing(number):
                raise error

        return refuse

    def _tasks(self) -> Iterator[tuple[int, Task]]:
        tasks = enumerate(elements(self._file))
        while True:
            task = None
            try:
                number, value = next(tasks)
            except StopIteration:
                return
            except InvalidData as error:
                self.refuse(error)
                return
            with self._refusing(number):
                task = convert(value, Task, "the task")
            if task is not None:
                yield number, task

    @contextmanager
    def _refusing(self, number: int) -> Iterator[None]:
        """Refuse an error of the block, with the task's position in front."""
        try:
            with at(f"{self._file.name}, task {number}", row=number):
                yield
        except InvalidData as error:
            self.refuse(error)
