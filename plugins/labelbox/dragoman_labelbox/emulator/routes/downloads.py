"""What is fetched by address: files by their token; behind the key, composite masks and results of exports."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, route
from dragoman_labelbox.emulator.exports import Export
from dragoman_labelbox.emulator.jobs import COMPLETE
from dragoman_labelbox.emulator.masks import render
from dragoman_labelbox.emulator.state import State


class Downloads:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            route("GET", "/files/{token}", self.file),
            route("HEAD", "/files/{token}", self.file),
            route("GET", "/api/v1/tasks/{task}/masks/{mask}/index/{index:int}", self.mask),
            route("GET", "/api/v1/export-results/{task}/{organization}", self.result),
        ]

    async def file(self, request: Request) -> object:
        file = self._state.files.by_token.get(request.path_params["token"])
        if file is None:
            raise ApiError(404, "There is no such file.")
        return Response(file.content, media_type=file.content_type)

    async def mask(self, request: Request) -> object:
        token, index = request.path_params["mask"], request.path_params["index"]
        composite = self._state.files.composites.get(token)
        frame = self._state.files.of_frames.get(token, {}).get(index)
        if composite is None and frame is None:
            raise ApiError(404, "There is no such mask.")
        return Response(render(composite) if composite is not None else frame, media_type="image/png")

    async def result(self, request: Request) -> object:
        """Answer with the whole result of an export, as NDJSON."""
        job = self._state.jobs.by_id.get(request.path_params["task"])
        if job is None or job.type != "export-data-rows" or job.status != COMPLETE:
            raise ApiError(404, "There is no such export, or it is not done.")
        export: Export = job.held[0]
        parts = [self._state.files.by_token[chunk.token].content for chunk in export.chunks]
        return Response(b"".join(parts), media_type="application/x-ndjson")
