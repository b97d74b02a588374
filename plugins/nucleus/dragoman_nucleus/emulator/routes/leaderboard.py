"""Routes that rank models by their evaluations on benchmarks, and draw F1 over confidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import read_json
from dragoman_nucleus.emulator.evaluations import Evaluation
from dragoman_nucleus.emulator.items import found
from dragoman_nucleus.emulator.metrics import (
    THRESHOLDS,
    mean_over_thresholds,
    mean_precision,
    operating_point,
    precision_by_size,
)
from dragoman_nucleus.emulator.routes.names import post
from dragoman_nucleus.emulator.state import State

COUNTED_AT = 0.5
"""Threshold of overlap of precision, recall and F1."""
CONFIDENCES = tuple(round(0.05 * step, 2) for step in range(21))

Metric = Literal["MAP_50", "MAP_50_95", "AP_SMALL", "AP_MEDIUM", "AP_LARGE", "PRECISION", "RECALL", "F1"]


class Ranking(msgspec.Struct):
    """All evaluations are the caller's, so `scope` makes no difference."""

    metric_type: Metric
    benchmark_ids: list[str]
    confidence_threshold: float = 0.0
    model_ids: list[str] | None = None
    scope: Literal["mine", "all"] = "all"
    collapse: Literal["bestPerModel", "allEvaluations", "allRuns"] = "bestPerModel"


class Curves(msgspec.Struct):
    benchmark_ids: list[str]
    model_ids: list[str] | None = None
    top_n: Annotated[int, Meta(ge=1)] = 5


RANKING = msgspec.json.Decoder(Ranking)
CURVES = msgspec.json.Decoder(Curves)


class Leaderboard:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [post("leaderboard/ranking", self.ranking), post("leaderboard/f1Curve", self.f1_curve)]

    def _evaluations(self, benchmark_ids: Sequence[str], model_ids: Sequence[str] | None) -> list[Evaluation]:
        for benchmark_id in benchmark_ids:
            found(self._state.benchmarks, benchmark_id, "Benchmark")
        return [
            one
            for one in self._state.evaluations.values()
            if one.settings.benchmark_id in benchmark_ids
            and one.status == "succeeded"
            and one.settings.model_id in self._state.models
            and (model_ids is None or one.settings.model_id in model_ids)
        ]

    async def ranking(self, request: Request) -> object:
        wanted = await read_json(request, RANKING)
        evaluations = self._evaluations(wanted.benchmark_ids, wanted.model_ids)
        scored = [(_score(one, wanted.metric_type, wanted.confidence_threshold), one) for one in evaluations]
        known = [(score, one) for score, one in scored if score is not None]
        known.sort(key=lambda pair: -pair[0])
        if wanted.collapse == "bestPerModel":
            known = list({one.settings.model_id: (score, one) for score, one in reversed(known)}.values())
            known.sort(key=lambda pair: -pair[0])
        return [{**self._shown(one), "score": score, "rank": rank} for rank, (score, one) in enumerate(known, start=1)]

    async def f1_curve(self, request: Request) -> object:
        wanted = await read_json(request, CURVES)
        curves = [(one, _f1(one)) for one in self._evaluations(wanted.benchmark_ids, wanted.model_ids)]
        curves.sort(key=lambda pair: -_best(pair[1]))
        return [
            {**self._shown(one), "best_f1": _best(points), "points": points, "rank": rank}
            for rank, (one, points) in enumerate(curves[: wanted.top_n], start=1)
        ]

    def _shown(self, evaluation: Evaluation) -> dict[str, Any]:
        settings = evaluation.settings
        run = self._state.runs.get(settings.run_id or "")
        return {
            "evaluation_id": evaluation.id,
            "evaluation_name": settings.name,
            "model_run_id": settings.run_id,
            "model_run_name": run.name if run is not None else None,
            "model_id": settings.model_id,
            "model_name": self._state.model(settings.model_id).name,
        }


def _score(evaluation: Evaluation, metric: Metric, confidence: float) -> float | None:
    if metric == "MAP_50":
        return mean_precision(evaluation.hits_at(0.5))
    if metric in ("PRECISION", "RECALL", "F1"):
        return operating_point(evaluation.hits_at(COUNTED_AT), confidence)[metric]
    hits = {threshold: evaluation.hits_at(threshold) for threshold in THRESHOLDS}
    if metric == "MAP_50_95":
        return mean_over_thresholds(hits)
    return precision_by_size(hits, metric.removeprefix("AP_").lower())


def _f1(evaluation: Evaluation) -> list[dict[str, float]]:
    hits = evaluation.hits_at(COUNTED_AT)
    return [
        {"confidence_threshold": confidence, "score": operating_point(hits, confidence)["F1"]}
        for confidence in CONFIDENCES
    ]


def _best(points: Iterable[dict[str, float]]) -> float:
    return max(point["score"] for point in points)
