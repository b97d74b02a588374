"""The error table: what SQLite and the file system raise, as users see it."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from dragoman import Conflict, DragomanError, NotFound, PermissionDenied, PlatformError, Unavailable
from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman_local.errors import ERRORS


def bound(cause: Exception) -> DragomanError:
    return bind(cause, ERRORS, Scrubber(()))


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, PlatformError),
        (errno.EDQUOT, PlatformError),
        (errno.EACCES, PermissionDenied),
        (errno.EROFS, PermissionDenied),
        (errno.ENOENT, NotFound),
        (errno.EIO, PlatformError),
    ],
)
def test_error_numbers(number: int, kind: type[DragomanError]) -> None:
    error = bound(OSError(number, "said by the system", "some/file"))
    assert type(error) is kind
    assert "some/file" in error.message


def test_full_device_is_called_full() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError) as caught:
        full.write(b"x")
    error = bound(caught.value)
    assert type(error) is PlatformError
    assert "full" in error.message
    assert not error.retryable


def test_copy_to_a_full_disk_names_the_copy() -> None:
    # As `shutil.copyfile` raises it.
    error = bound(OSError(errno.ENOSPC, "said by the system", "the/source", None, "the/copy"))
    assert "is full at the/copy" in error.message


def test_full_database_is_called_full() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA max_page_count = 2")
    connection.execute("CREATE TABLE t (x)")
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    connection.close()
    assert "full" in bound(caught.value).message


def test_locked_database_can_be_tried_again(tmp_path: Path) -> None:
    holder, other = (sqlite3.connect(tmp_path / "s", isolation_level=None, timeout=0) for _ in range(2))
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(sqlite3.Error) as caught:
        other.execute("BEGIN IMMEDIATE")
    holder.close()
    other.close()
    error = bound(caught.value)
    assert type(error) is Unavailable
    assert error.retryable


def test_broken_constraint_is_a_conflict() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (x UNIQUE)")
    connection.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    assert type(bound(caught.value)) is Conflict
