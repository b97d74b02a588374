"""The ledger's file: how it is opened, read, and changed, so that a change is on the disk as a whole or not at all."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dragoman.errors import InvalidData, PlatformError

FORMAT = "1"
"""Version of the tables; a ledger of another is refused."""


class Database:
    """An SQLite file that threads share.

    Args:
        path: The file; made if it is not there.
        watch: Called with the name of each transition before and after it is committed.
        lasting: Whether it must outlive a loss of power.

    Raises:
        InvalidData: It cannot be opened, is no ledger, or one of another format.
    """

    def __init__(self, path: Path, watch: Callable[[str], None] | None, lasting: bool) -> None:
        self._path = path
        self._watch = watch
        self._connection = _opened(path, lasting)
        self.mutex = threading.RLock()
        self.execute = self._connection.execute
        self.executemany = self._connection.executemany

    def all(self, statement: str, values: Iterable[object] = ()) -> list[tuple[Any, ...]]:
        """Return all that a statement finds."""
        with self.mutex:
            return self.execute(statement, tuple(values)).fetchall()

    def one(self, statement: str) -> int:
        """Return the one number that a statement finds."""
        value: int = self.all(statement)[0][0]
        return value

    def close(self) -> None:
        """Close the file."""
        with self.mutex:
            self._connection.close()

    @contextmanager
    def changing(self, transition: str) -> Iterator[None]:
        """Make what happens in the context one transition: all of it is on the disk afterwards, or nothing.

        Args:
            transition: Its name.

        Raises:
            PlatformError: It cannot be written.
        """
        with self.mutex:
            try:
                self.execute("begin immediate")
                yield
                if self._watch is not None:
                    self._watch(f"before {transition}")
                self.execute("commit")
            except BaseException as error:
                # On some errors, such as a full disk, SQLite has rolled back already.
                if self._connection.in_transaction:
                    self.execute("rollback")
                if isinstance(error, sqlite3.OperationalError):
                    raise PlatformError(
                        f"The ledger {self._path} cannot be written: {error}.",
                        hint="Mend that, and apply the plan again: it goes on from there.",
                    ) from error
                raise
            if self._watch is not None:
                self._watch(f"after {transition}")


def _opened(path: Path, lasting: bool) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    except (OSError, sqlite3.OperationalError) as error:
        raise InvalidData(f"The ledger {path} cannot be opened: {error}.", field="ledger") from error
    try:
        database.execute("pragma journal_mode = wal")
        database.execute(f"pragma synchronous = {'full' if lasting else 'off'}")
        database.executescript(_TABLES)
        (held,) = database.execute("select value from about where name = 'format'").fetchone()
    except sqlite3.OperationalError as error:
        database.close()
        raise InvalidData(f"The ledger {path} cannot be opened: {error}.", field="ledger") from error
    except sqlite3.DatabaseError as error:
        database.close()
        raise InvalidData(f"{path} is not a ledger: {error}.", field="ledger") from error
    if held != FORMAT:
        database.close()
        raise InvalidData(f"{path} is a ledger of another format ({held}).", hint="Use the Dragoman that made it.")
    return database


_TABLES = f"""
begin immediate;
create table if not exists about (name text primary key, value text);
insert or ignore into about values ('format', '{FORMAT}');
create table if not exists things (kind text primary key, state integer, id text, ours integer);
create table if not exists rows (
    number integer primary key, kind text, key text, state integer, id text, reason text
);
create table if not exists letters (number integer primary key, row blob);
create table if not exists losses (
    kind text, what text, survival text, how text, rows integer, measured integer, worst real, total real,
    primary key (kind, what, survival, how)
);
commit;
"""
