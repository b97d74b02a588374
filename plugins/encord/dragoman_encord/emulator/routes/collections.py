"""Routes about collections: named sets of files below one top-level folder."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman_encord.emulator.curation import Changes, Collection
from dragoman_encord.emulator.routes.items import item_json
from dragoman_encord.emulator.routes.names import base_url, delete, get, page, page_size, patch, post, read
from dragoman_encord.emulator.state import Item, State, found


class Named(msgspec.Struct):
    name: str
    description: str | None = ""


class Chosen(msgspec.Struct):
    item_uuids: list[str]


class Titles(msgspec.Struct):
    data_titles: list[str]


class Collections:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        one = "index/collections/{collection}"
        return [
            get("index/collections", self.listed),
            post("index/collections", self.create),
            patch(one, self.update),
            delete(one, self.delete),
            get(f"{one}/accessible-items", self.items),
            get(f"{one}/all-items", self.items),
            post(f"{one}/add-items", self.add),
            post(f"{one}/remove-items", self.remove),
            post(f"{one}/add-data-title-items", self.add_titles),
        ]

    def _named(self, request: Request) -> Collection:
        return found(self._state.collections, request.path_params["collection"], "collection")

    async def listed(self, request: Request) -> object:
        query = request.query_params
        keys, folder = query.getlist("uuids"), query.get("topLevelFolderUuid")
        shown = [
            one.to_json()
            for one in self._state.collections.values()
            if (not keys or one.id in keys) and folder in (None, one.folder)
        ]
        return page(request, shown, self._state.settings.page_limit, page_size(request))

    async def create(self, request: Request) -> object:
        wanted = await read(request, Named)
        now = self._state.clock.now()
        collection = Collection(
            id=self._state.new_id(),
            folder=self._state.folder(request.query_params.get("topLevelFolderUuid", "")).id,
            name=wanted.name,
            description=wanted.description or "",
            created=now,
            edited=now,
        )
        self._state.collections[collection.id] = collection
        return collection.id

    async def update(self, request: Request) -> object:
        (await read(request, Changes)).make(self._named(request), self._state.clock.now())
        return Response(status_code=204)

    async def delete(self, request: Request) -> object:
        self._state.collections.pop(request.path_params["collection"], None)
        return Response(status_code=204)

    # -- files --------------------------------------------------------------------------------------------------------

    async def items(self, request: Request) -> object:
        held = [self._state.items[key] for key in self._named(request).items if key in self._state.items]
        listed = page(request, held, self._state.settings.page_limit, page_size(request))
        base = base_url(request)
        return {**listed, "results": [item_json(self._state, item, base) for item in listed["results"]]}

    async def add(self, request: Request) -> object:
        collection = self._named(request)
        wanted = (await read(request, Chosen)).item_uuids
        there = {item.id for item in self._within(collection)}
        collection.items |= dict.fromkeys(key for key in wanted if key in there)
        return {"failedItems": [key for key in wanted if key not in there]}

    async def remove(self, request: Request) -> object:
        collection = self._named(request)
        wanted = (await read(request, Chosen)).item_uuids
        failed = [key for key in wanted if key not in collection.items]
        for key in wanted:
            collection.items.pop(key, None)
        return {"failedItems": failed}

    async def add_titles(self, request: Request) -> object:
        collection = self._named(request)
        titles = list(dict.fromkeys((await read(request, Titles)).data_titles))
        by_title: dict[str, list[str]] = {title: [] for title in titles}
        for item in self._within(collection):
            if item.name in by_title:
                by_title[item.name].append(item.id)
        matched = [keys[0] for keys in by_title.values() if len(keys) == 1]
        fresh = [key for key in matched if key not in collection.items]
        collection.items |= dict.fromkeys(fresh)
        return {
            "requested": len(titles),
            "matchedTitles": len(matched),
            "itemsAdded": len(fresh),
            "ambiguousTitles": [title for title, keys in by_title.items() if len(keys) > 1],
            "unmatchedTitles": [title for title, keys in by_title.items() if not keys],
            "failedItems": [],
        }

    def _within(self, collection: Collection) -> list[Item]:
        """Return the files that a collection may have: those below its folder."""
        folder = self._state.folder(collection.folder)
        within = {folder.id, *(one.id for one in self._state.below(folder))}
        return [item for item in self._state.items.values() if item.folder in within]
