"""What a format has no place for but text: ids, metadata and provenance as ASCII JSON, and typed values as text."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.common.numbers import plain
from dragoman.schema import AnyAnswer, Item, Label, Number, Provenance, Radio, Text
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
    return Extras("" if is_derived(row) else row.id, row.metadata, row.provenance)


def is_derived(row: Label) -> bool:
    """Whether a row's id is the one that is derived from its content."""
    return msgspec.structs.replace(row, id="").id == row.id


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
    """Return a value as text, and the name of its type unless it is text that XML can hold.

    An answer that others would write as mere text is written so: its type tells Dragoman that it is an answer.
    """
    from dragoman.formats.common.markup import writable

    match value:
        case str() if writable(value):
            return value, None
        case Radio(option) if not option.attributes and writable(option.name):
            return option.name, "radio"
        case Text(text) if writable(text):
            return text, "text_answer"
        case Number(number):
            return plain(number), "number_answer"
        case None:
            return json.dumps(value), "null"
        case bool():
            return json.dumps(value), "boolean"
        case int() | float():
            return json.dumps(value), "number"
    return to_json(value), "json"


def value_of(text: str, kind: str | None) -> AttributeValue:
    """Return the value of a text and its type's name.

    Raises:
        InvalidData: The text is no such value.
    """
    match kind:
        case None:
            return text
        case "radio":
            return Radio.of(text)
        case "text_answer":
            return Text(text)
        case "number_answer":
            return Number(from_json(text, float))
    value: AttributeValue = from_json(text, AnyAnswer | str | int | float | bool | None)  # type: ignore[arg-type]
    return value
