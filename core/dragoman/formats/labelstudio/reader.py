"""Reads Label Studio's JSON one task at a time; `rows` makes rows of a task's results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from dragoman.errors import InvalidData
from dragoman.formats.base import ErrorPolicy, Reader
from dragoman.formats.common.archives import folder_of
from dragoman.formats.common.ontologies import read_ontology
from dragoman.formats.common.tables import at
from dragoman.formats.labelstudio.config import Config, read_config
from dragoman.formats.labelstudio.fidelity import READING
from dragoman.formats.labelstudio.records import ONTOLOGY_KEY, Task, convert
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
        config: The labelling configuration, an XML file; by default `config.xml` beside the tasks if it is there. It
            tells which features there are and what a task's data means.
        key: `"id"` to name items by the number of their task, where several tasks have one medium.
        on_error: What to do with a bad task or result.
    """

    fidelity = READING

    def __init__(
        self,
        path: Path,
        *,
        config: Path | str | None = None,
        key: Literal["medium", "id"] = "medium",
        on_error: ErrorPolicy = "raise",
    ) -> None:
        super().__init__(path, on_error=on_error)
        found = folder_of(path, self)
        self._file = found / TASKS_FILE if found.is_dir() else found
        if not self._file.is_file():
            raise InvalidData(f"{path} has no {TASKS_FILE}, so it is no export of Label Studio.")
        self._by_id = key == "id"
        self._config = _read_config(self._file.parent / CONFIG_FILE, config)
        self._refused: set[int] = set()

    def ontology(self) -> Ontology:
        """Return the features of the configuration, or, without one, those that results have, in order.

        Tasks that were written alone have an ontology among them; features that results have besides are added to it.
        """
        if (own := read_ontology(self._file.parent)) is not None:
            return own
        if self._config.controls:
            return self._config.ontology(self._file.stem)
        known = Ontology(name=self._file.stem, features=())
        kinds: dict[str, dict[str, None]] = {}
        for number, task, item in self._tasks_with_items():
            if task.meta and ONTOLOGY_KEY in task.meta:
                with self._refusing(number):
                    known = _kept_ontology(task.meta[ONTOLOGY_KEY])
            for row in TaskRows(task, item, self._config, _pass_over).rows():
                kinds.setdefault(row.feature, {})[row.geometry.kind] = None
        names = {feature.name for feature in known.features}
        others = (Feature(name=name, geometries=tuple(found)) for name, found in kinds.items() if name not in names)
        return known.model_copy(update={"features": (*known.features, *others)})

    def items(self) -> Iterator[Item]:
        """Yield the medium of every task, those without results too."""
        for _, _, item in self._tasks_with_items():
            yield item

    def _tasks_with_items(self) -> Iterator[tuple[int, Task, Item]]:
        """Yield the tasks that are not refused, with their positions and items; a medium's second task is refused."""
        keys = set[str]()
        for number, task in self._tasks():
            item = None
            with self._refusing(number, whole=True):
                item = item_of(task, self._config, by_id=self._by_id)
                if item.key in keys:
                    reason = f"another task has the medium {item.key!r} too, so this one is left out with its results."
                    raise InvalidData(reason, hint='Read with key="id".', field="data")
            if item is not None and item.key not in keys:
                keys.add(item.key)
                yield number, task, item

    def rows(self) -> Iterator[Label]:
        """Yield the results of all tasks; an error names the task by its position and the field."""
        for number, task, item in self._tasks_with_items():
            yield from TaskRows(task, item, self._config, self._refuse_in(number)).rows()

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
            with self._refusing(number, whole=True):
                task = convert(value, Task, "the task")
            if task is not None:
                yield number, task

    @contextmanager
    def _refusing(self, number: int, *, whole: bool = False) -> Iterator[None]:
        """Refuse an error of the block, with the task's position in front.

        A whole task that is refused is collected once, although several passes over the file come to it.
        """
        try:
            with at(f"{self._file.name}, task {number}", row=number):
                yield
        except InvalidData as error:
            if whole and number in self._refused and self.on_error != "raise":
                return
            if whole:
                self._refused.add(number)
            self.refuse(error)


def _read_config(beside: Path, given: Path | str | None) -> Config:
    """Return the configuration that is given, or else the one beside the tasks; an empty one where there is none."""
    path = beside if given is None else Path(given)
    if path.is_file():
        return read_config(path.read_bytes(), str(path))
    if given is not None:
        raise InvalidData(f"There is no labelling configuration {path}.", hint="Give an XML file.", field="config")
    return Config({}, {})


def _kept_ontology(value: Any) -> Ontology:
    try:
        return Ontology.model_validate(value)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise InvalidData(f"the ontology under {ONTOLOGY_KEY!r} makes no sense: {reason}.", field="meta") from error


def _pass_over(_: InvalidData) -> None:
    """Do nothing: reading the rows says so."""
