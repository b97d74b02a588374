"""Rows come in any order and files want them by item: a spool groups them on disk, so that memory stays flat."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Hashable, Iterator
from types import TracebackType
from typing import Self

HELD_BYTES = 8 << 20
"""Entries are kept in memory up to this many bytes and then written behind each other, group by group."""


class Spool:
    """Texts grouped by key. Give with `add`, take with `of`; a key's texts come back in the order they were given."""

    def __init__(self, held_bytes: int = HELD_BYTES) -> None:
        self._limit = held_bytes
        self._held: defaultdict[Hashable, list[bytes]] = defaultdict(list)
        self._held_bytes = 0
        self._places: defaultdict[Hashable, list[tuple[int, int]]] = defaultdict(list)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, key: Hashable, text: str) -> None:
        """Append a text to a key's group."""
        entry = text.encode()
        self._held[key].append(len(entry).to_bytes(8, "big") + entry)
        self._held_bytes += len(entry) + 8
        if self._held_bytes >= self._limit:
            self._put_aside()

    def of(self, key: Hashable) -> Iterator[str]:
        """Yield the texts of a key."""
        for start, length in self._places.get(key, ()):
            self._file.seek(start)
            yield from _entries(self._file.read(length))
        for entry in self._held.get(key, ()):
            yield entry[8:].decode()

    def _put_aside(self) -> None:
        end = self._file.seek(0, 2)
        for key, entries in self._held.items():
            block = b"".join(entries)
            self._file.write(block)
            self._places[key].append((end, len(block)))
            end += len(block)
        self._held.clear()
        self._held_bytes = 0


def _entries(block: bytes) -> Iterator[str]:
    position = 0
    while position < len(block):
        start = position + 8
        position = start + int.from_bytes(block[position:start], "big")
        yield block[start:position].decode()
