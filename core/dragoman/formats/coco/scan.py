"""Finds the sections of a large JSON file, and places where an array can be cut, without holding or decoding it.

Skipping is `brackets.py`'s, decoding `decode.py`'s. Why it is done so: docs/decisions/0005-streaming-json.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from dragoman.formats.coco.brackets import CHUNK, malformed, skip

_LONGEST_TEXT = 1 << 20
"""Bytes of the longest text or number that may stand at the file's own level."""

_TAIL = 1 << 20
"""Bytes of a file's end in which tables that follow the streamed array are looked for."""

_UNKNOWN = -1

_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb"[^,\]}\s]+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """An array or a value of a JSON file, by its byte offsets.

    Args:
        start: Of the value's first byte.
        end: After its last byte.
        is_array: Whether the value is an array.
        cuts: Offsets between elements of the array, each after an element's last byte; None where the end is only
            likely (see `_shortcut`) and nothing is known of the elements.
    """

    start: int
    end: int
    is_array: bool
    cuts: tuple[int, ...] | None = ()


def sections(path: Path, *, streamed: str = "", tables: frozenset[str] = frozenset()) -> dict[str, Section]:
    """Return the members of the file's object by name; an array alone is the member with an empty name.

    Args:
        path: The file.
        streamed: A large array whose scan is spared if `tables` are found before and after it. Its section then has
            no cuts, other small members after it are left out, and `rest_of` finds them out if need be.
        tables: Members that are needed besides.

    Raises:
        InvalidData: The file is truncated or is no JSON object or array; the error names the byte offset.
    """
    with path.open("rb") as file:
        first, offset = _next(path, file, 0)
        if first == b"[":
            whole = _whole_array(path, file, offset)
            return {"": whole}
        if first != b"{":
            raise malformed(path, offset, "it begins with neither an object nor an array")
        found: dict[str, Section] = {}
        for name, section in _members(path, file, offset + 1, streamed):
            if section.end != _UNKNOWN:
                found[name] = section
                continue
            short = _shortcut(file, section.start, tables - found.keys())
            if short is None:
                return sections(path)
            array, members = short
            return {**found, streamed: array, **members}
        return found


def rest_of(path: Path, offset: int) -> Section:
    """Return what is left of an array from `offset`, which lies between two of its elements; scanned, with cuts.

    Raises:
        InvalidData: The file ends before the array does.
    """
    with path.open("rb") as file:
        return _array(path, file, offset)


def _members(path: Path, file: BinaryIO, offset: int, streamed: str) -> Iterator[tuple[str, Section]]:
    seen: set[str] = set()
    mark, offset = _next(path, file, offset)
    while mark != b"}":
        name, offset = _name(path, file, offset)
        if name in seen:
            raise malformed(path, offset, f"the member {name!r} is there twice")
        seen.add(name)
        mark, offset = _next(path, file, offset)
        if mark != b":":
            raise malformed(path, offset, "a colon is missing")
        _, offset = _next(path, file, offset + 1)
        if name == streamed and name:
            yield name, Section(offset, _UNKNOWN, is_array=True, cuts=None)
        section = _value(path, file, offset)
        yield name, section
        mark, offset = _next(path, file, section.end)
        if mark == b",":
            mark, offset = _next(path, file, offset + 1)
            if mark == b"}":
                raise malformed(path, offset, "a comma is followed by nothing")
        elif mark != b"}":
            raise malformed(path, offset, "a comma is missing")
    _expect_end(path, file, offset + 1)


def _next(path: Path, file: BinaryIO, offset: int) -> tuple[bytes, int]:
    """Return the next byte that is not white space, and its offset."""
    while True:
        file.seek(offset)
        chunk = file.read(4096)
        if not chunk:
            raise malformed(path, offset, "the file ends here, in the middle of its JSON")
        if offset == 0 and chunk.startswith(b"\xef\xbb\xbf"):
            offset += 3
            continue
        found = _SPACE.match(chunk)
        length = found.end() if found else 0
        offset += length
        if length < len(chunk):
            return chunk[length : length + 1], offset


def _expect_end(path: Path, file: BinaryIO, offset: int) -> None:
    while True:
        file.seek(offset)
        chunk = file.read(CHUNK)
        if not chunk:
            return
        rest = chunk.lstrip(b" \t\r\n")
        if rest:
            raise malformed(path, offset + len(chunk) - len(rest), "something follows the JSON")
        offset += len(chunk)


def _name(path: Path, file: BinaryIO, offset: int) -> tuple[str, int]:
    file.seek(offset)
    found = _STRING.match(file.read(_LONGEST_TEXT))
    if not found:
        raise malformed(path, offset, "a member's name is missing")
    try:
        return found[0][1:-1].decode(), offset + found.end()
    except UnicodeDecodeError as error:
        raise malformed(path, offset, "a name is not UTF-8") from error


def _value(path: Path, file: BinaryIO, offset: int) -> Section:
    file.seek(offset)
    start = file.read(_LONGEST_TEXT)
    if start[:1] in (b"[", b"{"):
        section = _array(path, file, offset + 1)
        return Section(offset, section.end, start[:1] == b"[", section.cuts)
    found = (_STRING if start[:1] == b'"' else _SCALAR).match(start)
    if not found:
        raise malformed(path, offset, "a value is missing")
    return Section(offset, offset + found.end(), is_array=False)


def _array(path: Path, file: BinaryIO, offset: int) -> Section:
    depth = skip(path, file, offset)
    if depth.ended is None:
        raise malformed(path, file.tell(), "the file ends here, in the middle of its JSON")
    return Section(offset - 1, depth.ended, is_array=True, cuts=tuple(depth.cuts))


def _whole_array(path: Path, file: BinaryIO, offset: int) -> Section:
    size = file.seek(0, 2)
    file.seek(max(offset, size - CHUNK))
    tail = file.read().rstrip(b" \t\r\n")
    if size - offset > 4 * CHUNK and tail.endswith(b"]"):
        return Section(offset, max(offset, size - CHUNK) + len(tail), is_array=True, cuts=None)
    whole = _value(path, file, offset)
    _expect_end(path, file, whole.end)
    return whole


def _shortcut(file: BinaryIO, start: int, tables: frozenset[str]) -> tuple[Section, dict[str, Section]] | None:
    """Return the array at `start` with its likely end, and the members in the file's tail, if `tables` are there.

    A tail that is the rest of an object up to the file's end is at the file's own level. That the array ends right
    before it is only likely: another array may lie between. Whoever decodes the array will notice.
    """
    size = file.seek(0, 2)
    if size - start < 4 * CHUNK:
        return None
    first = max(start, size - _TAIL)
    file.seek(first)
    tail = file.read()
    names = b"|".join(re.escape(name.encode()) for name in sorted(tables))
    next_member = rb',\s*(?="(?:' + names + rb')"\s*:)|' if tables else b""
    for found in re.finditer(rb"\]\s*(?:" + next_member + rb"(?=\}\s*\Z))", tail):
        try:
            members = msgspec.json.decode(b"{" + tail[found.end() :], type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if not tables <= members.keys():
            return None
        array = Section(start, first + found.start() + 1, is_array=True, cuts=None)
        return array, _placed(members, tail, found.end(), first)
    return None


def _placed(members: dict[str, msgspec.Raw], tail: bytes, position: int, first: int) -> dict[str, Section]:
    """Return where the members are whose names begin at or after `position` of the tail, in order."""
    placed = {}
    for name, raw in members.items():
        text = bytes(raw)
        named = _STRING.search(tail, position)
        position = tail.index(text, tail.index(b":", named.end() if named else position))
        placed[name] = Section(first + position, first + position + len(text), is_array=text[:1] == b"[")
        position += len(text)
    return placed
