"""The records of an export, as far as they are read, and what we keep in them that Label Studio has no place for."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.common.stretches import Moment
from dragoman.schema import AnyAnswer, Provenance
from dragoman.schema.reasons import reason_of
from dragoman.schema.rows import AttributeValue

KEY = "dragoman_region"
"""Key of a result's `meta`, and of a key in a video's sequence, under which `Beside` stands."""
ITEM_KEY = "dragoman_item"
"""Key of a task's `meta` under which the item stands."""
ONTOLOGY_KEY = "dragoman_ontology"
"""Key of the first task's `meta` under which the ontology stands, where there is no other file for it."""
PLATFORM = "label-studio"
_MOST = 2**31 - 1
"""Most pixels or frames that can be: JSON can also say numbers that are endless or have hundreds of digits."""
Record = TypeVar("Record", bound=msgspec.Struct)


class Result(msgspec.Struct, frozen=True):
    """One result: a shape, an answer, or a relation of two shapes."""

    type: str
    value: dict[str, Any] = {}
    id: str | None = None
    from_name: str | None = None
    original_width: float | None = None
    original_height: float | None = None
    score: float | None = None
    meta: dict[str, Any] | None = None
    from_id: str | None = None
    to_id: str | None = None
    direction: str | None = None
    labels: list[str] | None = None


class Annotation(msgspec.Struct, frozen=True):
    """Results of one person."""

    result: list[Any] = []
    id: int | str | None = None
    completed_by: Any = None
    was_cancelled: bool = False


class Predicted(msgspec.Struct, frozen=True):
    """Results of one version of a model; its score is that of results that have none."""

    result: list[Any] = []
    score: float | None = None
    model_version: str | None = None


class Task(msgspec.Struct, frozen=True):
    """A medium with what was said of it. An export may give no more of a prediction than its number."""

    data: dict[str, Any]
    id: int | str | None = None
    meta: dict[str, Any] | None = None
    annotations: list[Annotation] | None = None
    predictions: list[Predicted | int] | None = None

    @property
    def predicted(self) -> list[Predicted]:
        """The predictions that are there whole."""
        return [one for one in self.predictions or () if isinstance(one, Predicted)]


class Track(msgspec.Struct, frozen=True):
    """The track id of a region's rows, where it is not the region's id."""

    id: str | None


class Beside(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of a row, or of one keyframe, besides Label Studio's own fields.

    `multiple` says of choices that they are a checklist; `turned` of a rectangle without rotation that it is a rotated
    box all the same; `predicted` of a keyframe that it has a confidence of its own, if any; `copy` of a keyframe that
    it is there for Label Studio's sake alone and is no row.
    """

    id: str = ""
    turned: bool = False
    multiple: bool | None = None
    answer: AnyAnswer | None = None
    attributes: dict[str, AttributeValue] = {}
    metadata: dict[str, Any] = {}
    provenance: Provenance | None = None
    moment: Moment | None = None
    track: Track | None = None
    predicted: bool = False
    confidence: float | None = None
    copy: bool = False


def convert(value: Any, kind: type[Record], what: str) -> Record:
    """Return a record of JSON values.

    Raises:
        InvalidData: It is of another shape; the error names the field.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        reason = reason_of(error)
        if reason is error.__cause__:
            raise reason from error
        raise InvalidData(f"{what} is not as it should be: {reason.message}", field=reason.field) from error


def check_text(value: Any, what: str) -> None:
    """Refuse texts that no file can hold: JSON can say half of a character that takes two of UTF-16's units.

    Raises:
        InvalidData: There is one among the values.
    """
    try:
        msgspec.json.encode(value)
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise InvalidData(f"{what} has a text with {half!r}, which is half of a character.") from error


def whole(value: Any) -> int | None:
    """Return a number of pixels or frames, or None where the value is no such number."""
    return int(value) if isinstance(value, int | float) and 1 <= value <= _MOST else None


def size_of(result: Result) -> tuple[int, int] | None:
    """Return the original size of a result's image, where it says one."""
    width, height = whole(result.original_width), whole(result.original_height)
    return None if width is None or height is None else (width, height)


def beside_of(meta: dict[str, Any] | None) -> Beside:
    """Return what we keep in a result's `meta`, or in a key of a sequence."""
    return convert(meta[KEY], Beside, f"what stands under {KEY!r}") if meta and KEY in meta else Beside()


def kept(beside: Beside) -> dict[str, Any]:
    """Return `KEY` and what stands under it, or nothing where there is nothing to keep."""
    return {} if beside == Beside() else {KEY: msgspec.to_builtins(beside)}
