"""The files of an emulated Synapse and their signed addresses, which need no token."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_synapse.emulator.answers import v1

PLACE = "/media/"


@dataclass(frozen=True)
class Stored:
    """A stored file: its content, or the path of it where it is large."""

    key: str
    name: str
    content: bytes | Path

    @property
    def size(self) -> int:
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def read(self) -> bytes:
        """Return the content."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


class Media:
    """The files of one emulation.

    Args:
        folder: Where large ones are kept.
        run: What tells this emulation's addresses from another's.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self.folder = folder
        self.run = run
        self.files: dict[str, Stored] = {}
        self._numbers = itertools.count(1)
        self._signature = secrets.token_hex(8)
        self.nothing = Stored(f"{run}/nothing", "nothing", b"")
        """An empty file, for answers that must have the address of one."""

    def add(self, name: str, content: bytes | Path) -> Stored:
        """Store a file and return it."""
        stored = Stored(f"{self.run}/{next(self._numbers)}", name, content)
        self.files[stored.key] = stored
        return stored

    def forget(self, stored: Stored) -> None:
        """Delete a file; its address then answers 404."""
        # What a copy of a tenant forgets is still the tenant's.
        if self.files.get(stored.key) is stored:
            del self.files[stored.key]

    def new_path(self) -> Path:
        """Return a path for a large file."""
        return self.folder / f"upload-{next(self._numbers)}"

    def url(self, request: Request, stored: Stored) -> str:
        """Return the signed address of a file, on the host through which was asked."""
        return f"{root_of(request)}{PLACE}{stored.key}/{quote(stored.name)}?signature={self._signature}"

    def routes(self) -> list[Route]:
        return [v1("GET", f"{PLACE}{{run}}/{{key}}/{{name}}", self.serve)]

    async def serve(self, request: Request) -> Response:
        key = f"{request.path_params['run']}/{request.path_params['key']}"
        stored = self.nothing if key == self.nothing.key else self.files.get(key)
        if stored is None:
            raise ApiError(404, "There is no such file.")
        if request.query_params.get("signature") != self._signature:
            raise ApiError(403, "The signature does not match.")
        if isinstance(stored.content, Path):
            return FileResponse(stored.content, media_type="application/octet-stream")
        return Response(stored.content, media_type="application/octet-stream")


def root_of(request: Request) -> str:
    """Return scheme and host through which was asked, and the prefix of the API."""
    return f"{request.url.scheme}://{request.url.netloc}"
