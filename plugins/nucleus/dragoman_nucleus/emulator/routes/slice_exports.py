"""Routes that export what is in a slice: ground truth, predictions, class names, raw items, objects as JSON."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.datasets import Slice
from dragoman_nucleus.emulator.exports import class_labels, export_rows
from dragoman_nucleus.emulator.items import Item
from dragoman_nucleus.emulator.objects import ANNOTATION, Place
from dragoman_nucleus.emulator.routes.names import EXPORT_PAGE, ExportPage, get, paged, post
from dragoman_nucleus.emulator.rows import Rows
from dragoman_nucleus.emulator.state import State


class SliceExports:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("slice/{slice}/class_labels", self.class_labels),
            get("slice/{slice}/exportForTraining", self.export),
            post("slice/{slice}/exportForTrainingPage", self.export_page),
            get("slice/{slice}/{model}/exportForTraining", self.export_predictions),
            post("slice/{slice}/{model}/exportForTrainingPage", self.export_predictions_page),
            get("slice/{slice}/exportRawItems", self.raw_items),
            get("slice/{slice}/export_raw_json", self.raw_objects),
        ]

    def _named(self, request: Request) -> Slice:
        return self._state.slice(request.path_params["slice"])

    async def class_labels(self, request: Request) -> object:
        ground_truth = self._ground_truth(request)
        items = self._state.slice_items(self._named(request))
        return {"data": class_labels(row for item in items for row in ground_truth.on(item.id))}

    async def export(self, request: Request) -> object:
        items = self._state.slice_items(self._named(request))
        return {"exportedRows": export_rows(items, self._ground_truth(request))}

    async def export_page(self, request: Request) -> object:
        wanted = await read_json(request, EXPORT_PAGE)
        items, token = self._page(request, wanted)
        rows = export_rows(items, self._ground_truth(request), mirrored=wanted.mirrored)
        return {"data": rows, "nextPageToken": token}

    async def export_predictions(self, request: Request) -> object:
        items = self._state.slice_items(self._named(request))
        return {"exportedRows": export_rows(items, self._predictions(request))}

    async def export_predictions_page(self, request: Request) -> object:
        items, token = self._page(request, await read_json(request, EXPORT_PAGE))
        return {"data": export_rows(items, self._predictions(request)), "nextPageToken": token}

    async def raw_items(self, request: Request) -> object:
        return [
            {
                "id": item.id,
                "ref_id": item.reference_id,
                "metadata": item.metadata,
                "original_url": item.image_url or item.pointcloud_url,
                "scale_url": item.image_url or item.pointcloud_url,
            }
            for item in self._state.slice_items(self._named(request))
        ]

    async def raw_objects(self, request: Request) -> object:
        part = self._named(request)
        if part.type != "object":
            raise ApiError(400, "Only slices of objects can be exported as raw JSON.")
        places = ((object_id, self._state.objects.find(object_id)) for object_id in sorted(part.member_ids))
        return [self._raw_object(part, object_id, place) for object_id, place in places if place is not None]

    def _raw_object(self, part: Slice, object_id: str, place: Place) -> dict[str, Any]:
        """Return an object with its item, and with the scene of its item if it is a frame."""
        dataset = self._state.dataset(part.dataset_id)
        item = dataset.items.id(place.item_id)
        noun = "annotation" if object_id.startswith(f"{ANNOTATION}_") else "prediction"
        shown = {"item": item.to_json(), noun: {**place.shown(), "id": object_id}}
        scene = dataset.scenes.by_id.get(item.scene_id or "")
        return shown if scene is None else {**shown, "scene": scene.to_json()}

    def _page(self, request: Request, wanted: ExportPage) -> tuple[list[Item], str | None]:
        return paged(self._state, self._state.slice_items(self._named(request)), wanted.token, wanted.size)

    def _ground_truth(self, request: Request) -> Rows:
        return self._state.dataset(self._named(request).dataset_id).ground_truth

    def _predictions(self, request: Request) -> Rows:
        model = self._state.model(request.path_params["model"])
        run = self._state.latest_run(model.id, self._named(request).dataset_id)
        return run.predictions if run is not None else Rows()
