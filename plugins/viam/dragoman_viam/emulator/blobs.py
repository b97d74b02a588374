"""Contents of files and packages; large ones are in temporary files."""

from __future__ import annotations

import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator

IN_MEMORY = 1 << 20
"""Contents beyond this many bytes go to a temporary file."""
CHUNK = 1 << 20


class Blob:
    """Contents of a file or package."""

    def __init__(self, chunks: Iterable[bytes] = ()) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - lives as long as the blob
        self.size = 0
        self._lock = threading.Lock()
        weakref.finalize(self, self._file.close)
        for chunk in chunks:
            self.add(chunk)

    def add(self, chunk: bytes) -> None:
        """Append bytes."""
        self._file.write(chunk)
        self.size += len(chunk)

    def chunks(self) -> Iterator[bytes]:
        """Yield the contents from the start."""
        place = 0
        while place < self.size:
            with self._lock:
                self._file.seek(place)
                chunk = self._file.read(CHUNK)
            place += len(chunk)
            yield chunk

    def read(self) -> bytes:
        """Return the whole contents."""
        return b"".join(self.chunks())
