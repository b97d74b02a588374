"""Rows of the data plane: items, labels and predictions, as frozen msgspec structs.

Rows are made by the hundred thousand, so they hold plain values and check them on construction and on decoding alike.
`encode_rows` and `decode_rows` move them to and from NDJSON. Control objects (models, versions) are in `control.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import sha1
from os import PathLike, fspath
from types import NoneType
from typing import Any, Literal, TypeVar, cast, get_args
from uuid import UUID

import msgspec
from msgspec.structs import force_setattr

from dragoman.errors import InvalidData
from dragoman.schema.answers import AnyAnswer
from dragoman.schema.base import Data
from dragoman.schema.coerce import listed, put, real, text, whole
from dragoman.schema.geometry import GEOMETRIES, AnyGeometry
from dragoman.schema.reasons import reason_of
from dragoman.schema.values import check_values

NAMESPACE = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
"""Namespace of the ids that Dragoman derives (RFC 4122's OID namespace)."""

Interpolation = Literal["none", "linear", "hold"]
AttributeValue = AnyAnswer | str | int | float | bool | None

LONGEST_SIDE = 2**31 - 1
"""The largest width, height and number of frames: what 32 bits hold in the tables of all formats."""

_TEXT_OR_NONE = frozenset((str, NoneType))
_NAMESPACED = sha1(NAMESPACE.bytes, usedforsecurity=False)
_encoder = msgspec.json.Encoder()
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""The first digit of the fourth group of a UUID, by the digit of the digest whose place it takes."""


def derive_id(*identity: Any) -> str:
    """Return the UUIDv5 (RFC 9562) of a source identity: any JSON values, such as platform, item, feature and geometry.

    It is `uuid.uuid5`'s, which takes three times as long, and every row that is read without an id takes one.

    Raises:
        InvalidData: A text of it is none, since it has half of a character.
    """
    hashed = _NAMESPACED.copy()
    try:
        hashed.update(_encoder.encode(identity))
    except UnicodeEncodeError as error:
        raise InvalidData(f"{error.object!r} is no text: half of a character is in it.") from error
    digits = hashed.hexdigest()
    # The version and the variant take the place of six bits.
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:32]}"


class Item(Data, frozen=True, gc=False, omit_defaults=True):
    """One media unit of a dataset.

    Args:
        key: The user's own name for it, unique in its dataset.
        id: The platform's id; empty until a platform has given one.
        uri: Where the media is: an http(s), s3 or gs URL, or a path of this machine.
        width: Width in pixels, after the EXIF orientation has been applied.
        height: Height in pixels, after the EXIF orientation has been applied.
        data: The media itself, where there is no uri.
        media: `"image"` or `"video"`.
        orientation: EXIF orientation of the file (1 to 8); width and height have it applied already.
        content_hash: `"sha256:<hex>"` of the media's bytes.
        frames: Number of frames of a video.
        frame_rate: Frames per second of a video.
        split: Part of the dataset it belongs to, such as `"train"`.
        metadata: JSON values that the user attached.
    """

    key: str
    id: str = ""
    uri: str | None = None
    data: bytes | None = None
    width: int | None = None
    height: int | None = None
    media: str = "image"
    frames: int | None = None
    frame_rate: float | None = None
    orientation: int = 1
    content_hash: str | None = None
    split: str | None = None
    metadata: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if not self.key:
            raise InvalidData("an item has no key.", field="key")
        if self.metadata:
            check_values(self.metadata, "metadata")
        uri, width, height = self.uri, self.width, self.height
        # One look for the common case, an image of known size.
        if (
            type(self.key) is str
            and self.key.isascii()
            and type(width) is type(height) is int
            and 0 < width <= LONGEST_SIDE >= height > 0
            and self.frames is None
            and self.frame_rate is None
            and self.orientation == 1
            and (uri is None or (type(uri) is str and uri.isascii()))
            and self.id.__class__ is self.media.__class__ is str
            and self.split.__class__ in _TEXT_OR_NONE
            and self.content_hash.__class__ in _TEXT_OR_NONE
            and self.metadata.__class__ is dict
        ):
            return
        put(self, "key", text(self.key, "an item's key", "key"))
        if isinstance(uri, PathLike):
            put(self, "uri", fspath(uri))
        for name in ("uri", "id", "media", "split", "content_hash"):
            value = getattr(self, name)
            if value is not None or name in ("id", "media"):
                put(self, name, text(value, f"{name} of item {self.key!r}", name))
        if not isinstance(self.metadata, dict):
            raise InvalidData(f"metadata of item {self.key!r} is {self.metadata!r}; it is a dict.", field="metadata")
        for name in ("width", "height", "frames"):
            value = getattr(self, name)
            if value is not None:
                put(self, name, whole(value, f"{name} of item {self.key!r}", name))
                if not 0 < getattr(self, name) <= LONGEST_SIDE:
                    raise InvalidData(
                        f"item {self.key!r} has {name} = {value!r}; it must be positive and below 2^31.", field=name
                    )
        if self.frame_rate is not None:
            put(self, "frame_rate", real(self.frame_rate, f"frame_rate of item {self.key!r}", "frame_rate"))
            if self.frame_rate <= 0:
                raise InvalidData(
                    f"item {self.key!r} has frame_rate = {self.frame_rate}; it must be positive.", field="frame_rate"
                )
        if self.orientation not in range(1, 9):
            raise InvalidData(f"item {self.key!r} has EXIF orientation {self.orientation!r}.", field="orientation")


class Provenance(Data, frozen=True, gc=False, omit_defaults=True):
    """Where a row came from: the platform, its id there, who made it and with which model version."""

    platform: str
    id: str | None = None
    author: str | None = None
    version: str | None = None


_GEOMETRIES = frozenset(GEOMETRIES)
_KINDS: dict[str, tuple[type, ...]] = {
    "geometry": GEOMETRIES,
    "answer": (*get_args(AnyAnswer), NoneType),
    "attributes": (dict,),
    "metadata": (dict,),
    "provenance": (Provenance, NoneType),
}
_ATTRIBUTES = (*get_args(AnyAnswer), str, int, float, bool, NoneType)
_NOTHING: dict[str, Any] = {}


def _attribute(name: str, value: Any) -> AttributeValue:
    """Return an attribute as Python's own value, such as numpy's numbers and texts are not."""
    # An array of several numbers is none.
    found: Any = value.item() if getattr(value, "size", None) == 1 else value
    if not isinstance(found, _ATTRIBUTES):
        raise InvalidData(f"attribute {name!r} is {value!r}; it is an answer or a plain value.", field="attributes")
    return text(found, name, "attributes") if isinstance(found, str) else cast(AttributeValue, found)


class Label(Data, frozen=True, gc=False, omit_defaults=True):
    """Ground truth on an item, on a frame of it, or on a span of its frames.

    Args:
        item: Key of the item.
        feature: Name of the feature it shows.
        geometry: Its shape in absolute pixels; `Whole()` for a classification.
        id: Its id; derived from the content when the source has none, so that the same row always gets the same id.
        frame: Zero-based frame of a video. Without a span, the annotation is on that frame only.
        span: First and last frame, both included. Without a frame, the annotation is the same on all of them; with one,
            it is a keyframe of that stretch.
        interpolation: What lies between two keyframes of one track and span: nothing, a straight line, or the earlier.
        track_id: Joins the annotations of one object over frames.
        answer: What a classification says, where the feature is a question; None where the feature is the answer.
        attributes: Answers to the feature's attributes; plain values stand for answers without options.
        metadata: JSON values that the user attached.
        provenance: Where the row came from.

    Raises:
        InvalidData: A value breaks the rules above; the error names the field.
    """

    item: str
    feature: str
    geometry: AnyGeometry
    id: str = ""
    frame: int | None = None
    span: tuple[int, int] | None = None
    interpolation: Interpolation = "none"
    track_id: str | None = None
    answer: AnyAnswer | None = None
    attributes: dict[str, AttributeValue] = {}
    metadata: dict[str, Any] = {}
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        # One look for the common case: a shape on an image that nothing more is said of.
        if (
            self.item
            and self.feature
            and self.item.__class__ is self.feature.__class__ is self.id.__class__ is str
            and self.geometry.__class__ in _GEOMETRIES
            and self.frame is None
            and self.span is None
            and self.track_id is None
            and self.answer is None
            and self.metadata == _NOTHING == self.attributes
            and self.interpolation == "none"
        ):
            if not self.id:
                force_setattr(self, "id", derive_id(self.item, self.feature, self.geometry))
            return
        self._coerce()
        if not self.item:
            raise InvalidData("the row names no item.", field="item")
        if not self.feature:
            raise InvalidData(f"the row on item {self.item!r} names no feature.", field="feature")
        if self.frame is not None and self.frame < 0:
            raise InvalidData(f"frame is {self.frame}; frames count from zero.", field="frame")
        if self.span is not None and not 0 <= self.span[0] <= self.span[1]:
            raise InvalidData(f"span is {self.span}; it runs from its first to its last frame.", field="span")
        if self.span is not None and self.frame is not None and not self.span[0] <= self.frame <= self.span[1]:
            raise InvalidData(f"keyframe {self.frame} is outside its span {self.span}.", field="frame")
        if self.metadata:
            check_values(self.metadata, "metadata")
        if self.attributes:
            check_values(self.attributes, "attributes")
        if not self.id:
            force_setattr(self, "id", derive_id(self.item, self.feature, self.geometry, *self._rest()))

    def _coerce(self) -> None:
        """Store each field as its type says; see `coerce`."""
        for name in ("item", "feature", "id"):
            if getattr(self, name).__class__ is not str:
                put(self, name, text(getattr(self, name), f"{name} of a row", name))
        if self.track_id is not None:
            put(self, "track_id", text(self.track_id, "track_id", "track_id"))
        if self.frame is not None:
            put(self, "frame", whole(self.frame, "frame", "frame"))
        if self.span is not None:
            span = tuple(whole(frame, "span", "span") for frame in listed(self.span, "span", "span"))
            if len(span) != 2:
                raise InvalidData(f"span is {self.span!r}; it is a first and a last frame.", field="span")
            put(self, "span", span)
        for name, kinds in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kinds):
                raise InvalidData(f"{name} is {value!r}; it cannot be a {type(value).__name__}.", field=name)
        if self.interpolation not in get_args(Interpolation):
            raise InvalidData(
                f"There is no interpolation {self.interpolation!r}.",
                hint=f"There are: {', '.join(get_args(Interpolation))}.",
                field="interpolation",
            )
        if not set(map(type, self.attributes.values())).issubset(_ATTRIBUTES):
            put(self, "attributes", {name: _attribute(name, value) for name, value in self.attributes.items()})

    def _rest(self) -> Iterator[tuple[str, Any]]:
        """Yield what else makes the row itself, where it has it: fields added later leave the ids of old rows alone."""
        for name in ("frame", "span", "track_id", "answer"):
            value = getattr(self, name)
            if value is not None:
                yield name, value


class Prediction(Label, frozen=True, gc=False, omit_defaults=True):
    """Model output on an item: a label with `confidence` and, where the model gives it, `class_pdf`.

    Args:
        confidence: Between 0 and 1; None when the model gives none. 0.0 is a value, not an absence.
        class_pdf: Probability per feature name.
    """

    confidence: float | None = None
    class_pdf: dict[str, float] | None = None

    def __post_init__(self) -> None:
        confidence = self.confidence
        # One look for the common case, as in `Label`: most predictions are shapes with a confidence.
        if (
            self.item
            and self.feature
            and type(confidence) is float
            and 0.0 <= confidence <= 1.0
            and self.item.__class__ is self.feature.__class__ is self.id.__class__ is str
            and self.geometry.__class__ in _GEOMETRIES
            and self.frame is None
            and self.span is None
            and self.track_id is None
            and self.answer is None
            and self.class_pdf is None
            and self.metadata == _NOTHING == self.attributes
            and self.interpolation == "none"
        ):
            if not self.id:
                force_setattr(self, "id", derive_id(self.item, self.feature, self.geometry))
            return
        Label.__post_init__(self)
        if confidence is not None:
            put(self, "confidence", _probability(confidence, "confidence", "confidence"))
        if self.class_pdf is not None:
            for feature, probability in self.class_pdf.items():
                text(feature, "a feature of class_pdf", "class_pdf")
                _probability(probability, f"class_pdf of {feature!r}", f"class_pdf.{feature}")
            if set(map(type, self.class_pdf.values())) != {float}:
                put(self, "class_pdf", {feature: float(share) for feature, share in self.class_pdf.items()})


def _probability(value: Any, what: str, field: str) -> float:
    try:
        share = real(value, what, field)
    except InvalidData:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise InvalidData(f"{what} is {value!r}; it lies between 0 and 1.", field=field)
    return share


Row = TypeVar("Row", Item, Label, Prediction)


def encode_rows(rows: Iterable[msgspec.Struct]) -> bytes:
    """Return the rows as NDJSON: one UTF-8 JSON object per line, each line ending with a newline.

    Raises:
        InvalidData: A text of them is none, since it has half of a character.
    """
    try:
        return _encoder.encode_lines(rows)
    except UnicodeEncodeError as error:
        raise InvalidData(f"{error.object!r} is no text: half of a character is in it.") from error


def decode_rows(lines: Iterable[bytes | str], kind: type[Row]) -> Iterator[Row]:
    """Yield rows of `kind` from NDJSON lines, one at a time; blank lines are passed over.

    Raises:
        InvalidData: A line is not JSON or breaks the schema; the error names the row and the field.
    """
    decoder = msgspec.json.Decoder(kind)
    for row, line in enumerate(line for line in lines if line.strip()):
        try:
            yield decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _invalid(error, line, kind, row) from error


def _invalid(error: Exception, line: bytes | str, kind: type, row: int) -> InvalidData:
    if isinstance(error, msgspec.ValidationError):
        reason = reason_of(error)
        return InvalidData(reason.message, hint=reason.hint, row=row, field=reason.field)
    try:
        # The standard library's parser lets NaN and infinity through, so that the schema can say which field holds one.
        msgspec.convert(json.loads(line), kind)
    except msgspec.ValidationError as validation:
        return _invalid(validation, line, kind, row)
    except (ValueError, RecursionError):
        pass
    return InvalidData(f"the line is not JSON: {error}.", row=row)
