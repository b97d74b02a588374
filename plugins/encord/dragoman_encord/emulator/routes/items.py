"""Routes about files in folders: finding, reading, changing, moving and deleting them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.filters import ordered
from dragoman_encord.emulator.people import OWNER
from dragoman_encord.emulator.routes.names import base_url, flag, get, page, page_size, patch, post, read, whole
from dragoman_encord.emulator.state import Item, State

UNKNOWN = ("dicomInstanceUid", "dicomStudyUid", "dicomSeriesUid")
"""Facts about kinds of data that are not emulated."""


class Many(msgspec.Struct):
    item_uuids: list[str]
    sign_urls: bool = False


class Patches(msgspec.Struct):
    item_patches: dict[str, dict[str, Any]]


class Move(msgspec.Struct):
    item_uuids: list[str]
    new_parent_uuid: str
    allow_synced_dataset_move: bool = False


class Deletion(msgspec.Struct):
    child_uuids: list[str]
    remove_unused_frames: bool = True


class Items:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        folder = "storage/folders/{folder}/items"
        return [
            get(folder, self.list),
            get("storage/search/items", self.search),
            post(f"{folder}/delete", self.delete),
            post(f"{folder}/move", self.move),
            get(f"{folder}/{{item}}/child-items", self.children),
            get(f"{folder}/{{item}}/summary", self.summary),
            patch(f"{folder}/{{item}}", self.update),
            post("storage/items/get-bulk", self.bulk),
            patch("storage/items/patch-bulk", self.update_many),
            get("storage/items/{item}", self.get),
        ]

    def _shown(self, request: Request, item: Item, sign: bool) -> dict[str, Any]:
        return item_json(self._state, item, base_url(request), sign=sign)

    def _item(self, request: Request) -> Item:
        return self._state.item(request.path_params["item"])

    # -- finding ------------------------------------------------------------------------------------------------------

    async def list(self, request: Request) -> object:
        folder = self._state.folder(request.path_params["folder"])
        within = {folder.id}
        if flag(request, "isRecursive"):
            within |= {one.id for one in self._state.below(folder)}
        return self._listed(request, (item for item in self._state.items.values() if item.folder in within))

    async def search(self, request: Request) -> object:
        return self._listed(request, self._state.items.values())

    def _listed(self, request: Request, items: Iterable[Item]) -> object:
        query = request.query_params
        text, kinds, used = query.get("search", "").casefold(), query.getlist("itemTypes"), query.get("isInDataset")
        asked = (
            item
            for item in items
            if text in item.name.casefold()
            and (not kinds or item.kind in kinds)
            and used in (None, str(bool(self._state.uses(item))))
        )
        limit = self._state.settings.page_limit
        listed = page(request, ordered(asked, query, lambda item: item.name), limit, page_size(request))
        listed["results"] = [self._listing(request, item) for item in listed["results"]]
        return listed

    def _listing(self, request: Request, item: Item) -> dict[str, Any]:
        shown = self._shown(request, item, flag(request, "signUrls"))
        if flag(request, "clientMetadataAsSignedUrl"):
            key = f"metadata-{item.id}"
            self._state.blobs.content[key] = shown["clientMetadata"].encode()
            shown["clientMetadata"] = "{}"
            shown["clientMetadataSignedUrl"] = self._state.blobs.sign(base_url(request), key)
        return shown

    async def get(self, request: Request) -> object:
        return self._shown(request, self._item(request), flag(request, "signUrl"))

    async def children(self, request: Request) -> object:
        item = self._item(request)
        held = [*self._state.images(item), *(self._state.items[key] for key in item.contents.values())]
        return whole(self._shown(request, child, flag(request, "signUrls")) for child in held)

    async def bulk(self, request: Request) -> object:
        wanted = await read(request, Many)
        held = [self._state.item(key) for key in wanted.item_uuids]
        return whole(self._shown(request, item, wanted.sign_urls) for item in held)

    async def summary(self, request: Request) -> object:
        item = self._item(request)
        groups = [one for one in self._state.items.values() if item.id in one.children]
        used = self._state.uses(item)
        layout = item.layout | {"layoutContents": {place: {"uuid": key} for place, key in item.contents.items()}}
        return {
            "groupLayout": layout if item.type == "group" else None,
            "frameInGroups": len(groups),
            "accessibleGroupItems": [
                {
                    "uuid": group.id,
                    "name": group.name,
                    "parentUuid": group.folder,
                    "parentName": self._state.folder(group.folder).name,
                    "itemType": group.kind,
                }
                for group in groups
            ],
            "usedInDatasets": len(used),
            "accessibleDatasets": [
                {
                    "datasetHash": dataset.id,
                    "backingFolderUuid": dataset.folder,
                    "title": dataset.title,
                    "dataHashes": hashes,
                    "dataUnitsCreatedAt": item.created.isoformat(),
                }
                for dataset, hashes in used
            ],
        }

    # -- changing -----------------------------------------------------------------------------------------------------

    async def update(self, request: Request) -> object:
        item = self._item(request)
        self._change(item, await read(request, dict[str, Any]))
        return self._shown(request, item, False)

    async def update_many(self, request: Request) -> object:
        patches = (await read(request, Patches)).item_patches
        wanted = [(self._state.item(key), changes) for key, changes in patches.items()]
        for item, changes in wanted:
            self._change(item, changes)
        return whole(self._shown(request, item, False) for item, _ in wanted)

    def _change(self, item: Item, changes: dict[str, Any]) -> None:
        """Change what a client names, in camel or in snake case; metadata is replaced."""
        if changes.get("name") is not None:
            item.name = changes["name"]
        if changes.get("description") is not None:
            item.description = changes["description"]
        metadata = changes.get("clientMetadata", changes.get("client_metadata"))
        if metadata is not None:
            item.metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
        item.changed = self._state.clock.now()

    async def move(self, request: Request) -> object:
        folder = self._state.folder(request.path_params["folder"])
        wanted = await read(request, Move)
        to = self._state.folder(wanted.new_parent_uuid)
        items = [self._state.item(key) for key in wanted.item_uuids]
        if any(item.folder != folder.id for item in items):
            raise ApiError(400, "An item is not in that folder.")
        mirrored = {one.dataset for one in (folder, to) if one.dataset}
        if mirrored and not wanted.allow_synced_dataset_move:
            raise ApiError(400, "The folder is mirrored by a dataset, which would change.")
        for item in items:
            self._state.move_item(item, to)
        return Response(status_code=204)

    async def delete(self, request: Request) -> object:
        folder = self._state.folder(request.path_params["folder"])
        wanted = await read(request, Deletion)
        items = [self._state.item(key) for key in wanted.child_uuids]
        if any(item.folder != folder.id for item in items):
            raise ApiError(400, "An item is not in that folder.")
        before = len(self._state.items)
        for item in items:
            self._state.delete_item(item, frames=wanted.remove_unused_frames)
        return {"removedItemsCount": before - len(self._state.items), "removedFoldersCount": 0}


def item_json(state: State, item: Item, base: str, *, sign: bool = False) -> dict[str, Any]:
    """Return a file as clients get it; with `sign` with a link to its content."""
    sound = item.sound
    return {
        **dict.fromkeys(UNKNOWN),
        "uuid": item.id,
        "parent": item.folder,
        "itemType": item.kind,
        "name": item.name,
        "description": item.description,
        "clientMetadata": json.dumps(item.metadata),
        "owner": OWNER,
        "createdAt": item.created.isoformat(),
        "lastEditedAt": item.edited.isoformat(),
        "backedDataUnitsCount": sum(len(hashes) for _, hashes in state.uses(item)),
        "storageLocation": "encord" if item.object_key else "directAccess",
        "integrationHash": item.integration,
        "url": item.url or item.object_key,
        "signedUrl": state.signed(item, base) if sign else None,
        "fileSize": item.size,
        "mimeType": item.mime,
        "duration": item.duration,
        "fps": item.fps,
        "height": item.height,
        "width": item.width,
        "frameCount": None if sound else item.frames,
        "audioSampleRate": sound.sample_rate if sound else None,
        "audioBitDepth": sound.bit_depth if sound else None,
        "audioCodec": sound.codec if sound else None,
        "audioNumChannels": sound.channels if sound else None,
    }
