"""Routes about slices of items, scenes or objects: creation, contents, tags, deletion. Exports have a module of their
own."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.datasets import Dataset, Slice
from dragoman_nucleus.emulator.items import Json
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.phash import distance
from dragoman_nucleus.emulator.routes.names import PAGE, added, delete, get, paged, post
from dragoman_nucleus.emulator.state import State

LARGEST_REQUEST = 10_000
"""Reference ids in one request."""
BUILD_JOB = "sliceQuery"


class NewSlice(msgspec.Struct):
    name: str
    reference_ids: list[str] | None = None
    dataset_item_ids: list[str] | None = None
    scene_ids: list[str] | None = None
    object_ids: list[str] | None = None
    allow_empty: bool | int = False


class BuildSlice(msgspec.Struct, rename="camel"):
    name: str
    sample_size: Annotated[int, Meta(ge=0)]
    sample_method: Literal["Random", "Uniqueness"]
    filters: dict[str, object] = {}


class Appended(msgspec.Struct):
    reference_ids: list[str] | None = None
    dataset_id: str | None = None


class SliceTags(msgspec.Struct):
    slice_tags: list[str]


NEW_SLICE = msgspec.json.Decoder(NewSlice)
BUILD_SLICE = msgspec.json.Decoder(BuildSlice)
APPENDED = msgspec.json.Decoder(Appended)
SLICE_TAGS = msgspec.json.Decoder(SliceTags)


class Slices:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("dataset/{dataset}/create_slice", self.create),
            post("dataset/{dataset}/build_slice", self.build),
            get("dataset/{dataset}/slices", self.of_dataset),
            get("slice/", self.all),
            get("slice/{slice}", self.members),
            delete("slice/{slice}", self.delete),
            get("slice/{slice}/info", self.info),
            post("slice/{slice}/itemsPage", self.items_page),
            post("slice/{slice}/append", self.append),
            post("slice/{slice}/tag", self.add_tags),
        ]

    def _named(self, request: Request) -> Slice:
        return self._state.slice(request.path_params["slice"])

    def _dataset(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    async def create(self, request: Request) -> object:
        dataset = self._dataset(request)
        wanted = await read_json(request, NEW_SLICE)
        ids = self._wanted_ids(dataset, wanted)
        kinds = [kind for kind, members in ids.items() if members]
        if len(kinds) > 1:
            raise ApiError(400, f"A slice has members of one kind, not of {' and '.join(kinds)}.")
        if not kinds and not wanted.allow_empty:
            raise ApiError(400, "A slice needs items, or allow_empty.")
        kind = kinds[0] if kinds else "dataset_item"
        return {"slice_id": self._add(dataset, wanted.name, kind, ids[kind]).id}

    def _wanted_ids(self, dataset: Dataset, wanted: NewSlice) -> dict[str, list[str]]:
        """Return the ids of the members of a new slice by their kind, all of which exist."""
        ids = _by_reference(dataset, wanted.reference_ids or [])
        ids["dataset_item"] += [dataset.items.id(item_id).id for item_id in wanted.dataset_item_ids or []]
        ids["scene"] += [dataset.scenes.id(scene_id).id for scene_id in wanted.scene_ids or []]
        objects = wanted.object_ids or []
        for object_id in objects:
            if self._state.objects.place(object_id).item_id not in dataset.items.by_id:
                raise ApiError(404, f"Object {object_id} does not exist in dataset {dataset.id}.")
        return {**ids, "object": objects}

    def _add(self, dataset: Dataset, name: str, kind: str, member_ids: Sequence[str]) -> Slice:
        part = Slice(
            id=self._state.ids.new("slc"),
            name=name,
            dataset_id=dataset.id,
            created=self._state.clock.now(),
            type=kind,
            member_ids=set(member_ids),
        )
        self._state.slices[part.id] = part
        return part

    async def build(self, request: Request) -> object:
        dataset = self._dataset(request)
        wanted = await read_json(request, BUILD_SLICE)
        if "autotag" in wanted.filters:
            raise ApiError(400, "No item has a score of an autotag.")
        if any(part.name == wanted.name for part in self._state.slices_of(dataset.id)):
            raise ApiError(409, f"Slice {wanted.name} exists already.")
        source = wanted.filters.get("sliceId")
        item_ids = [item.id for item in dataset.items]
        if isinstance(source, str):
            item_ids = [item.id for item in self._state.slice_items(self._state.slice(source))]
        part = self._add(dataset, wanted.name, "dataset_item", [])

        def fill() -> Outcome:
            sample = _sample(dataset, item_ids, wanted)
            part.member_ids = {item_id for item_id in sample if item_id in dataset.items.by_id}
            return Outcome({"slice_id": part.id, "items": len(part.member_ids)})

        return {**self._state.jobs.submit(BUILD_JOB, dataset.id, fill), "sliceId": part.id}

    async def of_dataset(self, request: Request) -> object:
        dataset, wanted = self._dataset(request), request.query_params
        # An f-string over the SDK's enumeration sends `SliceType.SCENE` where it means `scene`.
        kind = wanted.get("type", "").rpartition(".")[2].lower()
        return [
            part.to_json()
            for part in self._state.slices_of(dataset.id)
            if part.name == wanted.get("name", part.name) and part.type == (kind or part.type)
        ]

    async def all(self, request: Request) -> object:
        return [part.to_json() for part in self._state.slices.values()]

    async def members(self, request: Request) -> object:
        return {"items": self._members(self._named(request))}

    def _members(self, part: Slice) -> list[Json]:
        if part.type == "dataset_item":
            return [item.to_json() for item in self._state.slice_items(part)]
        if part.type == "scene":
            return [scene.to_json() for scene in self._state.slice_scenes(part)]
        places = {object_id: self._state.objects.find(object_id) for object_id in sorted(part.member_ids)}
        return [{**place.shown(), "id": object_id} for object_id, place in places.items() if place is not None]

    async def items_page(self, request: Request) -> object:
        wanted = await read_json(request, PAGE)
        items = self._state.slice_items(self._named(request))
        page, token = paged(self._state, items, wanted.token, wanted.size)
        return {"items": [item.to_json() for item in page], "nextPageToken": token}

    async def info(self, request: Request) -> object:
        return self._named(request).to_json()

    async def append(self, request: Request) -> object:
        part = self._named(request)
        wanted = await read_json(request, APPENDED)
        dataset = self._state.dataset(part.dataset_id)
        by_kind = _by_reference(dataset, wanted.reference_ids or [])
        kinds = [kind for kind, ids in by_kind.items() if ids]
        kind = kinds[0] if kinds and not part.member_ids else part.type
        if any(other != kind for other in kinds):
            raise ApiError(400, f"Slice {part.id} has members of another kind.")
        part.type = kind
        new = [member_id for member_id in dict.fromkeys(by_kind.get(kind, ())) if member_id not in part.member_ids]
        part.member_ids.update(new)
        registry = dataset.scenes if part.type == "scene" else dataset.items
        return {"slice_id": part.id, "new_items": [registry.id(member_id).reference_id for member_id in new]}

    async def add_tags(self, request: Request) -> object:
        part = self._named(request)
        part.tags = added(part.tags, (await read_json(request, SLICE_TAGS)).slice_tags)
        return {"slice_id": part.id, "tags": part.tags}

    async def delete(self, request: Request) -> object:
        part = self._named(request)
        del self._state.slices[part.id]
        return {}


def _by_reference(dataset: Dataset, reference_ids: list[str]) -> dict[str, list[str]]:
    """Return the ids of items and of scenes that have some reference ids; an item goes before a scene.

    Raises:
        ApiError: 404, one of them exists neither as an item nor as a scene; 400, they are too many.
    """
    if len(reference_ids) > LARGEST_REQUEST:
        raise ApiError(400, f"A request may name at most {LARGEST_REQUEST} items.")
    ids: dict[str, list[str]] = {"dataset_item": [], "scene": []}
    for reference_id in reference_ids:
        target = dataset.target(reference_id)
        ids["dataset_item" if target.id in dataset.items.by_id else "scene"].append(target.id)
    return ids


def _sample(dataset: Dataset, item_ids: list[str], wanted: BuildSlice) -> list[str]:
    """Return a sample of items: drawn by chance, or each the one most unlike those that were taken before."""
    size = min(wanted.sample_size, len(item_ids))
    if wanted.sample_method == "Random":
        return random.sample(item_ids, size)
    left = {item_id: dataset.items.id(item_id).phash for item_id in item_ids if item_id in dataset.items.by_id}
    taken: list[str] = []
    nearest = dict.fromkeys(left, 65)
    for _ in range(min(size, len(left))):
        choice = max(left, key=nearest.__getitem__)
        chosen = left.pop(choice)
        taken.append(choice)
        nearest = {item_id: min(nearest[item_id], distance(phash, chosen)) for item_id, phash in left.items()}
    return taken
