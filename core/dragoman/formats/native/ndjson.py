"""Dragoman's own lines of JSON, lossless: a header, the ontology, items and rows, one a line, in one file or a folder.

A file holds all lines; a folder holds `dataset.ndjson` (header and ontology), `items.ndjson` and `rows.ndjson`. A line
is `{"dragoman": 1}`, or an object with one member that says what it is: `ontology`, `item`, `label`, `prediction`.
JSON lines end at "\\n" only, so that U+2028 and U+0085 in texts break nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic import ValidationError

from dragoman.errors import InvalidData
from dragoman.fidelity import LOSSLESS
from dragoman.formats.base import ErrorPolicy, Reader, Writer, completed
from dragoman.schema import Item, Label, Ontology, Prediction
from dragoman.schema.reasons import reason_of

VERSION = 1
"""Written in the header; a reader refuses versions after its own."""

LONGEST_LINE = 256 << 20
"""Bytes beyond which a line is refused before it fills the memory."""

FILES = {"dataset": "dataset.ndjson", "items": "items.ndjson", "rows": "rows.ndjson"}
Layout = Literal["file", "folder"]


class Line(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One line; one of its members is there."""

    dragoman: int | None = None
    ontology: msgspec.Raw = msgspec.Raw()
    item: Item | None = None
    label: Label | None = None
    prediction: Prediction | None = None


class NdjsonReader(Reader):
    """Reads Dragoman's NDJSON; nothing is held but the ontology.

    Args:
        path: A file or a folder.
        on_error: What to do with a bad line.

    Raises:
        InvalidData: See `Reader`; the error names the file, the line (`row`, from zero) and its byte offset.
    """

    fidelity = LOSSLESS

    def __init__(self, path: Path, *, on_error: ErrorPolicy = "raise") -> None:
        super().__init__(path, on_error=on_error)
        self._head = path / FILES["dataset"] if path.is_dir() else path
        first = next(self._lines(self._head), None)
        if first is None or first.dragoman is None:
            raise InvalidData(f"{self._head} does not begin with the header of Dragoman's NDJSON.")
        if first.dragoman > VERSION:
            raise InvalidData(
                f"{self._head} was written by a later Dragoman (version {first.dragoman} of the format).",
                hint="Update Dragoman.",
            )

    def ontology(self) -> Ontology:
        """Return the ontology, which stands before items and rows."""
        for line in self._lines(self._head):
            if text := bytes(line.ontology):
                try:
                    return Ontology.model_validate_json(text)
                except ValidationError as error:
                    raise InvalidData(f"{self._head} has a wrong ontology: {error}.") from error
        raise InvalidData(f"{self._head} has no ontology.")

    def items(self) -> Iterator[Item]:
        """Yield all items; see `Reader`."""
        for line in self._lines(self._part("items")):
            if line.item is not None:
                yield line.item

    def rows(self) -> Iterator[Label]:
        """Yield labels and predictions; see `Reader`."""
        for line in self._lines(self._part("rows")):
            row = line.label if line.prediction is None else line.prediction
            if row is not None:
                yield row

    def _part(self, name: str) -> Path:
        return self.path / FILES[name] if self.path.is_dir() else self.path

    def _lines(self, path: Path) -> Iterator[Line]:
        decode = msgspec.json.Decoder(Line).decode
        offset = 0
        try:
            with path.open("rb") as file:
                for number in range(2**63):
                    text = file.readline(LONGEST_LINE + 1)
                    if not text:
                        return
                    if len(text) > LONGEST_LINE:
                        raise _bad(path, number, offset, f"the line is longer than {LONGEST_LINE >> 20} MiB", None)
                    try:
                        if not text.endswith(b"\n"):
                            raise _bad(path, number, offset, "the file ends in the middle of a line", None)
                        yield decode(text)
                    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                        self.refuse(_explained(path, number, offset, error))
                    except InvalidData as error:
                        self.refuse(error)
                    offset += len(text)
        except FileNotFoundError:
            raise InvalidData(f"There is no {path}.") from None


class NdjsonWriter(Writer):
    """Writes Dragoman's NDJSON.

    Args:
        path: A file, or a folder if the name has no suffix.
        layout: `"file"` or `"folder"`, whatever the name says.
    """

    fidelity = LOSSLESS

    def __init__(self, path: Path, *, layout: Layout | None = None) -> None:
        super().__init__(path)
        self._as_folder = layout == "folder" if layout else not path.suffix

    def write(self, ontology: Ontology, items: Iterable[Item], rows: Iterable[Label]) -> None:
        """Write everything, or leave the path as it was; see `Writer`."""
        head = [{"dragoman": VERSION}, {"ontology": json.loads(ontology.model_dump_json(exclude_defaults=True))}]
        with completed(self.path) as made:
            if self._as_folder:
                made.mkdir()
            check = _Check(ontology)
            parts: list[tuple[str, Iterable[Any]]] = [
                ("dataset", head),
                ("items", check.items(items)),
                ("rows", check.rows(rows)),
            ]
            encode = msgspec.json.Encoder().encode_lines
            for name, lines in parts:
                with (made / FILES[name] if self._as_folder else made).open("ab") as file:
                    for batch in batched(lines, 1000):
                        file.write(encode(batch))


class _Check:
    """Sees to it that what is written can be told apart and belongs together."""

    def __init__(self, ontology: Ontology) -> None:
        self._features = {feature.name for feature in ontology.features}
        self._keys: set[str] = set()

    def items(self, items: Iterable[Item]) -> Iterator[Line]:
        return (Line(item=item) for item in checked_items(items, self._keys))

    def rows(self, rows: Iterable[Label]) -> Iterator[Line]:
        for row in checked_rows(rows, self._keys, self._features):
            yield Line(prediction=row) if isinstance(row, Prediction) else Line(label=row)


def checked_items(items: Iterable[Item], keys: set[str]) -> Iterator[Item]:
    """Yield items and add their keys to `keys`.

    Raises:
        InvalidData: Two have one key.
    """
    for number, item in enumerate(items):
        if item.key in keys:
            raise InvalidData(f"Two items have the key {item.key!r}.", row=number, field="key")
        keys.add(item.key)
        yield item


def checked_rows(rows: Iterable[Label], keys: set[str], features: set[str]) -> Iterator[Label]:
    """Yield rows.

    Raises:
        InvalidData: One names an item or feature that is not there.
    """
    for number, row in enumerate(rows):
        if row.item not in keys:
            raise InvalidData(f"There is no item {row.item!r}.", row=number, field="item")
        if row.feature not in features:
            raise InvalidData(f"There is no feature {row.feature!r}.", row=number, field="feature")
        yield row


def batched(things: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield lists of `size` things, the last one shorter."""
    batch: list[Any] = []
    for thing in things:
        batch.append(thing)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def recognise_ndjson(path: Path) -> bool:
    """Whether the path begins with the header of Dragoman's NDJSON."""
    head = path / FILES["dataset"] if path.is_dir() else path
    if not head.is_file():
        return False
    with head.open("rb") as file:
        return file.read(11) == b'{"dragoman"'


def _bad(path: Path, number: int, offset: int, reason: str, field: str | None) -> InvalidData:
    return InvalidData(f"{path}, byte {offset}: {reason}.", row=number, field=field)


def _explained(path: Path, number: int, offset: int, error: Exception) -> InvalidData:
    reason = reason_of(error)
    return _bad(path, number, offset, reason.message.rstrip("."), reason.field)
