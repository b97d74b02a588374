"""Routes about the weights of a model: announcing an upload, finishing it, download, deletion."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.models import Model
from dragoman_nucleus.emulator.routes.names import delete, get, post
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.weights import Weights, WeightsUpload, etag


class Presign(msgspec.Struct, rename="camel"):
    declared_size_bytes: int
    original_filename: str | None = None
    content_type: str | None = None
    checksum_sha256: str | None = None


class Part(msgspec.Struct, rename="camel"):
    part_number: int
    e_tag: str


class Finalize(msgspec.Struct, rename="camel"):
    upload_id: str
    parts: list[Part] | None = None


PRESIGN = msgspec.json.Decoder(Presign)
FINALIZE = msgspec.json.Decoder(Finalize)


class ModelWeights:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("model/{model}/weights", self.show),
            delete("model/{model}/weights", self.delete),
            post("model/{model}/weights/presign", self.presign),
            post("model/{model}/weights/finalize", self.finalize),
            get("model/{model}/weights/download", self.download),
        ]

    def _named(self, request: Request) -> Model:
        return self._state.model(request.path_params["model"])

    async def show(self, request: Request) -> object:
        return _shown(self._named(request), request)

    async def presign(self, request: Request) -> object:
        model = self._named(request)
        wanted = await read_json(request, PRESIGN)
        upload = self._state.weights.begin(
            model.id,
            wanted.declared_size_bytes,
            wanted.original_filename,
            wanted.content_type,
            wanted.checksum_sha256,
        )
        return {"uploadId": upload.id, **self._targets(upload, request)}

    def _targets(self, upload: WeightsUpload, request: Request) -> dict[str, Any]:
        """Return where to send the pieces of an upload."""

        def url(part: int) -> str:
            return f"{request.base_url}{self._state.weights.path(upload, part)}"

        if upload.part_bytes is None:
            headers = {"Content-Type": upload.content_type} if upload.content_type else {}
            return {"uploadUrl": url(1), "requiredHeaders": headers}
        numbers = range(1, upload.part_count() + 1)
        return {
            "partSizeBytes": upload.part_bytes,
            "parts": [{"partNumber": number, "url": url(number)} for number in numbers],
        }

    async def finalize(self, request: Request) -> object:
        model = self._named(request)
        wanted = await read_json(request, FINALIZE)
        self._check_parts(wanted)
        upload = self._state.weights.finish(wanted.upload_id, model.id)
        content, content_type = upload.content(), upload.content_type or "application/octet-stream"
        path = self._state.blobs.add_media(content, content_type)
        model.weights = Weights(len(content), upload.filename, content_type, path)
        return _shown(model, request)

    def _check_parts(self, wanted: Finalize) -> None:
        """Refuse what the client says of the parts, if it is not what arrived."""
        upload = self._state.weights.find(wanted.upload_id)
        if upload is None or upload.part_bytes is None:
            return
        arrived = {number: etag(content) for number, content in upload.pieces.items()}
        if {part.part_number: part.e_tag for part in wanted.parts or []} != arrived:
            raise ApiError(400, f"The parts of upload {upload.id} are not those that were sent.")

    async def download(self, request: Request) -> object:
        return {"url": _url(self._named(request), request)}

    async def delete(self, request: Request) -> object:
        model = self._named(request)
        had, model.weights = model.weights is not None, None
        return {"deleted": had}


def _url(model: Model, request: Request) -> str | None:
    return None if model.weights is None else f"{request.base_url}{model.weights.path}"


def _shown(model: Model, request: Request) -> dict[str, Any]:
    weights = model.weights
    if weights is None:
        return {"modelProjectId": model.id, "present": False}
    return {
        "modelProjectId": model.id,
        "present": True,
        "status": "ready",
        "sizeBytes": weights.size,
        "originalFilename": weights.filename,
        "contentType": weights.content_type,
        "downloadUrl": _url(model, request),
    }
