"""Routes that show what an evaluation found: the figures, the single hits, and what they can be filtered by."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, as_dict, read_json
from dragoman_nucleus.emulator.detections import Hit
from dragoman_nucleus.emulator.evaluations import Evaluation
from dragoman_nucleus.emulator.exclusions import text_of
from dragoman_nucleus.emulator.hit_filters import Filters
from dragoman_nucleus.emulator.items import found
from dragoman_nucleus.emulator.metrics import charts
from dragoman_nucleus.emulator.objects import ANNOTATION, PREDICTION
from dragoman_nucleus.emulator.overlap import Comparable
from dragoman_nucleus.emulator.routes.names import get, post
from dragoman_nucleus.emulator.rows import Rows
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.subjects import select_items

EXAMPLES_AT = 0.5
"""Threshold of overlap of the examples."""


class Selection(msgspec.Struct):
    """Which hits to show."""

    filters: Filters = msgspec.field(default_factory=Filters)
    query: str | None = None


class ChartsWanted(Selection):
    threshold: Annotated[float, Meta(ge=0, le=1)] = msgspec.field(default=0.5, name="iouThreshold")


class ExamplesWanted(Selection):
    limit: Annotated[int, Meta(ge=1, le=100)] = 50
    offset: Annotated[int, Meta(ge=0)] = 0
    match_type: Literal["TP", "FP", "FN"] | None = None
    sort_by: Literal["confidence", "iou", "dataset_item_id", "gt_area"] | None = None
    sort_order: Literal["ASC", "DESC"] = "DESC"


CHARTS = msgspec.json.Decoder(ChartsWanted)
EXAMPLES = msgspec.json.Decoder(ExamplesWanted)


class EvaluationResults:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("evaluationsV2/{evaluation}/charts", self.charts),
            post("evaluationsV2/{evaluation}/examples", self.examples),
            get("evaluationsV2/{evaluation}/filterSchema", self.filter_schema),
        ]

    def _computed(self, request: Request) -> Evaluation:
        evaluation = found(self._state.evaluations, request.path_params["evaluation"], "Evaluation")
        if evaluation.status != "succeeded":
            raise ApiError(409, f"Evaluation {evaluation.id} is {evaluation.status}.")
        return evaluation

    async def charts(self, request: Request) -> object:
        evaluation = self._computed(request)
        wanted = await read_json(request, CHARTS)
        item_ids = self._selected(evaluation, wanted)

        def hits_at(threshold: float) -> list[Hit]:
            return [hit for hit in evaluation.hits_at(threshold) if wanted.filters.keeps(hit, item_ids)]

        return charts(hits_at, wanted.threshold)

    def _selected(self, evaluation: Evaluation, wanted: Selection) -> set[str] | None:
        """Return the ids of the items that slices and a query select; `None` if neither is given."""
        selected: set[str] | None = None
        if wanted.filters.slice_ids is not None:
            parts = [self._state.slice(slice_id) for slice_id in wanted.filters.slice_ids]
            selected = {item.id for part in parts for item in self._state.slice_items(part)}
        if wanted.query:
            by_query = self._queried(evaluation, wanted.query)
            selected = by_query if selected is None else selected & by_query
        return selected

    def _queried(self, evaluation: Evaluation, query: str) -> set[str]:
        datasets = [self._state.datasets.get(dataset_id) for dataset_id in evaluation.ground_truth]
        return {
            item.id
            for dataset in datasets
            if dataset is not None
            for item in select_items(self._state, dataset, query, evaluation.predictions)
        }

    async def examples(self, request: Request) -> object:
        evaluation = self._computed(request)
        wanted = await read_json(request, EXAMPLES)
        item_ids = self._selected(evaluation, wanted)
        numbered = [
            (number, hit)
            for number, hit in enumerate(evaluation.hits_at(EXAMPLES_AT))
            if wanted.match_type in (None, hit.match_type) and wanted.filters.keeps(hit, item_ids)
        ]
        if (name := wanted.sort_by) is not None:
            numbered.sort(key=lambda pair: _sort_value(pair[1], name), reverse=wanted.sort_order == "DESC")
        page = numbered[wanted.offset : wanted.offset + wanted.limit]
        return {"rows": [self._example(evaluation, *pair) for pair in page], "total": len(numbered)}

    def _example(self, evaluation: Evaluation, number: int, hit: Hit) -> dict[str, Any]:
        predictions, ground_truth = evaluation.predictions, evaluation.ground_truth[hit.item.dataset_id]
        return {
            "id": f"{evaluation.id}-{number}",
            "evaluation_id": evaluation.id,
            "dataset_item_id": hit.item.id,
            "model_prediction_id": self._id(PREDICTION, predictions, hit.item.id, hit.prediction),
            "ground_truth_annotation_id": self._id(ANNOTATION, ground_truth, hit.item.id, hit.label),
            "pred_canonical_label": hit.prediction_class,
            "gt_canonical_label": hit.label_class,
            "pred_raw_label": hit.prediction and hit.prediction.label,
            "gt_raw_label": hit.label and hit.label.label,
            "iou": hit.iou,
            "confidence": hit.confidence,
            "true_positive": hit.match_type == "TP",
            "match_type": hit.match_type,
            "gt_area": hit.label_area,
            "item_metadata": hit.item.metadata,
            "prediction_metadata": hit.prediction and hit.prediction.metadata,
            "prediction_row": hit.prediction and as_dict(hit.prediction),
            "annotation_row": hit.label and as_dict(hit.label),
        }

    def _id(self, prefix: str, rows: Rows, item_id: str, row: Comparable | None) -> str | None:
        return None if row is None else self._state.objects.id_of(prefix, rows, item_id, row)

    async def filter_schema(self, request: Request) -> object:
        evaluation = self._computed(request)
        hits = evaluation.hits_at(EXAMPLES_AT)
        return {
            "gt_labels": sorted({hit.label_class for hit in hits if hit.label_class is not None}),
            "pred_labels": sorted({hit.prediction_class for hit in hits if hit.prediction_class is not None}),
            "metadata_fields": _metadata_fields(evaluation),
        }


def _sort_value(hit: Hit, name: str) -> float | str:
    if name == "dataset_item_id":
        return hit.item.id
    value = {"confidence": hit.confidence, "iou": hit.iou, "gt_area": hit.label_area}[name]
    return -1.0 if value is None else value


def _metadata_fields(evaluation: Evaluation) -> list[dict[str, Any]]:
    values: dict[str, list[Any]] = {}
    for case in evaluation.cases:
        for key, value in case.item.metadata.items():
            if isinstance(value, str | int | float):
                values.setdefault(key, []).append(value)
    return [
        {
            "key": key,
            "value_type": _type_of(found),
            "values": sorted(set(map(text_of, found))),
        }
        for key, found in sorted(values.items())
    ]


def _type_of(values: list[Any]) -> str:
    if any(isinstance(value, str) for value in values):
        return "string"
    return "boolean" if all(isinstance(value, bool) for value in values) else "number"
