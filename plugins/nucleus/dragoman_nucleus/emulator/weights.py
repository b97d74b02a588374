"""Weights of models: uploads to signed URLs in one piece or in parts, and the one file that a model keeps.

The signed URLs stand for the platform's storage: they take no credentials, and answer each piece with its ETag.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, route
from dragoman_nucleus.emulator.ids import Ids

LARGEST = 10 * 2**30
"""Bytes that the platform takes."""
PART_BYTES = 64 * 2**20
"""Size of a part, and the size above which an upload comes in parts."""


@dataclass(kw_only=True)
class WeightsUpload:
    """An upload that was begun; `pieces` holds what has arrived, by part number from 1."""

    id: str
    model_id: str
    declared_bytes: int
    filename: str | None
    content_type: str | None
    sha256: str | None
    part_bytes: int | None
    """`None` for an upload in one piece."""
    signature: str
    pieces: dict[int, bytes] = field(default_factory=dict)

    def part_count(self) -> int:
        """Return how many pieces are expected."""
        return 1 if self.part_bytes is None else -(-self.declared_bytes // self.part_bytes)

    def content(self) -> bytes:
        """Return the whole file.

        Raises:
            ApiError: 400, it is not what was announced.
        """
        if set(self.pieces) != set(range(1, self.part_count() + 1)):
            raise ApiError(400, f"Upload {self.id} is incomplete: {len(self.pieces)} of {self.part_count()} parts.")
        content = b"".join(self.pieces[number] for number in sorted(self.pieces))
        if len(content) != self.declared_bytes:
            raise ApiError(400, f"{len(content)} bytes were uploaded, {self.declared_bytes} were declared.")
        if self.sha256 is not None and hashlib.sha256(content).hexdigest() != self.sha256.lower():
            raise ApiError(400, "The SHA-256 of the upload is not the declared one.")
        return content


@dataclass(frozen=True)
class Weights:
    """The weights that a model has; `path` leads to them on this server."""

    size: int
    filename: str | None
    content_type: str
    path: str


class WeightsUploads:
    """The uploads that were begun and not finished. `part_bytes` may be set for tests of uploads in parts."""

    def __init__(self, ids: Ids) -> None:
        self.part_bytes = PART_BYTES
        self._ids = ids
        self._by_id: dict[str, WeightsUpload] = {}

    def begin(
        self, model_id: str, size: int, filename: str | None, content_type: str | None, sha256: str | None
    ) -> WeightsUpload:
        """Announce an upload.

        Raises:
            ApiError: 400, it is too large or has a negative size.
        """
        if not 0 <= size <= LARGEST:
            raise ApiError(400, f"Weights may have at most {LARGEST} bytes, not {size}.")
        upload = WeightsUpload(
            id=self._ids.new("upload"),
            model_id=model_id,
            declared_bytes=size,
            filename=filename,
            content_type=content_type,
            sha256=sha256,
            part_bytes=self.part_bytes if size > self.part_bytes else None,
            signature=secrets.token_hex(16),
        )
        self._by_id[upload.id] = upload
        return upload

    def path(self, upload: WeightsUpload, part: int) -> str:
        """Return the signed path to which a piece is sent."""
        return f"uploads/weights/{upload.id}/{part}?signature={upload.signature}"

    def finish(self, upload_id: str, model_id: str) -> WeightsUpload:
        """Take an upload out of the list.

        Raises:
            ApiError: 404, there is none for the model; 400, it is not what was announced and stays in the list.
        """
        upload = self._by_id.get(upload_id)
        if upload is None or upload.model_id != model_id:
            raise ApiError(404, f"Upload {upload_id} does not exist.")
        upload.content()
        return self._by_id.pop(upload_id)

    def find(self, upload_id: str) -> WeightsUpload | None:
        return self._by_id.get(upload_id)

    def routes(self) -> list[Route]:
        return [route("PUT", "/uploads/weights/{upload}/{part:int}", self._receive)]

    async def _receive(self, request: Request) -> object:
        upload = self._by_id.get(request.path_params["upload"])
        signature = request.query_params.get("signature", "")
        if upload is None or not secrets.compare_digest(signature, upload.signature):
            raise ApiError(403, "The signature of this URL is not valid.")
        if upload.part_bytes is None and request.headers.get("content-type", "") != (upload.content_type or ""):
            raise ApiError(403, "The Content-Type is not the one that was signed.")
        content = upload.pieces[request.path_params["part"]] = await request.body()
        return Response(headers={"ETag": f'"{etag(content)}"'})


def etag(content: bytes) -> str:
    """Return the ETag of a piece, without quotes, as storage services compute it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
