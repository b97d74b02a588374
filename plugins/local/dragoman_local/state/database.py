"""Opens the SQLite file and runs transactions: write-ahead log, foreign keys, a version that is checked.

Several processes use one file at a time (callers, training workers); in one process a lock lets one thread at a time
use the connection. Transactions are short, so nobody waits long.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from dragoman.calls.pipeline import Page
from dragoman.errors import NotFound, PlatformError
from dragoman_local.state.tables import TABLES, VERSION

BUSY_SECONDS = 30.0
"""How long a transaction waits for another process's write before SQLite gives up."""
CACHE_KIB = 65_536
"""Pages kept in memory. Ids are random, so inserts touch all of their index; the default of 2 MB makes them read it."""
T = TypeVar("T")


class Database:
    """One SQLite file, opened when it is first used.

    Args:
        path: The file; it and its folder are made if they do not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for queries that all see the same state of the file."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for changes that happen together or, if the block raises, not at all."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        """Close the file. A later use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                self._connection = _open(self._path)
            connection = self._connection
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                # Also after a commit that failed, on a full disk for example.
                if connection.in_transaction:
                    connection.rollback()


def seq_of(connection: sqlite3.Connection, table: str, id: str) -> int:
    """Return the row number of the thing with that id in `table`.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(f"SELECT seq FROM {table} WHERE id = ?", (id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no {table.removesuffix('s')} with the id {id!r}.")
    seq: int = row["seq"]
    return seq


def page_of(rows: Sequence[sqlite3.Row], size: int, make: Callable[[sqlite3.Row], T]) -> Page[T]:
    """Make a page of rows that were fetched with `LIMIT size + 1` in the order of `seq`, which is the cursor."""
    more = len(rows) > size
    rows = rows[:size]
    return Page([make(row) for row in rows], str(rows[-1]["seq"]) if more else None)


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    # `isolation_level=None`: transactions begin where this module says, never by themselves.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA journal_mode = WAL")
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables in a new file, and refuse a file whose tables this code does not know."""
    if _version(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    # Asked again under the lock: another process may have made the tables in between.
    found = _version(connection)
    if found == 0:
        _each(connection, TABLES)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
    if found not in (0, VERSION):
        age, cure = ("a newer", "Upgrade dragoman-local") if found > VERSION else ("an older", "Use that release")
        raise PlatformError(
            f"{path} was written by {age} release: it has version {found}, this release knows {VERSION}.",
            hint=f"{cure}, or choose another root.",
        )


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _each(connection: sqlite3.Connection, statements: str) -> None:
    # `executescript` would commit first and so give up the lock.
    for statement in filter(str.strip, statements.split(";")):
        connection.execute(statement)
