"""Ground truths of Synapse as items and labels. Pure; no network.

A ground truth is a piece of data with its files, by their specification: the primary one is the item's media, those
named `data_meta_*` are annotation documents.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from dragoman.errors import Conflict, PlatformError
from dragoman.schema import Item, Label
from dragoman_synapse import codec
from dragoman_synapse.notes import KEY

Json = dict[str, Any]
DOCUMENT = "data_meta"
"""How the specifications of annotation documents begin."""


class File(msgspec.Struct, frozen=True):
    """A file of a ground truth.

    Args:
        spec: Its specification, such as `"image_1"`.
        url: Where it is.
        name: The name that it was uploaded under.
        kind: `"image"`, `"video"`, `"data"`, ...
        primary: Whether it is the one that the annotations are about.
        meta: What the platform knows of it, such as width and height.
    """

    spec: str
    url: str
    name: str = ""
    kind: str = ""
    primary: bool = False
    meta: Json = {}


def files_in(wire: Any) -> tuple[File, ...]:
    """Return the manifest of a ground truth or event, a dictionary by specification or a list.

    Raises:
        PlatformError: It has another form.
    """
    if isinstance(wire, list):
        wire = {one.get("name") or f"file_{number}": one for number, one in enumerate(wire)}
    if wire is None:
        return ()
    if not isinstance(wire, dict):
        raise PlatformError(f"Synapse answered {type(wire).__name__} where the files of a ground truth were expected.")
    return tuple(_file(spec, info) for spec, info in wire.items())


def _file(spec: str, info: Any) -> File:
    if isinstance(info, str):
        return File(spec, info, kind=spec.partition("_")[0])
    if not isinstance(info, dict) or not isinstance(info.get("url"), str):
        raise PlatformError(f"The file {spec} of a ground truth has no address.")
    meta = info.get("meta")
    return File(
        spec,
        info["url"],
        name=str(info.get("file_name_original") or info.get("file_name") or ""),
        kind=str(info.get("file_type") or spec.partition("_")[0]),
        primary=bool(info.get("is_primary")),
        meta=meta if isinstance(meta, dict) else {},
    )


def documents_of(files: tuple[File, ...]) -> list[File]:
    """Return the annotation documents among files."""
    return [file for file in files if file.spec.startswith(DOCUMENT)]


def primary_of(files: tuple[File, ...]) -> File | None:
    """Return the file that is annotated."""
    media = [file for file in files if not file.spec.startswith(DOCUMENT)]
    return next((file for file in media if file.primary), media[0] if media else None)


class Keys:
    """The keys of items, by dataset, as far as they have been seen.

    Args:
        by: `"name"` for the name of an item's file, `"id"` for the id of its data unit.
    """

    def __init__(self, by: str) -> None:
        self._by = by
        self._seen: dict[tuple[str, str], str] = {}

    def of(self, dataset: str, wire: Json) -> str:
        """Return the key of a ground truth.

        Raises:
            Conflict: Another one of the dataset has it, too.
        """
        unit = unit_of(wire)
        if key := _ours(wire).get("key"):
            # It was sent from here; see `collections`.
            return str(key)
        file = primary_of(files_in(wire.get("files")))
        if self._by == "id" or file is None or not file.name:
            return unit
        holder = self._seen.setdefault((dataset, file.name), unit)
        if holder != unit:
            raise Conflict(
                f"Two items of dataset {dataset} have the name {file.name!r}: the data units {holder} and {unit}.",
                hint='Connect with item_key="id".',
            )
        return file.name


def unit_of(wire: Json) -> str:
    """Return the id of the data unit behind a ground truth or event."""
    unit = wire.get("data_unit") or wire.get("data_unit_id")
    if isinstance(unit, dict):
        unit = unit.get("id")
    return str(unit if unit is not None else wire["id"])


def item_in(wire: Json, key: str) -> Item:
    """Return the item of a ground truth."""
    file = primary_of(files_in(wire.get("files")))
    meta = file.meta if file else {}
    frames = _whole(meta.get("frame_count") or meta.get("frames"))
    return Item(
        key=key,
        id=unit_of(wire),
        uri=file.url if file else None,
        width=_whole(meta.get("width")),
        height=_whole(meta.get("height")),
        media=file.kind if file and file.kind else "image",
        frames=frames,
        frame_rate=meta.get("fps") or meta.get("frame_rate"),
        split=wire.get("category") or _ours(wire).get("split"),
        metadata={name: value for name, value in _meta(wire).items() if name != KEY},
    )


def labels_in(documents: Iterable[Any], key: str, size: tuple[int, int] | None = None) -> list[Label]:
    """Return the labels in annotation documents, on an item of that key and size."""
    return [label for document in documents for label in codec.labels_in(document, key, size=size)]


def size_of(files: tuple[File, ...]) -> tuple[int, int] | None:
    """Return width and height of the file that is annotated, where the platform says."""
    file = primary_of(files)
    width, height = (_whole(file.meta.get(side)) for side in ("width", "height")) if file else (None, None)
    return (width, height) if width and height else None


def carries_document(wire: Json) -> bool:
    """Return whether a ground truth or event carries its annotation document itself, of a known form or not."""
    data = wire.get("data")
    return isinstance(data, dict) and ("annotations" in data or codec.v2.recognised(data))


def _meta(wire: Json) -> Json:
    """Return what was kept beside the file of a ground truth or event."""
    if carries_document(wire):
        unit = wire.get("data_unit")
        found = unit.get("meta") if isinstance(unit, dict) else None
    else:
        found = wire.get("data")
    return found if isinstance(found, dict) else {}


def _ours(wire: Json) -> Json:
    found = _meta(wire).get(KEY)
    return found if isinstance(found, dict) else {}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
