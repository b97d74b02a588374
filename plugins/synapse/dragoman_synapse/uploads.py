"""Chunked uploads: any size in little memory, every byte once, resumed where the platform stopped.

A chunk is a call of the core's own, so that one that fails is tried again without the others. Where its fate is not
known, the platform is asked how much it has before anything is sent again. Only a first chunk whose answer was lost
cannot be asked about, since its id was in the answer: it is sent anew, and what it may have opened is reported.

Protocol: that of `drf-chunked-upload`. `PUT chunked_upload/` opens, `PUT <url>` appends (`Content-Range`),
`POST <url>` with the MD5 of the whole finishes, `GET` tells `offset` and `completed_at`.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dragoman.errors import DragomanError, InvalidData, NotFound, PlatformError
from dragoman_synapse.client import SynapseClient, SynapseRefused

OnProgress = Callable[[int, int], None]
"""Called with the bytes that have arrived and those in all, after every chunk."""
Call = Callable[..., Any]
"""Carries one request through the core: `call(translation, *arguments)`."""
_PIECE = 1 << 20
_GONE = (404, 410)
_CORRECTIONS = 5
"""Corrections after which Synapse and we do not agree on what has arrived."""


@dataclass
class Upload:
    """A file on its way.

    Args:
        path: The file.
        size: Its bytes.
        stamp: When it was last changed, in nanoseconds.
        id: Synapse's id of the upload; None before the first chunk was answered.
        url: Where the next chunk goes.
        offset: How many bytes have arrived.
        unclear: Whether a request was sent whose answer was not seen.
        ended: Whether it was finished.
        corrections: How often Synapse said that it has another part of the file than was thought.
    """

    path: Path
    size: int
    stamp: int
    id: str | None = None
    url: str = "chunked_upload/"
    offset: int = 0
    unclear: bool = False
    ended: bool = False
    corrections: int = 0
    digest: Future[str] | None = field(default=None, repr=False)

    @property
    def key(self) -> tuple[Path, int, int]:
        """What makes the file the same file when it is sent again."""
        return self.path, self.size, self.stamp

    @property
    def place(self) -> str:
        """Where the upload is asked for."""
        return f"chunked_upload/{self.id}/"


class Uploads:
    """Sends files. An upload is remembered until `forget`, and goes on where it was when the file is sent again.

    Args:
        client: Sends the requests.
        chunk_bytes: Bytes of a chunk.
        warn: Told of what is left on the platform.
    """

    def __init__(self, client: SynapseClient, chunk_bytes: int, warn: Callable[[str], None]) -> None:
        self._client = client
        self._chunk = chunk_bytes
        self._warn = warn
        self._broken: dict[tuple[Path, int, int], Upload] = {}
        self._one_at_a_time = threading.Lock()
        self.orphans: list[str] = []
        """What was left on the platform: ids of uploads, or file names where the answer with the id was lost."""

    def send(self, path: Path, call: Call, on_progress: OnProgress | None = None) -> str:
        """Send a file and return the id of its upload.

        Args:
            path: The file.
            call: Carries each request.
            on_progress: Told after every chunk.

        Raises:
            InvalidData: The file is empty, was changed meanwhile, or arrived damaged.
            PlatformError: It broke off; the hint says how much has arrived.
        """
        with self._one_at_a_time:
            return self._sent(self._begun(path), call, on_progress)

    def _sent(self, upload: Upload, call: Call, on_progress: OnProgress | None) -> str:
        self._broken[upload.key] = upload
        with ThreadPoolExecutor(1) as hasher:
            # The file is read a second time, beside the network: what is read is then in the system's cache.
            upload.digest = hasher.submit(_md5, upload.path)
            try:
                while upload.offset < upload.size:
                    call(self._put, upload)
                    if on_progress is not None:
                        on_progress(upload.offset, upload.size)
                call(self._finish, upload)
            except DragomanError as error:
                raise self._explained(error, upload) from error
        assert upload.id is not None
        return upload.id

    def forget(self, path: Path) -> None:
        """Forget what was sent of a file, now that something was made of it."""
        for key in [key for key in self._broken if key[0] == path]:
            del self._broken[key]

    def _begun(self, path: Path) -> Upload:
        facts = path.stat()
        if not facts.st_size:
            raise InvalidData(f"The file {path} is empty, and Synapse takes no empty file.", field="path")
        held = self._broken.get((path, facts.st_size, facts.st_mtime_ns))
        if held is None or held.id is None:
            return Upload(path, facts.st_size, facts.st_mtime_ns)
        held.unclear = not held.ended
        return held

    def _put(self, upload: Upload) -> None:
        """Send the next chunk, unless it is there already."""
        if upload.unclear:
            before = upload.offset
            self._ask(upload)
            if upload.offset > before or upload.offset >= upload.size:
                return
        first = upload.offset
        last = min(first + self._chunk, upload.size) - 1
        upload.unclear = True
        boundary = secrets.token_hex(16)
        head, tail = _form(boundary, upload.path.name)
        headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(len(head) + last - first + 1 + len(tail)),
            "Content-Range": f"bytes {first}-{last}/{upload.size}",
        }
        try:
            answer = self._client.put_stream(upload.url, _body(upload, first, last, head, tail), headers)
        except SynapseRefused as refusal:
            upload.unclear = refusal.status >= 500
            if not _told(refusal, upload):
                raise
        else:
            upload.id, upload.url, upload.offset = str(answer["id"]), answer["url"], int(answer["offset"])
            upload.unclear = False
        if not 0 <= upload.offset <= last + 1:
            raise PlatformError(f"Synapse says that {upload.offset} bytes have arrived of {last + 1} that were sent.")

    def _ask(self, upload: Upload) -> None:
        """Find out how much has arrived."""
        if upload.id is None:
            self._report(upload.path.name)
            upload.unclear = False
            return
        answer = self._client.get(upload.place)
        upload.offset, upload.unclear = int(answer["offset"]), False
        upload.ended = bool(answer.get("completed_at"))

    def _finish(self, upload: Upload) -> None:
        """Have the whole file checked, unless that was done already."""
        if upload.unclear:
            self._ask(upload)
        if upload.ended:
            return
        if upload.path.stat().st_mtime_ns != upload.stamp:
            raise InvalidData(f"The file {upload.path} was changed while it was sent.", field="path")
        assert upload.digest is not None
        upload.unclear = True
        try:
            self._client.post(upload.url, {"md5": upload.digest.result()})
        except SynapseRefused as refusal:
            upload.unclear = refusal.status >= 500
            raise
        upload.unclear, upload.ended = False, True

    def _explained(self, error: DragomanError, upload: Upload) -> DragomanError:
        """Return the error with what is left on the platform. What can go on is kept for the next time."""
        goes_on = error.retryable and upload.id is not None
        if not goes_on:
            self._broken.pop(upload.key, None)
        left = "Nothing was opened"
        if upload.id is not None or upload.unclear:
            left = f"The upload {upload.id or 'of a first chunk'} is left on Synapse until it expires"
            if not goes_on:
                self._report(upload.id or upload.path.name)
        then = "; sending the file again goes on from there." if goes_on else "; nothing was made of it."
        if isinstance(error, InvalidData | NotFound):
            error.hint = f"{left}{then}"
            return error
        # Not one to be tried again as a whole: every request of it was.
        kind = PlatformError if error.retryable else type(error)
        return kind(f"{error.message} {upload.offset} of {upload.size} bytes have arrived.", hint=f"{left}{then}")

    def _report(self, orphan: str) -> None:
        self.orphans.append(orphan)
        self._warn(f"An upload that was not finished is left there until it expires: {orphan}")


def _told(refusal: SynapseRefused, upload: Upload) -> bool:
    """Take the offset that a refused chunk should have had; say whether there was one."""
    detail = refusal.detail
    if refusal.status in _GONE:
        upload.id, upload.url = None, "chunked_upload/"
    if refusal.status != 400 or not isinstance(detail, dict) or not isinstance(detail.get("offset"), int):
        return False
    moved = detail["offset"] != upload.offset and upload.corrections < _CORRECTIONS
    upload.offset, upload.corrections = detail["offset"], upload.corrections + 1
    return moved


def _form(boundary: str, name: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the bytes of a chunk in its form."""
    quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    field = f'--{boundary}\r\nContent-Disposition: form-data; name="filename"\r\n\r\n{quoted}\r\n'
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
    return (field + file).encode(), f"\r\n--{boundary}--\r\n".encode()


def _body(upload: Upload, first: int, last: int, head: bytes, tail: bytes) -> Iterator[bytes]:
    yield head
    left = last - first + 1
    with upload.path.open("rb", buffering=0) as file:
        file.seek(first)
        while left:
            piece = file.read(min(_PIECE, left))
            if not piece:
                raise InvalidData(f"The file {upload.path} became shorter while it was sent.", field="path")
            left -= len(piece)
            yield piece
    yield tail


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
