"""Routes about uploads: links to put files behind, and the jobs that make items of them."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.routes.names import base_url, get, post, read, whole
from dragoman_encord.emulator.state import State, found
from dragoman_encord.emulator.uploads import Job, cancel, look, start


class Links(msgspec.Struct):
    item_type: str
    count: int


class NewJob(msgspec.Struct):
    data_items: dict[str, Any] | None = None
    external_files: dict[str, Any] | None = None
    ignore_errors: bool = False
    integration_hash: str | None = None


class Uploads:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        jobs = "storage/folders/{folder}/data-upload-jobs"
        return [
            get("presigned-urls", self.presigned),
            post("storage/folders/{folder}/upload-signed-urls", self.links),
            post(jobs, self.start),
            get(f"{jobs}/{{job}}", self.status),
            post(f"{jobs}/{{job}}/cancel", self.cancel),
        ]

    async def presigned(self, request: Request) -> object:
        count = request.query_params.get("count", "")
        if not count.isdecimal():
            raise ApiError(400, "The count is no number.")
        return self._links(request, int(count))

    async def links(self, request: Request) -> object:
        self._state.folder(request.path_params["folder"])
        return self._links(request, (await read(request, Links)).count)

    def _links(self, request: Request, count: int) -> dict[str, Any]:
        base, keys = base_url(request), [self._state.new_id() for _ in range(count)]
        return whole(
            {"itemUuid": key, "objectKey": key, "signedUrl": self._state.blobs.sign(base, key)} for key in keys
        )

    async def start(self, request: Request) -> object:
        folder = self._state.folder(request.path_params["folder"])
        wanted = await read(request, NewJob)
        job = start(
            self._state,
            folder.id,
            wanted.data_items or wanted.external_files or {},
            integration=wanted.integration_hash,
            ignore_errors=wanted.ignore_errors,
        )
        return job.id

    def _job(self, request: Request) -> Job:
        folder = self._state.folder(request.path_params["folder"])
        job: Job = found(self._state.jobs, request.path_params["job"], "upload job")
        if job.folder != folder.id:
            raise ApiError(404, "The folder has no such upload job.")
        return job

    async def status(self, request: Request) -> object:
        job = self._job(request)
        look(job, self._state)
        return job.to_json()

    async def cancel(self, request: Request) -> object:
        return {"unitsCancelledCount": cancel(self._job(request))}
