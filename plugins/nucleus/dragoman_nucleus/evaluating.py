"""Nucleus's evaluations (`evalv2_` ids): a run or a model against a benchmark (`bm_` ids), a fixed set of items.

The requests, for the facet `evaluations` and the extension `benchmarks` alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from dragoman.errors import PlatformError
from dragoman_nucleus import jobs
from dragoman_nucleus.wire import Json

_GOING = ("pending", "computing")
CHARTS_IOU = 0.5
"""Overlap that makes a hit, where nobody says."""

Groups = Mapping[str, Sequence[str]]
"""Class name to the labels that count as it, in labels and predictions alike."""


def rollup(groups: Groups | None) -> Json:
    """Return groups of labels as a part of a request."""
    if groups is None:
        return {}
    return {"rollupGroups": [{"class_name": name, "labels": list(labels)} for name, labels in groups.items()]}


def make_benchmark(adapter: Any, wanted: Json) -> str:
    """Create a benchmark, wait until its items are in it, and return its id."""
    answer = adapter.client.post(wanted, "benchmarks")
    if job := answer.get("job_id"):
        jobs.ended(adapter, job)
    return str(answer["benchmark_id"])


def start(adapter: Any, benchmark: str, wanted: Json) -> str:
    """Start an evaluation against a benchmark and return its id."""
    return str(adapter.client.post(wanted, f"benchmarks/{benchmark}/evaluationsV2")["evaluation_id"])


def finished(adapter: Any, evaluation: str) -> Json:
    """Wait until an evaluation has ended and return what Nucleus says of it.

    Raises:
        PlatformError: It failed, or was cancelled.
        Timeout: It has not ended in time.
    """

    def look() -> Json | None:
        found: Json = adapter.client.get(f"evaluationsV2/{evaluation}")
        return None if found["status"] in _GOING else found

    ended = jobs.until(adapter, look, f"evaluation {evaluation}")
    if ended["status"] != "succeeded":
        raise PlatformError(
            f"Nucleus evaluation {evaluation} ended as {ended['status']}: {ended.get('error_message') or 'no reason'}"
        )
    return ended


def charts(adapter: Any, evaluation: str, iou: float, filters: Json | None = None) -> Json:
    """Return the figures of an evaluation at an overlap; the filters are those of the SDK, in camel case."""
    wanted: Json = {"iouThreshold": iou} | ({"filters": filters} if filters else {})
    answer: Json = adapter.client.post(wanted, f"evaluationsV2/{evaluation}/charts")
    return answer


def label_schema(adapter: Any, dataset: str) -> tuple[set[str], set[str]]:
    """Return the class names that the labels and the predictions of a dataset use."""
    answer = adapter.client.make_request({}, f"dataset/{dataset}/labelSchema", requests.get)
    return set(answer["gt_labels"]), set(answer["prediction_labels"])
