"""The archive of a package: tar.gz on disk, made and opened without holding it in memory."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from dragoman.errors import NotFound, PlatformError

FRAMEWORKS = {
    ".tflite": "tflite",
    ".onnx": "onnx",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".safetensors": "pytorch",
    ".pb": "tensorflow",
    ".keras": "tensorflow",
    ".h5": "tensorflow",
}
"""Suffix of a file of weights to the framework that Viam wants to be told."""
ARCHIVES = (".tar.gz", ".tgz")


def is_archive(path: Path) -> bool:
    """Return whether a file is an archive by its name."""
    return path.name.lower().endswith(ARCHIVES)


@contextmanager
def packed(path: Path | None) -> Iterator[IO[bytes]]:
    """Give the archive of a file, of a folder's contents, or an empty one; a file that is an archive is given as it is.

    The same contents make the same bytes: no times and owners are kept, and of the rights only who may run it.
    """
    if path is not None and path.is_file() and is_archive(path):
        with path.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as file:
        zipped = gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0)
        with zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
            for inner, name in contents(path):
                archive.add(inner, name, recursive=False, filter=_anonymous)
        file.seek(0)
        yield file


def contents(path: Path | None) -> list[tuple[Path, str]]:
    """Return what goes into an archive, in order, and how it is named there."""
    if path is None:
        return []
    if path.is_dir():
        return [(inner, inner.relative_to(path).as_posix()) for inner in sorted(path.rglob("*"))]
    return [(path, path.name)]


def unpack_one(archive: Path, target: Path) -> None:
    """Write the only file of an archive.

    Raises:
        NotFound: The archive holds no file.
        PlatformError: It is no archive.
    """
    try:
        with tarfile.open(archive, "r:*") as opened:
            inner = next((entry for entry in opened if entry.isfile()), None)
            file = opened.extractfile(inner) if inner else None
            if file is None:
                raise NotFound("The package holds no file.")
            with file, target.open("wb") as out:
                shutil.copyfileobj(file, out)
    except (tarfile.TarError, EOFError) as error:
        raise PlatformError(f"What Viam sent is no archive: {error}.") from error


def _anonymous(entry: Any) -> Any:
    entry.mtime = entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
