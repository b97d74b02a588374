"""Routes about slices of items: creation, contents, and exports of ground truth or predictions by slice."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.exports import export_rows
from dragoman_nucleus.emulator.routes.names import PAGE, added, delete, get, post
from dragoman_nucleus.emulator.rows import Rows
from dragoman_nucleus.emulator.state import Dataset, Item, Slice, State, page_of

LARGEST_REQUEST = 10_000
"""Reference ids in one request."""


class NewSlice(msgspec.Struct):
    name: str
    reference_ids: list[str] | None = None
    dataset_item_ids: list[str] | None = None
    scene_ids: list[str] | None = None
    object_ids: list[str] | None = None
    allow_empty: bool | int = False


class Appended(msgspec.Struct):
    reference_ids: list[str]
    dataset_id: str | None = None


class SliceTags(msgspec.Struct):
    slice_tags: list[str]


NEW_SLICE = msgspec.json.Decoder(NewSlice)
APPENDED = msgspec.json.Decoder(Appended)
SLICE_TAGS = msgspec.json.Decoder(SliceTags)


class Slices:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("dataset/{dataset}/create_slice", self.create),
            get("dataset/{dataset}/slices", self.of_dataset),
            get("slice/", self.all),
            get("slice/{slice}", self.items),
            delete("slice/{slice}", self.delete),
            get("slice/{slice}/info", self.info),
            post("slice/{slice}/itemsPage", self.items_page),
            post("slice/{slice}/append", self.append),
            post("slice/{slice}/tag", self.add_tags),
            get("slice/{slice}/class_labels", self.class_labels),
            get("slice/{slice}/exportForTraining", self.export),
            post("slice/{slice}/exportForTrainingPage", self.export_page),
            get("slice/{slice}/{model}/exportForTraining", self.export_predictions),
            post("slice/{slice}/{model}/exportForTrainingPage", self.export_predictions_page),
        ]

    def _named(self, request: Request) -> Slice:
        return self._state.slice(request.path_params["slice"])

    async def create(self, request: Request) -> object:
        dataset = self._state.dataset(request.path_params["dataset"])
        wanted = await read_json(request, NEW_SLICE)
        if wanted.scene_ids or wanted.object_ids:
            raise ApiError(400, "Slices of scenes or objects are not emulated.")
        items = _by_reference(dataset, wanted.reference_ids or [])
        items += [dataset.items.id(item_id) for item_id in wanted.dataset_item_ids or []]
        if not items and not wanted.allow_empty:
            raise ApiError(400, "A slice needs items, or allow_empty.")
        part = Slice(
            id=self._state.ids.new("slc"),
            name=wanted.name,
            dataset_id=dataset.id,
            created=self._state.clock.now(),
            item_ids={item.id for item in items},
        )
        self._state.slices[part.id] = part
        return {"slice_id": part.id}

    async def of_dataset(self, request: Request) -> object:
        dataset = self._state.dataset(request.path_params["dataset"])
        return [part.to_json() for part in self._state.slices_of(dataset.id)]

    async def all(self, request: Request) -> object:
        return [part.to_json() for part in self._state.slices.values()]

    async def items(self, request: Request) -> object:
        return {"items": [item.to_json() for item in self._state.slice_items(self._named(request))]}

    async def items_page(self, request: Request) -> object:
        items, token = await self._page(request)
        return {"items": [item.to_json() for item in items], "nextPageToken": token}

    async def info(self, request: Request) -> object:
        return self._named(request).to_json()

    async def append(self, request: Request) -> object:
        part = self._named(request)
        wanted = await read_json(request, APPENDED)
        items = _by_reference(self._state.dataset(part.dataset_id), wanted.reference_ids)
        new = [item for item in items if item.id not in part.item_ids]
        part.item_ids.update(item.id for item in new)
        return {"slice_id": part.id, "new_items": [item.reference_id for item in new]}

    async def add_tags(self, request: Request) -> object:
        part = self._named(request)
        part.tags = added(part.tags, (await read_json(request, SLICE_TAGS)).slice_tags)
        return {"slice_id": part.id, "tags": part.tags}

    async def delete(self, request: Request) -> object:
        part = self._named(request)
        del self._state.slices[part.id]
        return {}

    async def class_labels(self, request: Request) -> object:
        part = self._named(request)
        ground_truth = self._state.dataset(part.dataset_id).ground_truth
        rows = [row for item in self._state.slice_items(part) for row in ground_truth.on(item.id)]
        return {"data": list(dict.fromkeys(label for row in rows for label in row.labels()))}

    async def export(self, request: Request) -> object:
        items = self._state.slice_items(self._named(request))
        return {"exportedRows": export_rows(items, self._ground_truth(request))}

    async def export_page(self, request: Request) -> object:
        items, token = await self._page(request)
        return {"data": export_rows(items, self._ground_truth(request)), "nextPageToken": token}

    async def export_predictions(self, request: Request) -> object:
        items = self._state.slice_items(self._named(request))
        return {"exportedRows": export_rows(items, self._predictions(request))}

    async def export_predictions_page(self, request: Request) -> object:
        items, token = await self._page(request)
        return {"data": export_rows(items, self._predictions(request)), "nextPageToken": token}

    async def _page(self, request: Request) -> tuple[list[Item], str | None]:
        wanted = await read_json(request, PAGE)
        items = self._state.slice_items(self._named(request))
        return page_of(items, wanted.token, wanted.size, self._state.settings.page_limit)

    def _ground_truth(self, request: Request) -> Rows:
        return self._state.dataset(self._named(request).dataset_id).ground_truth

    def _predictions(self, request: Request) -> Rows:
        model = self._state.model(request.path_params["model"])
        run = self._state.latest_run(model.id, self._named(request).dataset_id)
        return run.predictions if run is not None else Rows()


def _by_reference(dataset: Dataset, reference_ids: list[str]) -> list[Item]:
    if len(reference_ids) > LARGEST_REQUEST:
        raise ApiError(400, f"A request may name at most {LARGEST_REQUEST} items.")
    return [dataset.items.reference(reference_id) for reference_id in reference_ids]
