"""Routes about folders: making, finding, changing, moving and deleting them, and what is in them in sum."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.filters import ordered
from dragoman_encord.emulator.people import OWNER
from dragoman_encord.emulator.routes.names import convert, delete, get, page, page_size, patch, post, read, whole
from dragoman_encord.emulator.state import Folder, State

COUNTED = {
    "videos": "video",
    "images": "image",
    "imageGroups": "imageGroup",
    "imageSequences": "imageSequence",
    "dicomFiles": "dicomFile",
    "dicomSeries": "dicomSeries",
    "niftis": "nifti",
    "audios": "audio",
    "pdfs": "pdf",
    "plainTexts": "plainText",
}
"""Name of a count to the type of the items that it counts."""


class NewFolder(msgspec.Struct):
    name: str
    description: str | None = None
    parent: str | None = None
    client_metadata: str | None = None
    cloud_synced_folder_params: dict[str, Any] | None = None


class Changes(msgspec.Struct):
    name: str | None = None
    description: str | None = None
    client_metadata: dict[str, Any] | None = None


class ManyChanges(msgspec.Struct):
    folder_patches: dict[str, dict[str, Any]]


class Move(msgspec.Struct):
    folder_uuids: list[str]
    new_parent_uuid: str | None = None


class Folders:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        one = "storage/folders/{folder}"
        return [
            get("storage/folders", self.roots),
            post("storage/folders", self.create),
            get("storage/search/folders", self.search),
            patch("storage/folders/patch-bulk", self.update_many),
            post("storage/folders/move", self.move),
            get(one, self.get),
            patch(one, self.update),
            delete(one, self.delete),
            get(f"{one}/folders", self.children),
            get(f"{one}/summary", self.summary),
            get(f"{one}/folder-config", self.config),
            post(f"{one}/folder-config", self.bucket),
            post(f"{one}/cloud-synced-folder-syncs", self.bucket),
            get(f"{one}/cloud-linked-folder-syncs/{{job}}/long-polling", self.bucket),
        ]

    def _folder(self, request: Request) -> Folder:
        return self._state.folder(request.path_params["folder"])

    async def create(self, request: Request) -> object:
        wanted = await read(request, NewFolder)
        if wanted.cloud_synced_folder_params is not None:
            raise ApiError(501, "The emulator has no folders that follow a bucket.")
        if wanted.parent is not None:
            self._state.folder(wanted.parent)
        now = self._state.clock.now()
        folder = Folder(
            id=self._state.new_id(),
            name=wanted.name,
            description=wanted.description or "",
            metadata=wanted.client_metadata,
            created=now,
            edited=now,
            parent=wanted.parent,
        )
        self._state.folders[folder.id] = folder
        return self._shown(folder)

    # -- finding ------------------------------------------------------------------------------------------------------

    async def roots(self, request: Request) -> object:
        return self._listed(request, (one for one in self._state.folders.values() if one.parent is None))

    async def search(self, request: Request) -> object:
        return self._listed(request, self._state.folders.values())

    async def children(self, request: Request) -> object:
        folder = self._folder(request)
        if request.query_params.get("isRecursive", "").lower() == "true":
            return self._listed(request, self._state.below(folder))
        return self._listed(request, (one for one in self._state.folders.values() if one.parent == folder.id))

    def _listed(self, request: Request, folders: Iterable[Folder]) -> object:
        query = request.query_params
        text, mirrored = query.get("search", "").casefold(), query.get("datasetSynced")
        found = (
            one
            for one in folders
            if text in one.name.casefold()
            and mirrored in (None, str(one.dataset is not None))
            # Tags are put on folders in the web application alone, so no folder has one.
            and not query.getlist("organisationTagNamesAllof")
        )
        shown = [self._shown(one) for one in ordered(found, query, lambda one: one.name)]
        return page(request, shown, self._state.settings.page_limit, page_size(request))

    async def get(self, request: Request) -> object:
        return self._shown(self._folder(request))

    async def config(self, request: Request) -> object:
        self._folder(request)
        return {"metadataIngestion": None}

    async def bucket(self, request: Request) -> object:
        """Refuse what only folders that follow a bucket know."""
        raise ApiError(400, f"The folder {self._folder(request).name} does not follow a bucket.")

    async def summary(self, request: Request) -> object:
        folder = self._folder(request)
        items = [item for item in self._state.items.values() if item.folder == folder.id]
        kinds = [item.kind for item in items]
        return {
            **{name: kinds.count(kind) for name, kind in COUNTED.items()},
            "files": len(items),
            "folders": sum(one.parent == folder.id for one in self._state.folders.values()),
            "tombstones": 0,
            "uploadJobs": sum(job.folder == folder.id for job in self._state.jobs.values()),
            "totalSize": sum(item.size or 0 for item in items),
        }

    # -- changing -----------------------------------------------------------------------------------------------------

    async def update(self, request: Request) -> object:
        return self._changed(self._folder(request), await read(request, Changes))

    async def update_many(self, request: Request) -> object:
        patches = (await read(request, ManyChanges)).folder_patches
        wanted = [(self._state.folder(key), convert(changes, Changes)) for key, changes in patches.items()]
        return whole([self._changed(folder, changes) for folder, changes in wanted])

    def _changed(self, folder: Folder, changes: Changes) -> dict[str, Any]:
        folder.name = changes.name if changes.name is not None else folder.name
        folder.description = changes.description if changes.description is not None else folder.description
        if changes.client_metadata is not None:
            folder.metadata = json.dumps(changes.client_metadata)
        folder.edited = self._state.clock.now()
        return self._shown(folder)

    async def move(self, request: Request) -> object:
        wanted = await read(request, Move)
        moved = [self._state.folder(key) for key in wanted.folder_uuids]
        if wanted.new_parent_uuid is not None:
            above = {one.id for one in self._path(self._state.folder(wanted.new_parent_uuid))}
            if any(folder.id in above for folder in moved):
                raise ApiError(400, "A folder cannot be moved into itself.")
        for folder in moved:
            folder.parent = wanted.new_parent_uuid
        return Response(status_code=204)

    async def delete(self, request: Request) -> object:
        folder = self._folder(request)
        for gone in [folder, *self._state.below(folder)]:
            for item in [item for item in self._state.items.values() if item.folder == gone.id]:
                self._state.delete_item(item)
            del self._state.folders[gone.id]
            if gone.dataset is not None:
                self._state.dataset(gone.dataset).folder = None
        return Response(status_code=204)

    # -- showing ------------------------------------------------------------------------------------------------------

    def _path(self, folder: Folder) -> Iterator[Folder]:
        """Yield a folder and those above it, the nearest first."""
        yield folder
        if folder.parent is not None:
            yield from self._path(self._state.folder(folder.parent))

    def _shown(self, folder: Folder) -> dict[str, Any]:
        _, *above = self._path(folder)
        return {
            "uuid": folder.id,
            "parent": folder.parent,
            "name": folder.name,
            "description": folder.description,
            "clientMetadata": folder.metadata,
            "owner": OWNER,
            "createdAt": folder.created.isoformat(),
            "lastEditedAt": folder.edited.isoformat(),
            "userRole": "admin",
            "syncedDatasetHash": folder.dataset,
            "pathToRoot": [
                {"uuid": one.id, "parentUuid": one.parent, "name": one.name, "syncedDatasetHash": one.dataset}
                for one in above
            ],
        }
