"""Decodes a JSON array batch by batch, between the cuts that `scan.py` found, and says where a bad element is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, TypeVar

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.coco.brackets import CHUNK, likely_cut, malformed
from dragoman.formats.coco.scan import Section, rest_of

T = TypeVar("T")
Decoded: TypeAlias = list[T] | msgspec.ValidationError

BATCH = 1 << 15
"""Bytes that are decoded in one go: what becomes of them, ten times as much, still fits a core's own cache."""

_SPACE = b" \t\r\n"
_COMMA = ord(",")
_CLOSE = 16
"""Bytes after a comma in which the next element mostly begins."""
_BYTE = re.compile(r"\(byte (\d+)\)")
_elements = msgspec.json.Decoder(list[msgspec.Raw])


class Batch:
    """A run of whole elements of an array, as JSON text.

    Args:
        path: The file.
        offset: Byte offset in the file that corresponds to the first byte of `text`.
        text: The elements as a JSON array.
        first: Position in the array of the first element; filled in by `batches`.
    """

    __slots__ = ("first", "offset", "path", "text")

    def __init__(self, path: Path, offset: int, text: bytes, first: int) -> None:
        self.path, self.offset, self.text, self.first = path, offset, text, first

    def decode(self, decoder: msgspec.json.Decoder[T]) -> T:
        """Return all elements.

        Raises:
            InvalidData: The text is not JSON; the error names the byte offset.
            msgspec.ValidationError: An element is not what the decoder expects.
        """
        try:
            return decoder.decode(self.text)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._malformed(error) from error

    def elements(self) -> Iterator[tuple[int, bytes]]:
        """Yield each element's byte offset in the file and its text.

        Raises:
            InvalidData: The text is not JSON.
        """
        position = 1
        for raw in self.decode(_elements):
            element = bytes(raw)
            position = self.text.index(element, position)
            yield self.offset + position, element
            position += len(element)

    def count(self) -> int:
        """Return the number of elements; raises as `elements` does."""
        return len(self.decode(_elements))

    def offset_of(self, position: int) -> int:
        """Return the byte offset in the file of the element at `position` of the array."""
        return next(offset for place, (offset, _) in enumerate(self.elements(), self.first) if place == position)

    def _malformed(self, error: Exception) -> InvalidData:
        found = _BYTE.search(str(error))
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).partition(" (byte")[0]
        return malformed(self.path, self.offset + (int(found[1]) if found else 0), reason)


def batches(path: Path, section: Section, decoder: msgspec.json.Decoder[list[T]]) -> Iterator[tuple[Batch, Decoded[T]]]:
    """Yield the array in batches, each with what `decoder` makes of it, or the `ValidationError` that it raised.

    Raises:
        InvalidData: The section is no array, or no JSON; the error names the byte offset.
    """
    if not section.is_array:
        raise malformed(path, section.start, "an array was expected")
    position = 0
    with path.open("rb") as file:
        cut_up = _known if section.cuts is not None else _guessed
        for batch, decoded in cut_up(file, path, section, decoder):
            batch.first = position
            yield batch, decoded
            position += batch.count() if isinstance(decoded, msgspec.ValidationError) else len(decoded)


def _known(
    file: BinaryIO, path: Path, section: Section, decoder: msgspec.json.Decoder[list[T]], *, is_rest: bool = False
) -> Iterator[tuple[Batch, Decoded[T]]]:
    first = not is_rest
    start = section.start + 1
    for end in (*(cut for cut in section.cuts or () if cut < section.end - 1), section.end - 1):
        file.seek(start)
        batch = _batch(path, start, file.read(end - start), first=first)
        if batch is not None:
            yield batch, _decoded(batch, decoder)
        start, first = end, False


def _guessed(
    file: BinaryIO, path: Path, section: Section, decoder: msgspec.json.Decoder[list[T]]
) -> Iterator[tuple[Batch, Decoded[T]]]:
    """Cut where elements seem to meet; that a batch is JSON proves the cut. Where it is none, scan the rest."""
    start, end = section.start + 1, section.end - 1
    first, window = True, BATCH
    while start < end:
        file.seek(start)
        text = file.read(min(window, end - start))
        length = len(text) if start + len(text) == end else likely_cut(text)
        try:
            batch = _batch(path, start, text[:length], first=first)
            decoded = _decoded(batch, decoder) if batch else []
            if isinstance(decoded, msgspec.ValidationError) and batch:
                batch.count()
        except InvalidData:
            if window < CHUNK:
                window = CHUNK  # the elements of this file are large ones
                continue
            yield from _known(file, path, rest_of(path, start), decoder, is_rest=not first)
            return
        if batch:
            yield batch, decoded
        start, first = start + length, first and batch is None


def _decoded(batch: Batch, decoder: msgspec.json.Decoder[list[T]]) -> Decoded[T]:
    try:
        return batch.decode(decoder)
    except msgspec.ValidationError as error:
        return error


def _batch(path: Path, offset: int, text: bytes, *, first: bool) -> Batch | None:
    if not text or text[0] in _SPACE:
        bare = text.lstrip(_SPACE)
        if not bare:
            return None
        offset, text = offset + len(text) - len(bare), bare
    if first:
        return Batch(path, offset - 1, b"[%b]" % text, 0)
    if text[0] != _COMMA:
        raise malformed(path, offset, "a comma is missing")
    if not text[1:_CLOSE].strip(_SPACE) and not text[1:].strip(_SPACE):
        raise malformed(path, offset, "a comma is followed by nothing")
    return Batch(path, offset, b"".join((b"[", memoryview(text)[1:], b"]")), 0)


def value(path: Path, section: Section, kind: Any) -> Any:
    """Return a small section, decoded as `kind`.

    Raises:
        InvalidData: It is no JSON, or something else than `kind`.
    """
    with path.open("rb") as file:
        file.seek(section.start)
        text = file.read(section.end - section.start)
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidData(f"{path}, byte {section.start}: {error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Batch(path, section.start, text, 0)._malformed(error) from error
