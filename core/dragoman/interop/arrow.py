"""Items and rows as Arrow record batches, lossless, and back. Needs the extra `parquet` (pyarrow).

What is queried has columns of its own: ids, names, numbers, a box, rings as nested lists. What nests freely (metadata,
attributes, answers, the rarer geometries) is JSON text in a column, so that it comes back exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.errors import InvalidData, Unsupported
from dragoman.schema import AnyGeometry, Box, Item, Label, Polygon, Prediction
from dragoman.schema.reasons import reason_of

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 5_000
"""Rows of a record batch."""

Refuse = Callable[[InvalidData], None]
"""Is told of a bad row, which is then passed over."""

_BOX = ("x", "y", "width", "height")
_JSON = ("answer", "attributes", "metadata", "class_pdf", "provenance")
_PLAIN = ("id", "item", "feature", "frame", "interpolation", "track_id")
_KINDS: dict[str, type[Label]] = {"label": Label, "prediction": Prediction}
_encode = msgspec.json.Encoder().encode


def row_schema() -> pa.Schema:
    """Return the columns of rows: `kind` is `"label"` or `"prediction"`, `geometry` the JSON of rarer geometries."""
    pa = _pyarrow()
    text, number = pa.string(), pa.float64()
    columns = {
        "kind": pa.dictionary(pa.int8(), text),
        "id": text,
        "item": text,
        "feature": text,
        "geometry_type": pa.dictionary(pa.int8(), text),
        **dict.fromkeys(_BOX, number),
        "parts": pa.list_(pa.list_(pa.list_(number))),
        "geometry": text,
        "frame": pa.int64(),
        "span": pa.list_(pa.int64()),
        "interpolation": text,
        "track_id": text,
        "confidence": number,
        **dict.fromkeys(_JSON, text),
    }
    return pa.schema(list(columns.items()))


def item_schema() -> pa.Schema:
    """Return the columns of items, which are their fields; `metadata` is JSON text."""
    pa = _pyarrow()
    text, whole = pa.string(), pa.int64()
    kinds = {
        **{"key": text, "id": text, "uri": text, "data": pa.large_binary(), "width": whole, "height": whole},
        **{"media": text, "frames": whole, "frame_rate": pa.float64(), "orientation": whole},
        **{"content_hash": text, "split": text, "metadata": text},
    }
    return pa.schema([(name, kinds[name]) for name in Item.__struct_fields__])


def to_arrow(rows: Iterable[Label], *, batch_size: int = BATCH) -> Iterator[pa.RecordBatch]:
    """Yield labels and predictions as record batches of `row_schema`.

    `pyarrow.Table.from_batches(to_arrow(rows), row_schema())` is the table of all of them.

    Args:
        rows: Labels, predictions, or both.
        batch_size: Most rows of a batch.

    Raises:
        InvalidData: A value has no place in its column, such as a frame of more than 64 bits.
    """
    return _batches(rows, row_schema(), _columns_of_row, batch_size)


def from_arrow(batches: Iterable[pa.RecordBatch] | pa.Table, *, refuse: Refuse | None = None) -> Iterator[Label]:
    """Yield the rows of record batches or a table; columns beyond `row_schema` are passed over.

    Args:
        batches: Where they are.
        refuse: What is done with a row that breaks the schema; if not given, its error is raised.

    Raises:
        InvalidData: A column is missing or there twice, or a row breaks the schema; the error names row and field.
    """
    return _structs(batches, row_schema(), _row_of, refuse)


def items_to_arrow(items: Iterable[Item], *, batch_size: int = BATCH) -> Iterator[pa.RecordBatch]:
    """Yield items as record batches of `item_schema`."""
    return _batches(items, item_schema(), _columns_of_item, batch_size)


def items_from_arrow(batches: Iterable[pa.RecordBatch] | pa.Table, *, refuse: Refuse | None = None) -> Iterator[Item]:
    """Yield the items of record batches or a table; see `from_arrow`."""
    return _structs(batches, item_schema(), _item_of, refuse)


def _batches(things: Iterable[Any], schema: pa.Schema, columns_of: Any, size: int) -> Iterator[pa.RecordBatch]:
    pa = _pyarrow()
    source = iter(things)
    while some := [columns_of(thing) for thing in islice(source, size)]:
        arrays = [_array([row.get(column.name) for row in some], column) for column in schema]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _array(values: list[Any], column: pa.Field) -> pa.Array:
    pa = _pyarrow()
    try:
        return pa.array(values, column.type)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        raise InvalidData(
            f"{column.name} has no place in a column of {column.type}: {error}.", field=column.name
        ) from error


def _structs(
    batches: Iterable[pa.RecordBatch] | pa.Table, schema: pa.Schema, build: Any, refuse: Refuse | None
) -> Iterator[Any]:
    pa = _pyarrow()
    found = [batches] if isinstance(batches, pa.RecordBatch) else batches
    position = 0
    for batch in found.to_batches(BATCH) if isinstance(found, pa.Table) else found:
        if not isinstance(batch, pa.RecordBatch):
            raise InvalidData(f"A {type(batch).__name__} was given in the place of a record batch.")
        if missing := [name for name in schema.names if name not in batch.schema.names]:
            raise InvalidData(f"The table has no column {missing[0]!r}.", field=missing[0])
        if double := [name for name in schema.names if batch.schema.names.count(name) > 1]:
            raise InvalidData(f"The table has more than one column {double[0]!r}.", field=double[0])
        for values in batch.select(schema.names).to_pylist():
            try:
                made = build(values)
            except (InvalidData, msgspec.MsgspecError, TypeError, RecursionError) as error:
                bad = _placed(error, position)
                if refuse is None:
                    raise bad from error
                refuse(bad)
            else:
                yield made
            position += 1


def _placed(error: Exception, row: int) -> InvalidData:
    """Return what is wrong with a row, with its place."""
    if isinstance(error, RecursionError):
        return InvalidData("The row is nested too deeply.", row=row)
    found = error if isinstance(error, InvalidData) else reason_of(error)
    return InvalidData(found.message, hint=found.hint, row=row, field=found.field)


def _columns_of_row(row: Label) -> dict[str, Any]:
    if not isinstance(row, Label):
        raise InvalidData(f"A {type(row).__name__} is no row.", hint="Items have `items_to_arrow`.")
    columns: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    columns |= _columns_of_geometry(row.geometry)
    columns["span"] = row.span
    columns["kind"] = "prediction" if isinstance(row, Prediction) else "label"
    if isinstance(row, Prediction):
        columns["confidence"] = row.confidence
    for name in _JSON:
        value = getattr(row, name, None)
        if value is not None and value != {}:
            columns[name] = _encode(value).decode()
    if isinstance(row, Prediction) and row.class_pdf == {}:
        columns["class_pdf"] = "{}"
    return columns


def _columns_of_geometry(geometry: AnyGeometry) -> dict[str, Any]:
    if isinstance(geometry, Box):
        return {"geometry_type": "box", **{name: getattr(geometry, name) for name in _BOX}}
    if isinstance(geometry, Polygon):
        return {"geometry_type": "polygon", "parts": geometry.parts}
    return {"geometry_type": geometry.kind, "geometry": _encode(geometry).decode()}


def _row_of(columns: dict[str, Any]) -> Label:
    values: dict[str, Any] = {name: columns[name] for name in (*_PLAIN, "span")}
    for name in _JSON:
        if columns[name] is not None:
            values[name] = _json(columns, name)
    kind = _KINDS.get(columns["kind"])
    if kind is None:
        raise InvalidData(
            f"There is no kind of row {columns['kind']!r}.", hint=f"There are: {', '.join(_KINDS)}.", field="kind"
        )
    if kind is Prediction:
        values["confidence"] = columns["confidence"]
    values["geometry"] = _geometry_of(columns)
    return msgspec.convert({name: value for name, value in values.items() if value is not None}, kind)


def _geometry_of(columns: dict[str, Any]) -> Any:
    kind = columns["geometry_type"]
    if kind == "box":
        return {"type": kind, **{name: columns[name] for name in _BOX}}
    if kind == "polygon":
        return {"type": kind, "parts": columns["parts"]}
    if columns["geometry"] is None:
        raise InvalidData(f"The geometry of a {kind} is missing.", field="geometry")
    return _json(columns, "geometry")


def _json(columns: dict[str, Any], name: str) -> Any:
    try:
        return msgspec.json.decode(columns[name])
    except (msgspec.DecodeError, TypeError) as error:
        raise InvalidData(f"{name} is not JSON: {error}.", field=name) from error
    except RecursionError as error:
        raise InvalidData(f"{name} is nested too deeply.", field=name) from error


def _columns_of_item(item: Item) -> dict[str, Any]:
    columns: dict[str, Any] = {name: getattr(item, name) for name in Item.__struct_fields__}
    columns["metadata"] = _encode(item.metadata).decode() if item.metadata else None
    return columns


def _item_of(columns: dict[str, Any]) -> Item:
    values = {name: value for name, value in columns.items() if value is not None}
    if "metadata" in values:
        values["metadata"] = _json(values, "metadata")
    return msgspec.convert(values, Item, builtin_types=(bytes,))


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise Unsupported("Arrow and Parquet need pyarrow.", hint="Install dragoman[parquet].") from error
    return pyarrow
