"""What the target holds already, in SQLite: rows by key and by digest of their content.

A row of the source is there if the target has its key, or if it has the same content under a key of its own that no
other row of the source has. Memory does not grow with the rows.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from dragoman.migrate.content import Fingerprint, content_of, digest
from dragoman.migrate.expect import Expected
from dragoman.migrate.reading import key_of

Presence = Literal["same", "changed", "twin"]
"""How a row is there: under its key and the same, under its key and different, or the same under another key."""


class Present:
    """The rows of one kind on the target, in a temporary file.

    First `meet` is called for every row of the source; then `count` and `foreign` know, and `find` may be asked.
    """

    def __init__(self, rows: Iterable[msgspec.Struct]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="dragoman-")
        self._lock = threading.Lock()
        self._database = sqlite3.connect(
            Path(self._folder.name) / "present.db", isolation_level=None, check_same_thread=False
        )
        self._database.executescript(
            """
            pragma journal_mode = off; pragma synchronous = off;
            create table there (key text, digest blob, taken integer default 0);
            create table absent (digest blob);
            create index by_absent on absent (digest);
            begin;
            """
        )
        found = ((key_of(row), digest(content_of(row))) for row in rows)
        self._database.executemany("insert into there (key, digest) values (?, ?)", found)
        self._database.execute("create index by_key on there (key)")
        self._database.execute("create index by_digest on there (digest, taken)")
        self.rows: int = self._database.execute("select count(*) from there").fetchone()[0]
        self._met: Counter[Presence] = Counter()

    def close(self) -> None:
        """Remove the temporary file."""
        self._database.close()
        self._folder.cleanup()

    def meet(self, row: msgspec.Struct, expected: Expected) -> None:
        """Take note of a row of the source and of what the target would hold of it."""
        if not self.rows or expected.content is None:
            return
        found = self._held(row)
        if found is None:
            self._database.execute("insert into absent values (?)", [digest(expected.content)])
            return
        self._met[_alike(found, expected)] += 1
        self._database.execute("update there set taken = 1 where key = ?", [key_of(row)])

    def count(self) -> dict[str, int]:
        """Return how many rows of the source are there, by how."""
        twins: int = self._database.execute(f"select coalesce(sum(min(held, wanted)), 0) from ({_TWINS})").fetchone()[0]
        counts: dict[str, int] = {**dict(self._met.items()), "twin": twins}
        return {how: number for how, number in counts.items() if number}

    def foreign(self) -> str:
        """Return the fingerprint of the rows that no row of the source was found in."""
        fingerprint = Fingerprint()
        for value, held, wanted in self._database.execute(_TWINS):
            for _ in range(held - min(held, wanted)):
                fingerprint.add_digest(value)
        return str(fingerprint)

    def find(self, row: msgspec.Struct, expected: Expected) -> Presence | None:
        """Return how a row is there, or None; to be asked once per row. A twin is found by one row only."""
        if not self.rows or expected.content is None:
            return None
        with self._lock:
            if (found := self._held(row)) is not None:
                return _alike(found, expected)
            twin = self._database.execute(
                "select rowid from there where digest = ? and not taken limit 1", [digest(expected.content)]
            ).fetchone()
            if twin is None:
                return None
            self._database.execute("update there set taken = 1 where rowid = ?", twin)
            return "twin"

    def _held(self, row: msgspec.Struct) -> bytes | None:
        found = self._database.execute("select digest from there where key = ? limit 1", [key_of(row)]).fetchone()
        return found[0] if found else None


def _alike(found: bytes, expected: Expected) -> Presence:
    # Where the platform itself rounds, the content cannot be told beforehand.
    same = expected.loose or (expected.content is not None and found == digest(expected.content))
    return "same" if same else "changed"


_TWINS = """
select digest, count(*) as held, (select count(*) from absent where absent.digest = there.digest) as wanted
    from there where not taken group by digest
"""
