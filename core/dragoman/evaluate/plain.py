"""Plain boxes as columns, straight from lines of JSON or a Parquet file: what most rows of a detection are.

A box is plain if it lies on an item and not on a frame. The structs here say by their types and bounds what the schema
checks in Python, so that a row is accepted here only if it is accepted there.
"""

from __future__ import annotations

from array import array
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import UNSET, UnsetType

from dragoman.evaluate.facts import facts_of
from dragoman.evaluate.ids import lengths_of
from dragoman.evaluate.index import Floats, Index, Integers
from dragoman.evaluate.sources import Batch
from dragoman.formats.native.ndjson import LONGEST_LINE
from dragoman.schema import AnyAnswer, AttributeValue, Box, Label, Prediction, Provenance
from dragoman.schema.rows import Interpolation

CHUNK = 1 << 16
"""Bytes of lines that are decoded together: few enough for a processor's cache, which halves the time."""

BATCH = 100_000
"""Most rows of a table that become columns together: no fewer than a row group has, which would be cut."""

_Name = Annotated[str, msgspec.Meta(min_length=1)]
_Size = Annotated[float, msgspec.Meta(ge=0)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class NotPlainError(Exception):
    """Some row is no plain box, or breaks the schema."""


class PlainBox(msgspec.Struct, gc=False):
    """A box without the checks that its decoder makes already."""

    type: Literal["box"]
    x: float
    y: float
    width: _Size
    height: _Size


class PlainRow(msgspec.Struct, gc=False):
    """A label or prediction with a plain box."""

    item: _Name
    feature: _Name
    geometry: PlainBox
    id: _Name
    confidence: _Share = 1.0
    metadata: dict[str, Any] | UnsetType = UNSET
    attributes: dict[str, AttributeValue] | UnsetType = UNSET
    provenance: Provenance | None = None
    answer: AnyAnswer | None = None
    interpolation: Interpolation = "none"
    track_id: str | None = None
    frame: None = None
    span: None = None
    class_pdf: dict[str, _Share] | None = None


class PlainLine(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A line of Dragoman's NDJSON; see `dragoman.formats.native.ndjson`."""

    dragoman: int | None = None
    ontology: msgspec.Raw = msgspec.Raw()
    item: msgspec.Raw = msgspec.Raw()
    label: PlainRow | None = None
    prediction: PlainRow | None = None


class Wanted(NamedTuple):
    """What is read of a file.

    Args:
        kind: `Label` or `Prediction`.
        units: Gives images their numbers.
        features: Gives features their numbers.
        items: Keys of the chosen items, None for all.
    """

    kind: type[Label]
    units: Index
    features: Index
    items: Container[str] | None


def of_lines(path: Path, wanted: Wanted) -> Iterator[Batch]:
    """Yield the labels or predictions of lines of JSON.

    Raises:
        NotPlainError: The lines after those that were yielded have a row that is none.
    """
    for lines in _decoded(path):
        said = [line.prediction for line in lines if line.prediction is not None]
        there = [line.label for line in lines if line.label is not None]
        mine = said if wanted.kind is Prediction else there
        chosen = mine if wanted.items is None else [row for row in mine if row.item in wanted.items]
        yield _batch(chosen, wanted, read=len(said) + len(there), left_out=len(mine) - len(chosen))


def _decoded(path: Path) -> Iterator[list[PlainLine]]:
    decode = msgspec.json.Decoder(PlainLine).decode_lines
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                chunk += file.readline(LONGEST_LINE)
                lines = decode(chunk)
                # The decoder passes over empty lines and takes an unfinished one at the end; the reader does not.
                if chunk.count(b"\n") != len(lines):
                    raise NotPlainError
                yield lines
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NotPlainError from None


def _batch(rows: list[PlainRow], wanted: Wanted, *, read: int, left_out: int) -> Batch:
    # Lists that a comprehension fills, and arrays of the standard library: numpy takes twice as long over short lists.
    units, features, boxes = wanted.units, wanted.features, [row.geometry for row in rows]
    said = wanted.kind is Prediction
    metadata = () if said else ((place, row.metadata) for place, row in enumerate(rows) if row.metadata)
    crowd, areas = _facts(metadata, len(rows))
    return Batch(
        unit=array("q", [units[row.item] for row in rows]),
        feature=array("q", [features[row.feature] for row in rows]),
        score=array("d", [row.confidence for row in rows]),
        boxes=array("d", [number for box in boxes for number in (box.x, box.y, box.width, box.height)]),
        crowd=crowd,
        areas=areas,
        ids=[row.id for row in rows],
        read=read,
        left_out=left_out,
    )


def _facts(metadata: Iterable[tuple[int, Any]], count: int) -> tuple[bytes, dict[int, float]]:
    """Return which of so many labels are crowds, and the areas of those that say one, from metadata by place."""
    crowd, areas = bytearray(count), {}
    for place, found in metadata:
        crowd[place], area = facts_of(found)
        if area is not None:
            areas[place] = area
    return bytes(crowd), areas


# -- Parquet ----------------------------------------------------------------------------------------------------------

_CODED = ("kind", "geometry_type", "item", "feature")
_BOX = ("x", "y", "width", "height")
_EMPTY = ("frame", "span")
_COLUMNS = [*_CODED, *_BOX, *_EMPTY, "id", "confidence", "metadata"]


def of_table(path: Path, wanted: Wanted) -> Iterator[Batch]:
    """Yield the labels or predictions of a Parquet file; see `of_lines`. Only the columns that are needed are read."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        # Names as numbers of a dictionary, as they are in the file: most of them occur many times.
        with parquet.ParquetFile(path, read_dictionary=list(_CODED)) as file:
            if not set(_COLUMNS) <= set(file.schema_arrow.names):
                raise NotPlainError
            for batch in file.iter_batches(BATCH, columns=_COLUMNS, use_threads=False):
                yield _of_record_batch(batch, wanted)
    except (pa.ArrowException, msgspec.MsgspecError, OSError):
        raise NotPlainError from None
    finally:
        # Arrow keeps what it has had; an evaluation needs the memory next.
        pa.default_memory_pool().release_unused()


def _of_record_batch(batch: Any, wanted: Wanted) -> Batch:
    there = _among(batch["kind"], ("prediction",)) == (wanted.kind is Prediction)
    chosen = there if wanted.items is None else there & _among(batch["item"], wanted.items)
    ids, metadata = _strings(batch["id"]), batch["metadata"]
    # Mostly all rows are chosen, and then nothing is copied.
    mine: Any = slice(None)
    if not chosen.all():
        mine, ids, metadata = chosen, ids.filter(chosen), metadata.filter(chosen)
    boxes, score = np.column_stack([_numbers(batch[name]) for name in _BOX])[mine], _scores(batch["confidence"])[mine]
    if not (
        (lengths_of(ids) > 0).all()
        and all(batch[name].null_count == len(batch) for name in _EMPTY)
        and _among(batch["kind"], ("label", "prediction")).all()
        and _among(batch["geometry_type"], (Box.kind,))[mine].all()
        and np.isfinite(boxes).all()
        and (boxes[:, 2:] >= 0).all()
        and ((score >= 0) & (score <= 1)).all()
    ):
        raise NotPlainError
    crowd, areas = _facts(() if wanted.kind is Prediction else _metadata(metadata), len(ids))
    return Batch(
        unit=_numbered(batch["item"], mine, wanted.units),
        feature=_numbered(batch["feature"], mine, wanted.features),
        score=score,
        boxes=boxes,
        crowd=crowd,
        areas=areas,
        ids=ids,
        read=len(batch),
        left_out=int(there.sum() - chosen.sum()),
    )


def _strings(column: Any) -> Any:
    """Return a column of strings, none of which is missing."""
    # Another writer's file may hold its strings in another of Arrow's ways, or what is no text. What is as it should be
    # is not cast: that alone takes a tenth of a second, since Arrow's functions are only loaded then.
    strings = column if str(column.type) == "string" else column.cast("string")
    strings.validate(full=True)
    if strings.null_count:
        raise NotPlainError
    return strings


def _numbers(column: Any) -> Floats:
    """Return a column of numbers; NaN where there is none."""
    return np.asarray(column.to_numpy(zero_copy_only=False), np.float64)


def _scores(column: Any) -> Floats:
    """Return confidences: 1 where there is none, which is not the same as NaN."""
    scores = _numbers(column)
    empty = np.isnan(scores)
    if empty.sum() == column.null_count:
        scores = np.where(empty, 1.0, scores)
    return scores


def _metadata(column: Any) -> Iterator[tuple[int, Any]]:
    """Yield place and metadata of the rows that may say what COCO does."""
    if column.null_count == len(column):
        return
    for place, text in enumerate(column.to_pylist()):
        # To look for the words first is much faster than to decode each.
        if text and ('"iscrowd"' in text or '"area"' in text):
            yield place, msgspec.json.decode(text, type=dict)


def _codes(column: Any) -> Integers:
    """Return the codes of names; -1 where there is none."""
    codes = column.indices
    return np.asarray(codes.fill_null(-1) if codes.null_count else codes, np.int64)


def _among(column: Any, wanted: Container[str]) -> npt.NDArray[np.bool_]:
    """Whether each name of a coded column is one of those wanted."""
    # The last is for the code -1, of no name.
    among = np.array([*(name in wanted for name in column.dictionary.to_pylist()), False], np.bool_)
    return among[_codes(column)]


def _numbered(column: Any, mine: Any, index: Index) -> Integers:
    """Return the numbers that an index has for some names of a coded column."""
    names, codes = column.dictionary.to_pylist(), _codes(column)[mine]
    if (codes < 0).any():
        raise NotPlainError
    used = np.flatnonzero(np.bincount(codes)).tolist()
    chosen = [names[code] for code in used]
    if not all(chosen):
        raise NotPlainError
    numbers = np.zeros(len(names), np.int64)
    numbers[used] = [index[name] for name in chosen]
    return numbers[codes]
