"""Routes about folders, uploads into them, and items."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman_encord.emulator.routes.names import base_url, flag, get, page, patch, post, read
from dragoman_encord.emulator.state import OWNER, Folder, Item, State, found
from dragoman_encord.emulator.uploads import PENDING, Job, units_of, work


class NewFolder(msgspec.Struct):
    name: str
    description: str | None = None
    client_metadata: str | None = None


class Links(msgspec.Struct):
    item_type: str
    count: int


class NewJob(msgspec.Struct):
    data_items: dict[str, Any]
    ignore_errors: bool = False
    integration_hash: str | None = None


class Many(msgspec.Struct):
    item_uuids: list[str]
    sign_urls: bool = False


class Patches(msgspec.Struct):
    item_patches: dict[str, dict[str, Any]]


class Deletion(msgspec.Struct):
    child_uuids: list[str]


class Storage:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        folder = "storage/folders/{folder}"
        return [
            post("storage/folders", self.create_folder),
            get("storage/search/folders", self.find_folders),
            get(folder, self.folder),
            get(f"{folder}/items", self.items),
            post(f"{folder}/upload-signed-urls", self.links),
            post(f"{folder}/data-upload-jobs", self.start),
            get(f"{folder}/data-upload-jobs/{{job}}", self.status),
            get(f"{folder}/items/{{item}}/child-items", self.children),
            post(f"{folder}/items/delete", self.delete_items),
            post("storage/items/get-bulk", self.bulk),
            patch("storage/items/patch-bulk", self.update),
            get("storage/items/{item}", self.item),
        ]

    def _folder(self, request: Request) -> Folder:
        return self._state.folder(request.path_params["folder"])

    async def create_folder(self, request: Request) -> object:
        wanted = await read(request, NewFolder)
        folder = Folder(
            id=self._state.new_id(),
            name=wanted.name,
            description=wanted.description or "",
            metadata=wanted.client_metadata,
            created=self._state.clock.now(),
        )
        self._state.folders[folder.id] = folder
        return _folder_json(folder)

    async def find_folders(self, request: Request) -> object:
        text = request.query_params.get("search", "").casefold()
        shown = [_folder_json(folder) for folder in self._state.folders.values() if text in folder.name.casefold()]
        return page(request, shown, self._state.settings.page_limit)

    async def folder(self, request: Request) -> object:
        return _folder_json(self._folder(request))

    async def items(self, request: Request) -> object:
        folder = self._folder(request)
        size = int(request.query_params.get("pageSize", 100))
        held = [item for item in self._state.items.values() if item.folder == folder.id]
        listed = page(request, held, self._state.settings.page_limit, size)
        return {
            **listed,
            "results": [self._shown(request, item, flag(request, "signUrls")) for item in listed["results"]],
        }

    async def links(self, request: Request) -> object:
        self._folder(request)
        wanted = await read(request, Links)
        base, made = base_url(request), []
        for _ in range(wanted.count):
            key = self._state.new_id()
            made.append({"itemUuid": key, "objectKey": key, "signedUrl": self._state.blobs.sign(base, key)})
        return {"results": made, "nextPageToken": None}

    async def start(self, request: Request) -> object:
        folder = self._folder(request)
        wanted = await read(request, NewJob)
        if wanted.integration_hash is not None:
            found(self._state.integrations, wanted.integration_hash, "integration")
        job = Job(
            id=self._state.new_id(),
            folder=folder.id,
            units=units_of(wanted.data_items),
            integration=wanted.integration_hash,
            ignore_errors=wanted.ignore_errors,
            polls_left=self._state.settings.job_polls,
        )
        self._state.jobs[job.id] = job
        if job.polls_left == 0:
            work(job, self._state)
        return job.id

    async def status(self, request: Request) -> object:
        job: Job = found(self._state.jobs, request.path_params["job"], "upload job")
        if job.status == PENDING and job.polls_left == 0:
            work(job, self._state)
        job.polls_left = max(0, job.polls_left - 1)
        return job.to_json()

    async def item(self, request: Request) -> object:
        item = self._state.item(request.path_params["item"])
        return self._shown(request, item, flag(request, "signUrl"))

    async def children(self, request: Request) -> object:
        item = self._state.item(request.path_params["item"])
        held = [self._state.item(child) for child in item.children]
        return {"results": [self._shown(request, child, flag(request, "signUrls")) for child in held]}

    async def bulk(self, request: Request) -> object:
        wanted = await read(request, Many)
        held = [self._state.item(key) for key in wanted.item_uuids]
        return {"results": [self._shown(request, item, wanted.sign_urls) for item in held], "nextPageToken": None}

    async def update(self, request: Request) -> object:
        changed = []
        for key, changes in (await read(request, Patches)).item_patches.items():
            item = self._state.item(key)
            if changes.get("name") is not None:
                item.name = changes["name"]
            metadata = changes.get("clientMetadata", changes.get("client_metadata"))
            if metadata is not None:
                item.metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
            changed.append(item)
        return {"results": [self._shown(request, item, False) for item in changed], "nextPageToken": None}

    async def delete_items(self, request: Request) -> object:
        self._folder(request)
        for key in (await read(request, Deletion)).child_uuids:
            item = self._state.item(key)
            for dataset in self._state.datasets.values():
                dataset.rows = {place: held for place, held in dataset.rows.items() if held != item.id}
            del self._state.items[item.id]
        return Response(status_code=204)

    def _shown(self, request: Request, item: Item, sign: bool) -> dict[str, Any]:
        signed = None
        if sign and (item.object_key or item.url):
            signed = self._state.blobs.sign(base_url(request), item.object_key) if item.object_key else item.url
        duration = item.frames / item.fps if item.frames and item.fps else None
        nothing = dict.fromkeys(
            ("dicomInstanceUid", "dicomStudyUid", "dicomSeriesUid", "audioSampleRate", "audioBitDepth", "audioCodec")
        )
        return {
            **nothing,
            "audioNumChannels": None,
            "uuid": item.id,
            "parent": item.folder,
            "itemType": item.type,
            "name": item.name,
            "clientMetadata": json.dumps(item.metadata),
            "owner": OWNER,
            "createdAt": item.created.isoformat(),
            "lastEditedAt": item.created.isoformat(),
            "backedDataUnitsCount": sum(item.id in dataset.rows.values() for dataset in self._state.datasets.values()),
            "storageLocation": "encord" if item.object_key else "directAccess",
            "integrationHash": item.integration,
            "url": item.url or item.object_key,
            "signedUrl": signed,
            "fileSize": item.size,
            "mimeType": item.mime,
            "duration": duration,
            "fps": item.fps,
            "height": item.height,
            "width": item.width,
            "frameCount": item.frames,
        }


def _folder_json(folder: Folder) -> dict[str, Any]:
    return {
        "uuid": folder.id,
        "parent": None,
        "name": folder.name,
        "description": folder.description,
        "clientMetadata": folder.metadata,
        "owner": OWNER,
        "createdAt": folder.created.isoformat(),
        "lastEditedAt": folder.created.isoformat(),
        "userRole": "admin",
        "syncedDatasetHash": folder.dataset,
        "pathToRoot": [],
    }
