"""Storages, and files that are sent to them directly: addresses are asked for, written to, and confirmed.

The storage is this server. An address is good for one file, or for one part of a large one, until it expires.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_synapse.emulator.answers import FieldErrors, body_of, boolean, check, number, objects, page, v1
from dragoman_synapse.emulator.media import PLACE, root_of
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Storage
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
PURPOSES = ("read", "write")


@dataclass(kw_only=True)
class Presigned:
    """A file that may be sent: in one part without a number, or in several."""

    key: str
    tenant: str
    filename: str
    parts: int
    expires: datetime
    upload: str = field(default_factory=lambda: uuid.uuid4().hex)
    signature: str = field(default_factory=lambda: secrets.token_hex(8))
    arrived: dict[int, tuple[Path, str]] = field(default_factory=dict)
    """Part to its content and its tag."""


class StorageRoutes:
    """The handlers of the storages of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._held: dict[str, Presigned] = {}

    def routes(self) -> list[Route]:
        return [
            v1("GET", "/storages/", self.listed),
            v1("GET", "/storages/{storage}/", self.storage),
            v1("POST", "/storages/{storage}/session/", self.session),
            v1("POST", "/data_files/presigned_upload/upload/", self.presign),
            v1("PUT", f"{PLACE}presigned/{{upload}}/{{part}}", self.receive),
            v1("POST", "/data_files/presigned_upload/confirm_upload/", self.confirm),
        ]

    async def listed(self, request: Request) -> object:
        readers = {"id": lambda one: one.id, "category": lambda one: one.category, "provider": lambda one: one.provider}
        rows = chosen(request, tenant_of(request).storages.values(), readers)
        return page(request, rows, self._platform.settings, _storage)

    async def storage(self, request: Request) -> object:
        held = tenant_of(request).storage(request.path_params["storage"])
        asked = boolean(request, "with_configuration")
        return {**_storage(held), "configuration": held.configuration} if asked else _storage(held)

    async def session(self, request: Request) -> object:
        """Open a storage for a purpose, as the SDK's exports and uploads do; this one's credentials never expire."""
        held = tenant_of(request).storage(request.path_params["storage"])
        given = await body_of(request, ["purpose"])
        if given["purpose"] not in PURPOSES:
            raise FieldErrors(purpose=f'"{given["purpose"]}" is not a valid choice.')
        return {**_storage(held), "configuration": held.configuration, "contract_version": 1, "expires_at": None}

    async def presign(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["files"])
        expires = tenant.now() + timedelta(seconds=number(given.get("expiration", 3600), "expiration"))
        files = [self._presigned(request, tenant, one, expires) for one in objects(given, "files")]
        return {"files": files, "expires_at": expires.isoformat()}

    def _presigned(self, request: Request, tenant: Tenant, given: Json, expires: datetime) -> Json:
        check(given, filename=str)
        if not given.get("filename"):
            raise FieldErrors(filename="This field is required.")
        parts = -(-number(given.get("size"), "size") // tenant.part_bytes)
        key = f"tenants/{tenant.code}/files/{uuid.uuid4()}{Path(given['filename']).suffix}"
        made = Presigned(key=key, tenant=tenant.code, filename=given["filename"], parts=max(parts, 1), expires=expires)
        self._held[made.upload] = made
        addresses = [
            {"part_number": part, "presigned_url": _address(request, made, part)} for part in range(1, made.parts + 1)
        ]
        shown: Json = {"filename": made.filename, "file_key": key, "presigned_url": None, "multipart": None}
        if made.parts == 1:
            return {**shown, "presigned_url": addresses[0]["presigned_url"]}
        return {
            **shown,
            "multipart": {"upload_id": made.upload, "part_size": tenant.part_bytes, "parts": addresses},
        }

    async def receive(self, request: Request) -> Response:
        held = self._held.get(request.path_params["upload"])
        part = number(request.path_params["part"], "part")
        if held is None or not 1 <= part <= held.parts:
            raise ApiError(404, "There is no such address.")
        if request.query_params.get("signature") != held.signature or self._platform.clock.now() > held.expires:
            raise ApiError(403, "The signature does not match or has expired.")
        path, digest = self._platform.media.new_path(), hashlib.md5()
        with path.open("wb") as file:
            async for piece in request.stream():
                digest.update(piece)
                file.write(piece)
        held.arrived[part] = (path, f'"{digest.hexdigest()}"')
        return Response(headers={"ETag": held.arrived[part][1]})

    async def confirm(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["files"])
        results = [await self._confirmed(tenant, one) for one in objects(given, "files")]
        created = sum(result["success"] for result in results)
        return {"results": results, "created_count": created, "failed_count": len(results) - created}

    async def _confirmed(self, tenant: Tenant, given: Json) -> Json:
        named = {"file_key": given.get("file_key", ""), "checksum": given.get("checksum", "")}
        held = next((one for one in self._held.values() if one.key == named["file_key"]), None)
        if held is None or held.tenant != tenant.code:
            return {**named, "data_file_id": None, "success": False, "error": "There is no such file key."}
        content = await asyncio.to_thread(_whole, held)
        if wrong := _wrong(held, content, given):
            return {**named, "data_file_id": None, "success": False, "error": wrong}
        del self._held[held.upload]
        key, _ = tenant.add_file(self._platform.media.add(held.filename, content), content)
        return {**named, "data_file_id": key, "success": True, "error": None}


def _wrong(held: Presigned, content: bytes, given: Json) -> str | None:
    """Return what is wrong with a file that is said to have been sent."""
    if len(held.arrived) < held.parts:
        return "The file is not in the storage."
    check(given, multipart=dict)
    sent = objects(given.get("multipart") or {}, "parts")
    tags = {part: tag for part, (_, tag) in held.arrived.items()}
    if any(tags.get(number(one.get("part_number"), "part_number")) != one.get("etag") for one in sent):
        return "A part has another tag."
    if len(content) != given.get("size", len(content)):
        return f"The file has {len(content)} bytes."
    return None if hashlib.sha1(content).hexdigest() == given.get("checksum") else "The checksum does not match."


def _whole(held: Presigned) -> bytes:
    return b"".join(path.read_bytes() for _, (path, _) in sorted(held.arrived.items()))


def _address(request: Request, held: Presigned, part: int) -> str:
    return f"{root_of(request)}{PLACE}presigned/{held.upload}/{part}?signature={held.signature}"


def _storage(held: Storage) -> Json:
    return {
        "id": held.id,
        "name": held.name,
        "category": held.category,
        "provider": held.provider,
        "is_default": held.is_default,
    }
