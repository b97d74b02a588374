"""What clients upload without credentials or read back by URL: NDJSON files, images and masks.

Both kinds live under unguessable URLs of this server. A file name that a client sends is never used as a
path.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, route
from dragoman_nucleus.emulator.phash import phash_of_image, phash_of_url

LARGEST_UPLOAD = 0x1FFFFFE8
"""Bytes of an NDJSON file; the platform counts characters, and the SDK sends ASCII only."""
SUFFIXES = {"image/jpeg": ".jpg", "image/jpg": ".jpg", "image/png": ".png"}


@dataclass(frozen=True)
class Blob:
    """Bytes that were uploaded, and what the client said they are."""

    content: bytes
    content_type: str


class Blobs:
    """All uploads of one emulation."""

    def __init__(self) -> None:
        self.media: dict[str, Blob] = {}
        """Images and masks by their name in the URL."""
        self.uploads: dict[tuple[str, str], bytes] = {}
        """NDJSON by dataset id and request id."""
        self._signatures: dict[tuple[str, str], str] = {}

    def sign(self, dataset_id: str, request_id: str) -> str:
        """Return the path to which the NDJSON for a request can be sent without credentials."""
        signature = self._signatures.setdefault((dataset_id, request_id), secrets.token_hex(16))
        return f"uploads/{dataset_id}/{request_id}?signature={signature}"

    def add_media(self, content: bytes, content_type: str) -> str:
        """Keep an image or a mask and return the path from which anybody can read it."""
        name = secrets.token_hex(16) + SUFFIXES.get(content_type, "")
        self.media[name] = Blob(content, content_type)
        return f"media/{name}"

    def phash(self, url: str) -> str:
        """Return the perceptual hash of an image that was uploaded, or what stands in for that of another."""
        content = self.uploaded(url)
        return phash_of_url(url) if content is None else phash_of_image(content)

    def uploaded(self, url: str) -> bytes | None:
        """Return the file that was uploaded and has a URL; `None` for the URLs of other servers."""
        blob = self.media.get(url.rpartition("/media/")[2])
        return None if blob is None else blob.content

    def routes(self) -> list[Route]:
        return [
            route("PUT", "/uploads/{dataset}/{request_id}", self._receive),
            route("GET", "/media/{name}", self._send),
        ]

    async def _receive(self, request: Request) -> object:
        target = (request.path_params["dataset"], request.path_params["request_id"])
        signature = request.query_params.get("signature", "")
        if not secrets.compare_digest(signature, self._signatures.get(target, "")) or not signature:
            raise ApiError(403, "The signature of this URL is not valid.")
        content = await request.body()
        if len(content) > LARGEST_UPLOAD:
            raise ApiError(413, f"A file may have at most {LARGEST_UPLOAD} bytes, not {len(content)}.")
        self.uploads[target] = content
        return Response()

    async def _send(self, request: Request) -> object:
        blob = self.media.get(request.path_params["name"])
        if blob is None:
            raise ApiError(404, "There is no such file.")
        return Response(blob.content, media_type=blob.content_type)
