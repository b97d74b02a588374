"""One table: what SQLite, the file system and pydantic raise, to Dragoman's errors."""

from __future__ import annotations

import errno
import os
import sqlite3

import pydantic

from dragoman.calls.binding import ErrorTable
from dragoman.calls.scrub import Scrubber, inherited_secrets
from dragoman.errors import Conflict, DragomanError, InvalidData, NotFound, PermissionDenied, PlatformError, Unavailable

FULL_HINT = "Free some space, or choose another folder with the setting `root`; what was written before is kept."

_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_REFUSED = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NO_ACCESS = {errno.EACCES, errno.EPERM, errno.EROFS}


def from_sqlite(error: sqlite3.Error) -> DragomanError:
    """Return the error for an SQLite result code (https://www.sqlite.org/rescode.html)."""
    # The low byte is the primary code; the rest says more than is needed here.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return PlatformError("The disk is full; the state cannot be written.", hint=FULL_HINT)
    if code in _SQLITE_BUSY:
        return Unavailable("Another process holds the state's write lock.")
    if code in _SQLITE_REFUSED:
        return PermissionDenied(f"The state cannot be opened for writing: {error}.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return PlatformError(f"The state file is damaged: {error}.", hint="Restore it, or choose another root.")
    if code == sqlite3.SQLITE_CONSTRAINT:
        return Conflict(f"The state refuses the change: {error}.")
    return PlatformError(f"The state cannot be read or written: {error}.")


def from_os(error: OSError) -> DragomanError:
    """Return the error for an error number of the operating system."""
    where = f" at {error.filename}" if error.filename else ""
    if error.errno in _NO_SPACE:
        # Copying names the source first, and it is the target for which there is no space.
        where = f" at {error.filename2}" if error.filename2 else where
        return PlatformError(f"The disk is full{where}.", hint=FULL_HINT)
    if error.errno in _NO_ACCESS:
        return PermissionDenied(f"Reading or writing is not allowed{where}: {os.strerror(error.errno)}.")
    if error.errno == errno.ENOENT:
        return NotFound(f"There is no file or folder{where}.")
    return PlatformError(f"The file system refuses{where}: {error.strerror or error}.")


def from_validation(error: pydantic.ValidationError, prefix: str = "") -> DragomanError:
    """Return the error for the first value that a pydantic model refuses; `prefix` leads its field's path."""
    first = error.errors(include_url=False, include_context=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    reason = first["msg"].removeprefix("Value error, ")
    return InvalidData(f"{reason[:1].upper()}{reason[1:]}.", field=f"{prefix}{path}".rstrip(".") or None)


def without_secrets(log: str) -> str:
    """Return a piece of a process's log without the secrets that it inherited: it may have printed its environment."""
    return Scrubber(inherited_secrets()).text(log)


ERRORS: ErrorTable = {
    sqlite3.Error: from_sqlite,
    OSError: from_os,
    pydantic.ValidationError: from_validation,
}
