"""What a format has no place for but text: ids, metadata and provenance as ASCII JSON, and typed values as text."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema import AnyAnswer, Item, Label, Provenance
from dragoman.schema.rows import AttributeValue

T = TypeVar("T")

KEY = "dragoman"
"""Name of the element or attribute that holds the JSON."""


class Extras(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a row besides its own format's fields; an empty id is derived from the content."""

    id: str = ""
    metadata: dict[str, Any] = {}
    provenance: Provenance | None = None


def extras_of(row: Label) -> Extras:
    """Return what is to be kept of a row; an id that reading derives again is left out."""
    derived = msgspec.structs.replace(row, id="").id == row.id
    return Extras("" if derived else row.id, row.metadata, row.provenance)


def pack(row: Label) -> str | None:
    """Return the row's extras as JSON, or None where there is nothing that reading does not find out by itself."""
    extras = extras_of(row)
    return None if extras == Extras() else to_json(extras)


def unpack(text: str | None) -> Extras:
    """Return the extras of a row from JSON.

    Raises:
        InvalidData: The text is something else.
    """
    return from_json(text, Extras) if text else Extras()


def to_json(value: Any) -> str:
    """Return JSON of ASCII alone, which every text format can hold."""
    return json.dumps(msgspec.to_builtins(value))


def from_json(text: str, kind: type[T]) -> T:
    """Return the value of a type from JSON.

    Raises:
        InvalidData: The text is something else.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidData(f"what stands under {KEY!r} is not what Dragoman writes: {error}.", field=KEY) from error


def item_json(item: Item) -> str:
    """Return an item as JSON, without the media itself."""
    return to_json(msgspec.structs.replace(item, data=None))


def value_text(value: AttributeValue) -> tuple[str, str | None]:
    """Return a value as text, and the name of its type unless it is text that XML can hold."""
    from dragoman.formats.common.markup import writable

    if isinstance(value, str) and writable(value):
        return value, None
    if isinstance(value, bool | int | float) or value is None:
        return json.dumps(value), "number" if type(value) in (
            int,
            float,
        ) else "boolean" if value is not None else "null"
    return to_json(value), "json"


def value_of(text: str, kind: str | None) -> AttributeValue:
    """Return the value of a text and its type's name.

    Raises:
        InvalidData: The text is no such value.
    """
    if kind is None:
        return text
    value: AttributeValue = from_json(text, AnyAnswer | str | int | float | bool | None)  # type: ignore[arg-type]
    return value
