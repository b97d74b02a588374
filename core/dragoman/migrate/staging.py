"""Where rows wait until a file can be written as a whole: keyed, in an SQLite file, as on any platform."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from dragoman.calls.pipeline import Page
from dragoman.schema import CREATED, IGNORED, RowResult
from dragoman.schema.base import Control

Row = TypeVar("Row")

CLEARED = "cleared"
"""Kind of the thing that says that the rows are written."""


class Staging:
    """What is to be written, keyed, in an SQLite file beside the one that it becomes.

    Args:
        path: The SQLite file; made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._mutex = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(
            """
            pragma journal_mode = wal; pragma synchronous = full;
            create table if not exists things (kind text primary key, json blob);
            create table if not exists rows (kind text, key text, json blob, primary key (kind, key)) without rowid;
            """
        )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def put(self, kind: str, thing: Control) -> None:
        """Keep one thing of a kind, a control object."""
        with self._mutex:
            self._database.execute("insert or replace into things values (?, ?)", [kind, thing.model_dump_json()])

    def get(self, kind: str) -> str | None:
        """Return the JSON of the thing of a kind, or None."""
        with self._mutex:
            found = self._database.execute("select json from things where kind = ?", [kind]).fetchone()
        return found[0] if found else None

    def write(self, kind: str, rows: Sequence[tuple[str, bytes]], *, update: bool) -> list[RowResult]:
        """Keep rows, all or none."""
        how = "replace" if update else "ignore"
        with self._mutex:
            self._database.execute("begin immediate")
            changed = [
                self._database.execute(f"insert or {how} into rows values (?, ?, ?)", [kind, *row]).rowcount
                for row in rows
            ]
            self._database.execute("commit")
        return [CREATED if count else IGNORED for count in changed]

    def read(self, kind: str, cursor: str | None, size: int) -> Page[bytes]:
        """Return a page of rows in the order of their keys."""
        with self._mutex:
            found = self._database.execute(
                "select key, json from rows where kind = ? and key > ? order by key limit ?", [kind, cursor or "", size]
            ).fetchall()
        return Page([json for _, json in found], found[-1][0] if len(found) == size else None)

    def every(self, kind: str, decode: Callable[[bytes], Row]) -> Iterator[Row]:
        """Yield all rows of a kind."""
        cursor: str | None = None
        while True:
            page = self.read(kind, cursor, 1000)
            yield from map(decode, page.items)
            if page.next is None:
                return
            cursor = page.next

    def clear(self) -> None:
        """Forget all rows. The things stay: they say what the file's dataset, model and version are called."""
        with self._mutex:
            self._database.executescript(
                f"begin; delete from rows; insert or replace into things values ('{CLEARED}', ''); commit; vacuum;"
            )

    @property
    def is_cleared(self) -> bool:
        """Whether the rows have gone to where they were to be written."""
        return self.get(CLEARED) is not None

    def forget(self) -> None:
        """Forget the things, too."""
        with self._mutex:
            self._database.execute("delete from things")
