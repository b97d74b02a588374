"""Datasets in zip archives: unpacked beside nothing else, within limits, and never outside their folder."""

from __future__ import annotations

import shutil
import stat
import tempfile
import weakref
import zipfile
import zlib
from pathlib import Path

from dragoman.errors import InvalidData
from dragoman.formats.base import Reader, inside

MOST_FILES = 2_000_000
MOST_BYTES = 256 << 30
"""Most bytes that an archive may unpack to in all."""
RATIO = 200
"""Most bytes that a packed byte may become; XML of boxes packs about 20 to 1, deflate's limit is about 1000 to 1."""
FREE_BYTES = 64 << 20
"""Archives that unpack to less than this are let through whatever their ratio: text of one repeated box packs well."""
_CHUNK = 1 << 20


def folder_of(path: Path, owner: Reader, *, most_bytes: int = MOST_BYTES, free_bytes: int = FREE_BYTES) -> Path:
    """Return `path`, or, if it is a zip archive, a temporary folder with what is in it, removed with `owner`.

    Args:
        path: A file or folder.
        owner: The reader whose end removes the folder; `unpacked` names it.
        most_bytes: Most bytes that the archive may unpack to.
        free_bytes: Bytes up to which its ratio does not matter.

    Raises:
        InvalidData: The archive is broken, unpacks to more than the limits, or names a file outside its folder.
    """
    if not (path.is_file() and zipfile.is_zipfile(path)):
        return path
    folder = Path(tempfile.mkdtemp(prefix="dragoman-")).resolve()
    owner.unpacked = folder
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as archive:
            _unpack(archive, path, folder, most_bytes, free_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InvalidData(f"{path} is not a zip archive that can be read: {error}.") from error
    return folder


def _unpack(archive: zipfile.ZipFile, path: Path, folder: Path, most_bytes: int, free_bytes: int) -> None:
    members = archive.infolist()
    if len(members) > MOST_FILES:
        raise InvalidData(f"{path} holds {len(members)} files; at most {MOST_FILES} are unpacked.")
    # The sizes that an archive states may lie, so the bytes are counted as they come out.
    limit = min(most_bytes, max(free_bytes, RATIO * path.stat().st_size))
    left = limit
    for member in members:
        target = inside(folder, member.filename)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InvalidData(f"{path} holds the link {member.filename!r}; links are not unpacked.")
        try:
            left -= _copy(archive, member, target, left)
        except OSError as error:
            raise InvalidData(f"{path}: {member.filename!r} cannot be unpacked: {error.strerror}.") from error
        if left < 0:
            raise InvalidData(
                f"{path} unpacks to more than {limit} bytes, {RATIO} times its size.",
                hint="Unpack it yourself if you trust it, and read the folder.",
            )


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, most_bytes: int) -> int:
    """Unpack one member and return its bytes; one that has more than `most_bytes` is not unpacked to its end."""
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(member) as source, target.open("wb") as copy:
        while size <= most_bytes and (chunk := source.read(_CHUNK)):
            size += len(chunk)
            copy.write(chunk)
    return size
