"""Routes that select items, scenes, rows or matches by a query, in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import as_dict, read_json
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Item, page_by_position
from dragoman_nucleus.emulator.matches import Match
from dragoman_nucleus.emulator.models import Run
from dragoman_nucleus.emulator.objects import ANNOTATION, PREDICTION
from dragoman_nucleus.emulator.overlap import Comparable
from dragoman_nucleus.emulator.routes.names import QueryPage, paged, post
from dragoman_nucleus.emulator.rows import Rows
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.subjects import select_items, select_scenes


class ObjectQuery(QueryPage):
    patch_mode: Literal["iou", "false_positive", "false_negative", "predictions_only", "ground_truth_only"] = "iou"
    model_run_id: str | None = None


QUERY_PAGE = msgspec.json.Decoder(QueryPage)
OBJECT_QUERY = msgspec.json.Decoder(ObjectQuery)


class Queries:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("dataset/{dataset}/queryItemsPage", self.items),
            post("dataset/{dataset}/queryScenesPage", self.scenes),
            post("dataset/{dataset}/queryObjectsPage", self.objects),
        ]

    def _named(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    async def items(self, request: Request) -> object:
        wanted = await read_json(request, QUERY_PAGE)
        items = select_items(self._state, self._named(request), wanted.query)
        page, token = paged(self._state, items, wanted.token, wanted.size)
        return {"items": [item.to_json() for item in page], "nextPageToken": token}

    async def scenes(self, request: Request) -> object:
        wanted = await read_json(request, QUERY_PAGE)
        scenes = select_scenes(self._state, self._named(request), wanted.query)
        page, token = paged(self._state, scenes, wanted.token, wanted.size)
        return {"items": [scene.to_json() for scene in page], "nextPageToken": token}

    async def objects(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, OBJECT_QUERY)
        run = self._run(dataset, wanted.model_run_id)
        items = select_items(self._state, dataset, wanted.query, None if run is None else run.predictions)
        found = list(self._found(dataset, wanted.patch_mode, run, items))
        page, token = page_by_position(found, wanted.token, wanted.size, self._state.settings.page_limit)
        return {"items": page, "nextPageToken": token}

    def _run(self, dataset: Dataset, run_id: str | None) -> Run | None:
        """Return the run that a query means: the one that it names, or else the youngest on the dataset."""
        if run_id is not None:
            return self._state.run(run_id)
        return next(reversed(self._state.runs_on(dataset.id)), None)

    def _found(self, dataset: Dataset, mode: str, run: Run | None, items: list[Item]) -> Iterator[dict[str, Any]]:
        """Yield what a query for objects finds on some items."""
        if mode == "ground_truth_only":
            return self._rows(ANNOTATION, dataset.ground_truth, items)
        if run is None:
            return iter(())
        if mode == "predictions_only":
            return self._rows(PREDICTION, run.predictions, items)
        on = {item.id for item in items}
        matches = (match for match in run.matches.get(dataset.id, []) if match.item_id in on)
        return (self._shown(dataset, run, match) for match in matches if _is_in(mode, match))

    def _rows(self, prefix: str, rows: Rows, items: list[Item]) -> Iterator[dict[str, Any]]:
        for item in items:
            for row in rows.on(item.id):
                if isinstance(row, Comparable):
                    yield {**as_dict(row), "id": self._state.objects.id_of(prefix, rows, item.id, row)}

    def _shown(self, dataset: Dataset, run: Run, match: Match) -> dict[str, Any]:
        ids, item_id, label, prediction = self._state.objects, match.item_id, match.label, match.prediction
        return {
            "model_run_id": run.id,
            "dataset_item_id": item_id,
            "iou": match.iou,
            "true_positive": match.true_positive,
            "model_prediction_id": prediction and ids.id_of(PREDICTION, run.predictions, item_id, prediction.row),
            "model_prediction_label": prediction and prediction.label,
            "ground_truth_annotation_id": label and ids.id_of(ANNOTATION, dataset.ground_truth, item_id, label.row),
            "ground_truth_annotation_label": label and label.label,
        }


def _is_in(mode: str, match: Match) -> bool:
    """Say whether a match is among what a mode shows; a pair of different classes is a false positive."""
    if mode == "iou":
        return match.prediction is not None and match.label is not None
    if mode == "false_positive":
        return match.prediction is not None and not match.true_positive
    return match.prediction is None
