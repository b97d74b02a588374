"""Reads Label Studio's JSON one task at a time; `rows` makes rows of a task's results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.base import ErrorPolicy, Reader
from dragoman.formats.common.archives import folder_of
from dragoman.formats.common.ontologies import read_ontology
from dragoman.formats.common.tables import at
from dragoman.formats.labelstudio.config import MEDIA, Config, read_config
from dragoman.formats.labelstudio.fidelity import READING
from dragoman.formats.labelstudio.records import ITEM_KEY, Result, Task, convert
from dragoman.formats.labelstudio.rows import TaskRows
from dragoman.formats.labelstudio.stream import elements
from dragoman.media import SUFFIXES
from dragoman.schema import Feature, Item, Label, Ontology

TASKS_FILE, CONFIG_FILE = "tasks.json", "config.xml"
_DATA_KEYS = (*MEDIA, "img", "image_url", "url", "path")


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
        self._key = key
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
                item = self._item(task)
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
                item = self._item(task)
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

    def _item(self, task: Task) -> Item:
        if task.meta and ITEM_KEY in task.meta:
            return convert(task.meta[ITEM_KEY], Item, f"what stands under {ITEM_KEY!r}")
        name, uri = self._medium(task)
        external = task.data.get("external_id")
        key = str(task.id) if self._key == "id" else external if isinstance(external, str) and external else uri
        if not key or (self._key == "id" and task.id is None):
            raise InvalidData("the task has no id.", field="id")
        rest = {field: value for field, value in task.data.items() if field not in (name, "external_id")}
        width, height, frames = _sizes(task)
        tags = [tag for tag, data_key in self._config.media.values() if data_key == name]
        video = "video" in (*tags, name) or frames is not None
        return Item(
            key,
            uri=uri,
            width=width,
            height=height,
            frames=frames,
            media="video" if video else "image",
            metadata={**rest, **({"meta": task.meta} if task.meta else {})},
        )

    def _medium(self, task: Task) -> tuple[str, str]:
        """Return the key of the task's data that is the medium, and where the medium is."""
        named = [data_key for tag, data_key in self._config.media.values() if tag in MEDIA]
        texts = {key: value for key, value in task.data.items() if isinstance(value, str) and value}
        images = [key for key, value in texts.items() if PurePosixPath(value).suffix.lower() in SUFFIXES]
        for key in (*named, *_DATA_KEYS, *images):
            if key in texts:
                return key, texts[key]
        raise InvalidData("the task's data has no image or video.", hint="Give the configuration.", field="data")

    @contextmanager
    def _refusing(self, number: int) -> Iterator[None]:
        """Refuse an error of the block, with the task's position in front."""
        try:
            with at(f"{self._file.name}, task {number}", row=number):
                yield
        except InvalidData as error:
            self.refuse(error)


def _sizes(task: Task) -> tuple[int | None, int | None, int | None]:
    """Return width, height and number of frames, which stand in results alone."""
    width = height = frames = None
    for said in (*(task.annotations or ()), *(task.predictions or ())):
        for value in said.result:
            try:
                result = msgspec.convert(value, Result)
            except msgspec.ValidationError:
                continue  # reading the rows says so
            count = result.value.get("framesCount")
            frames = int(count) if frames is None and isinstance(count, int | float) and count >= 1 else frames
            if width is None and (result.original_width or 0) >= 1 and (result.original_height or 0) >= 1:
                width, height = int(result.original_width or 0), int(result.original_height or 0)
    return width, height, frames
