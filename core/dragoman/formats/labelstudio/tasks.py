"""Pure translation of tasks: a medium in a task's data to an item, and back."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.labelstudio.config import MEDIA, Config
from dragoman.formats.labelstudio.records import ITEM_KEY, Result, Task, check_text, convert, size_of, whole
from dragoman.media import SUFFIXES
from dragoman.schema import Item

OWN_KEY = "external_id"
"""Key of a task's data under which the item's own key stands: Label Studio knows its own numbers only."""
_DATA_KEYS = (*MEDIA, "img", "image_url", "url", "path")


def item_of(task: Task, config: Config, *, by_id: bool = False) -> Item:
    """Return the item of a task.

    Args:
        task: The task.
        config: The labelling configuration, which says what the task's data means.
        by_id: Name the item by the number of its task.

    Raises:
        InvalidData: The task names no medium, or no id where that is wanted, or has texts that are none.
    """
    check_text((task.id, task.data, task.meta), "the task")
    if task.meta and ITEM_KEY in task.meta:
        return convert(task.meta[ITEM_KEY], Item, f"what stands under {ITEM_KEY!r}")
    name, uri = medium_of(task, config)
    own = task.data.get(OWN_KEY)
    key = str(task.id) if by_id else own if isinstance(own, str) and own else uri
    if not key or (by_id and task.id is None):
        raise InvalidData("the task has no id.", field="id")
    rest = {field: value for field, value in task.data.items() if field not in (name, OWN_KEY)}
    width, height, frames = _sizes(task)
    tags = [tag for tag, data_key in config.media.values() if data_key == name]
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


def task_of(item: Item, *, uri: str | None = None, data_key: str | None = None) -> dict[str, Any]:
    """Return the data and the meta of an item's task.

    Args:
        item: The item; without its media it is kept in the meta.
        uri: Where the medium is, if that is not the item's own uri.
        data_key: Key of the data that is the medium; what the medium is, if not given.
    """
    bare = msgspec.to_builtins(msgspec.structs.replace(item, data=None))
    return {
        "data": {data_key or item.media: uri or item.uri or item.key, OWN_KEY: item.key},
        "meta": {ITEM_KEY: bare},
    }


def medium_of(task: Task, config: Config) -> tuple[str, str]:
    """Return the key of the task's data that is the medium, and where the medium is.

    Raises:
        InvalidData: There is none.
    """
    named = [data_key for tag, data_key in config.media.values() if tag in MEDIA]
    texts = {key: value for key, value in task.data.items() if isinstance(value, str) and value}
    images = [key for key, value in texts.items() if PurePosixPath(value).suffix.lower() in SUFFIXES]
    for key in (*named, *_DATA_KEYS, *images):
        if key in texts:
            return key, texts[key]
    raise InvalidData("the task's data has no image or video.", hint="Give the configuration.", field="data")


def _sizes(task: Task) -> tuple[int | None, int | None, int | None]:
    """Return width, height and number of frames, which stand in results alone."""
    width = height = frames = None
    for said in (*(task.annotations or ()), *task.predicted):
        for value in said.result:
            try:
                result = msgspec.convert(value, Result)
            except msgspec.ValidationError:
                continue  # reading the rows says so
            frames = frames or whole(result.value.get("framesCount"))
            if width is None and (size := size_of(result)) is not None:
                width, height = size
    return width, height, frames
