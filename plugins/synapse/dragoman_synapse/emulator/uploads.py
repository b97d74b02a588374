"""Chunked uploads, as the application `drf-chunked-upload` does them, and forms that are read as they come.

A first chunk opens an upload; every further one must begin where the one before ended. Finishing checks the MD5 of the
whole. Files go to disk: an upload of a gigabyte takes no memory.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response
from dragoman_synapse.emulator.answers import FieldErrors, body_of, v1
from dragoman_synapse.emulator.media import Media, Stored, root_of
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
RANGE = re.compile(r"^bytes (\d+)-(\d+)/(\d+)$")
UPLOADING, COMPLETE = 1, 2


@dataclass(kw_only=True)
class Upload:
    """A file on its way. `offset` is how much of it has arrived."""

    id: str
    tenant: str
    filename: str
    path: Path
    total: int
    created: datetime
    offset: int = 0
    status: int = UPLOADING
    completed: datetime | None = None
    checksum: str | None = None
    stored: Stored | None = None


@dataclass
class Form:
    """A form: its fields, and the one file in it, which was written to disk.

    `fields` has the last value of each name, `repeated` all of them.
    """

    repeated: dict[str, list[str]]
    path: Path | None = None
    filename: str = ""

    @property
    def fields(self) -> dict[str, str]:
        return {name: values[-1] for name, values in self.repeated.items()}

    def taken(self) -> bytes:
        """Return the content of the file, which is then no longer on disk."""
        assert self.path is not None
        content = self.path.read_bytes()
        self.path.unlink()
        return content


class Uploads:
    """The uploads of all tenants of an emulation; tests look at `held`."""

    def __init__(self, media: Media) -> None:
        self.media = media
        self.held: dict[str, Upload] = {}

    def routes(self) -> list[Route]:
        return [
            v1("PUT", "/chunked_upload/", self.open),
            v1("POST", "/chunked_upload/", self.finish_none),
            v1("PUT", "/chunked_upload/{upload}/", self.append),
            v1("GET", "/chunked_upload/{upload}/", self.show),
            v1("POST", "/chunked_upload/{upload}/", self.finish),
        ]

    async def open(self, request: Request) -> object:
        tenant = tenant_of(request)
        first, last, total = _range(request)
        form = await self.form(request)
        if first != 0:
            raise FieldErrors(offset="The first chunk of an upload begins at 0.")
        self._check_length(form, last - first + 1)
        assert form.path is not None
        upload = Upload(
            id=str(uuid.uuid4()),
            tenant=tenant.code,
            filename=form.fields.get("filename") or "file",
            path=form.path,
            total=total,
            created=tenant.now(),
            offset=last + 1,
        )
        self.held[upload.id] = upload
        return json_response(self._show(request, upload), 201)

    async def finish_none(self, request: Request) -> object:
        # The SDK sends no chunk of an empty file, and then finishes what was never opened.
        raise FieldErrors(file="No chunk file was submitted.")

    async def append(self, request: Request) -> object:
        upload = self._found(request)
        first, last, total = _range(request)
        form = await self.form(request)
        assert form.path is not None
        try:
            self._check_open(upload)
            self._check_length(form, last - first + 1)
            if first != upload.offset or total != upload.total:
                body = {"detail": "Offsets do not match", "offset": upload.offset}
                return json_response(body, 400)
            await asyncio.to_thread(_join, form.path, upload.path)
        finally:
            form.path.unlink(missing_ok=True)
        upload.offset = last + 1
        return self._show(request, upload)

    async def show(self, request: Request) -> object:
        return self._show(request, self._found(request))

    async def finish(self, request: Request) -> object:
        upload = self._found(request)
        given = await body_of(request, ["md5"])
        self._check_open(upload)
        if upload.offset != upload.total:
            raise FieldErrors(offset=f"{upload.offset} of {upload.total} bytes have arrived.")
        if await asyncio.to_thread(_md5, upload.path) != given["md5"]:
            raise FieldErrors(md5="md5 checksum does not match")
        upload.status, upload.completed = COMPLETE, tenant_of(request).now()
        upload.checksum = given["md5"]
        upload.stored = self.media.add(upload.filename, upload.path)
        return {**self._show(request, upload), "checksum": upload.checksum, "size": upload.total}

    def taken(self, tenant: Tenant, key: Any) -> Stored:
        """Return the file of a finished upload.

        Raises:
            FieldErrors: There is no such upload, or it is not finished.
        """
        upload = self.held.get(str(key))
        if upload is None or upload.tenant != tenant.code:
            raise FieldErrors(chunked_upload=f'Invalid pk "{key}" - object does not exist.')
        if upload.stored is None:
            raise FieldErrors(chunked_upload="The upload is not complete.")
        return upload.stored

    async def form(self, request: Request) -> Form:
        """Read a form as it comes; its file goes to disk."""
        tenant, size = tenant_of(request), int(request.headers.get("content-length") or 0)
        if size > tenant.body_limit:
            # What stands before the platform answers, and not in JSON.
            raise ApiError(413, "Request Entity Too Large")
        path = self.media.new_path()
        try:
            with path.open("wb") as file:
                form = await _read(request, file)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        form.path = path
        return form

    def _found(self, request: Request) -> Upload:
        upload = self.held.get(request.path_params["upload"])
        tenant = tenant_of(request)
        if upload is None or upload.tenant != tenant.code:
            raise ApiError(404, "Not found.")
        if upload.status == UPLOADING and tenant.expired(upload.created):
            raise ApiError(410, "Upload has expired")
        return upload

    def _check_open(self, upload: Upload) -> None:
        if upload.status == COMPLETE:
            raise ApiError(400, 'Upload has already been marked as "complete"')

    def _check_length(self, form: Form, length: int) -> None:
        assert form.path is not None
        if form.path.stat().st_size != length:
            form.path.unlink(missing_ok=True)
            raise FieldErrors(file="File size doesn't match headers")

    def _show(self, request: Request, upload: Upload) -> Json:
        return {
            "id": upload.id,
            "url": f"{root_of(request)}/chunked_upload/{upload.id}/",
            "offset": upload.offset,
            "filename": upload.filename,
            "status": upload.status,
            "created_at": upload.created.isoformat(),
            "completed_at": upload.completed.isoformat() if upload.completed else None,
        }


def _range(request: Request) -> tuple[int, int, int]:
    found = RANGE.match(request.headers.get("content-range", ""))
    if found is None:
        raise FieldErrors(content_range="Error in request headers")
    first, last, total = map(int, found.groups())
    if not first <= last < total:
        raise FieldErrors(content_range="Error in request headers")
    return first, last, total


async def _read(request: Request, file: BinaryIO) -> Form:
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary:
        raise ApiError(400, "Multipart form parse error - Invalid boundary in multipart: None")
    parts = _Parts(file)
    parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]
    async for chunk in request.stream():
        parser.write(chunk)
    parser.finalize()
    repeated = {name: [bytes(value).decode() for value in values] for name, values in parts.fields.items()}
    return Form(repeated, filename=parts.filename)


class _Parts:
    """Takes what the parser finds: fields are kept, the file's bytes are passed on."""

    def __init__(self, file: BinaryIO) -> None:
        self.fields: dict[str, list[bytearray]] = {}
        self.filename = ""
        self._file = file
        self._header = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._take: Callable[[memoryview | bytes], object] = file.write

    def callbacks(self) -> dict[str, Callable[..., object]]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._valued,
            "on_header_end": self._headed,
            "on_headers_finished": self._ready,
            "on_part_data": lambda data, start, end: self._take(memoryview(data)[start:end]),
        }

    def _begin(self) -> None:
        self._headers = {}

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _valued(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _headed(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header = self._value = b""

    def _ready(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"filename" in options:
            self.filename = options[b"filename"].decode()
            self._take = self._file.write
        else:
            name = options.get(b"name", b"").decode()
            values = self.fields.setdefault(name, [])
            values.append(bytearray())
            self._take = values[-1].extend


def _join(part: Path, whole: Path) -> None:
    with part.open("rb") as source, whole.open("ab") as target:
        while piece := source.read(1 << 20):
            target.write(piece)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
