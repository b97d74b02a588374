"""Benchmarks: fixed sets of labelled items, over datasets, that models are evaluated against and ranked by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import requests

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData
from dragoman.interface.base import ref
from dragoman.schema import Dataset, Evaluation, Model, Version
from dragoman.schema.base import Control
from dragoman_nucleus import jobs
from dragoman_nucleus.evaluating import CHARTS_IOU, Groups, charts, finished, make_benchmark, rollup, start
from dragoman_nucleus.extension import Extension, carried
from dragoman_nucleus.presets import Preset
from dragoman_nucleus.slices import Slice
from dragoman_nucleus.wire import Json

MATCHES_PER_PAGE = 100
"""Hard limit of Nucleus."""
Metric = Literal["MAP_50", "MAP_50_95", "AP_SMALL", "AP_MEDIUM", "AP_LARGE", "PRECISION", "RECALL", "F1"]


class Benchmark(Control):
    """A set of labelled items. A draft may still change and cannot be evaluated against."""

    id: str
    name: str
    status: str | None = None
    description: str = ""
    metadata: dict[str, Any] = {}
    items: int | None = None
    parent: str | None = None
    version: tuple[int, int] = (1, 0)
    class_agnostic: bool = False


class Benchmarks(Extension):
    """Create, find, change and delete benchmarks; evaluate against them; look into evaluations; rank models."""

    name = "benchmarks"

    @carried(repeatable=False)
    def create(
        self,
        name: str,
        *,
        datasets: Sequence[str | Dataset] = (),
        slices: Sequence[str | Slice] = (),
        items: Sequence[str] = (),
        without: Sequence[str] = (),
        parent: str | Benchmark | None = None,
        draft: bool = False,
        groups: Groups | None = None,
        class_agnostic: bool | None = None,
        description: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> Benchmark:
        """Create a benchmark and return it when its items are in it.

        Args:
            name: Its name.
            datasets: Datasets whose labelled items are in it.
            slices: Slices whose labelled items are in it.
            items: Items, by Nucleus's own ids.
            without: Items of the parent that are not in it, by Nucleus's own ids.
            parent: The benchmark of which it is the next version, and whose items it takes over.
            draft: Whether it may still change; it may be empty then.
            groups: Names of labels that count as one class.
            class_agnostic: Whether names do not matter; excludes `groups`.
            description: Free text.
            metadata: JSON values kept with it.
        """
        wanted = {"description": description, "metadata": dict(metadata or {}), "removed_item_ids": list(without)}
        wanted |= _sources(datasets, slices, items) | {"parent_benchmark_id": ref(parent) if parent else None}
        given = {field: value for field, value in wanted.items() if value}
        flags = ({"draft": True} if draft else {}) | _taxonomy(groups, class_agnostic)
        return self._get(make_benchmark(self._adapter, {"name": name, **given, **flags}))

    @carried()
    def get(self, benchmark: str | Benchmark) -> Benchmark:
        """Return the benchmark of that id."""
        return self._get(ref(benchmark))

    def _get(self, benchmark_id: str) -> Benchmark:
        return _benchmark(self._client.get(f"benchmarks/{benchmark_id}"))

    @carried()
    def update(
        self,
        benchmark: str | Benchmark,
        *,
        name: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        groups: Groups | None = None,
        class_agnostic: bool | None = None,
    ) -> Benchmark:
        """Change the fields that are given and return it as it is then; the last two only of a draft."""
        changes = {"name": name, "description": description, "metadata": metadata}
        given = {field: value for field, value in changes.items() if value is not None}
        changed = {**given, **_taxonomy(groups, class_agnostic)}
        return _benchmark(self._client.connection.patch(changed, f"benchmarks/{ref(benchmark)}"))

    @carried()
    def delete(self, benchmark: str | Benchmark) -> None:
        """Delete a benchmark."""
        self._client.delete_benchmark(ref(benchmark))

    @carried()
    def add_items(
        self,
        benchmark: str | Benchmark,
        *,
        datasets: Sequence[str | Dataset] = (),
        slices: Sequence[str | Slice] = (),
        items: Sequence[str] = (),
    ) -> None:
        """Add labelled items to a draft; those that it has stay."""
        answer = self._client.post(_sources(datasets, slices, items), f"benchmarks/{ref(benchmark)}/items")
        jobs.ended(self._adapter, jobs.started(answer))

    @carried()
    def remove_items(self, benchmark: str | Benchmark, items: Sequence[str]) -> None:
        """Take items from a draft, by Nucleus's own ids; unknown ones are passed over."""
        self._client.remove_benchmark_items(ref(benchmark), list(items))

    @carried()
    def finalize(self, benchmark: str | Benchmark) -> Benchmark:
        """Make a draft ready; it does not change from then on."""
        return _benchmark(self._client.post({}, f"benchmarks/{ref(benchmark)}/finalize"))

    def items(self, benchmark: str | Benchmark, *, page_size: int | None = None) -> Iterator[str]:
        """Iterate over its items: Nucleus's own ids."""
        route = f"benchmarks/{ref(benchmark)}/items"

        def fetch(cursor: str | None, size: int) -> Page[str]:
            start = int(cursor or 0)
            page = self._client.get(f"{route}?limit={size}&offset={start}")
            return Page(page["item_ids"], _after(start, len(page["item_ids"]), page["total"]))

        return self._pages("items", fetch, page_size)

    @carried(repeatable=False)
    def evaluate(
        self,
        benchmark: str | Benchmark,
        *,
        version: str | Version | None = None,
        model: str | Model | None = None,
        name: str | None = None,
        groups: Groups | None = None,
        exclude: Sequence[Json] = (),
        preset: Preset | None = None,
    ) -> str:
        """Evaluate a version, or a model's predictions without a run, and return the id when it is done.

        Args:
            benchmark: What to evaluate against; its items without predictions count as missed.
            version: The version. Either this or `model`.
            model: The model.
            name: Name of the evaluation.
            groups: Names of labels that count as one class.
            exclude: Rules of items and rows that do not count, as in the SDK's `evaluation_v2_exclusions`.
            preset: Groups and rules to take where none are given.
        """
        _check_one(version, model)
        wanted: Json = {"model_id": ref(model)} if model is not None else {"model_run_id": ref(version)}
        wanted |= {"name": name} if name else {}
        wanted |= rollup(groups if groups is not None or preset is None else preset.groups)
        rules = list(exclude) or list(preset.exclude if preset else ())
        wanted |= {"exclusionRules": rules} if rules else {}
        evaluation = start(self._adapter, ref(benchmark), wanted)
        finished(self._adapter, evaluation)
        return evaluation

    @carried()
    def evaluations(self, *, version: str | Version | None = None, model: str | Model | None = None) -> Sequence[str]:
        """Return the ids of the evaluations of a version, or of a model's predictions without a run; newest first."""
        _check_one(version, model)
        route = f"model/{ref(model)}" if model is not None else f"modelRun/{ref(version)}"
        return [found["id"] for found in self._client.get(f"{route}/evaluationsV2")]

    @carried()
    def charts(self, evaluation: str | Evaluation, *, iou: float = CHARTS_IOU, filters: Json | None = None) -> Json:
        """Return Nucleus's figures: means, per class, confusion matrix, precision and recall, kinds of mistakes."""
        return charts(self._adapter, ref(evaluation), iou, filters)

    @carried()
    def filter_schema(self, evaluation: str | Evaluation) -> Json:
        """Return what the filters of an evaluation may name: labels on both sides, and metadata of items."""
        found: Json = self._client.get(f"evaluationsV2/{ref(evaluation)}/filterSchema")
        return found

    def matches(
        self,
        evaluation: str | Evaluation,
        *,
        kind: Literal["TP", "FP", "FN"] | None = None,
        filters: Json | None = None,
        page_size: int = MATCHES_PER_PAGE,
    ) -> Iterator[Json]:
        """Iterate over the matches of an evaluation, or over those of one kind, as Nucleus shows them."""
        wanted: Json = {"match_type": kind} if kind else {}
        wanted |= {"filters": filters} if filters else {}

        def fetch(cursor: str | None, size: int) -> Page[Json]:
            begin = int(cursor or 0)
            page = self._client.post(
                {"limit": size, "offset": begin, **wanted}, f"evaluationsV2/{ref(evaluation)}/examples"
            )
            return Page(page["rows"], _after(begin, len(page["rows"]), page["total"]))

        return self._pages("matches", fetch, min(page_size, MATCHES_PER_PAGE))

    @carried()
    def cancel(self, evaluation: str | Evaluation) -> None:
        """Stop an evaluation that has not ended."""
        self._client.make_request({}, f"evaluationsV2/{ref(evaluation)}/cancel", requests.post, True)

    @carried(repeatable=False)
    def retry(self, evaluation: str | Evaluation) -> str:
        """Evaluate anew what has failed, and return the id of the new evaluation when it is done."""
        again = str(self._client.post({}, f"evaluationsV2/{ref(evaluation)}/retry")["evaluation_id"])
        finished(self._adapter, again)
        return again

    @carried()
    def delete_evaluation(self, evaluation: str | Evaluation) -> None:
        """Delete an evaluation."""
        self._client.make_request({}, f"evaluationsV2/{ref(evaluation)}", requests.delete, True)

    @carried()
    def ranking(
        self, metric: Metric, benchmarks: Sequence[str | Benchmark], *, confidence: float | None = None
    ) -> Sequence[Json]:
        """Return the models that were evaluated against benchmarks, the best first.

        Args:
            metric: What decides.
            benchmarks: The benchmarks.
            confidence: Least confidence of predictions that count, for precision, recall and F1.
        """
        wanted: Json = {"metric_type": metric, "benchmark_ids": list(map(ref, benchmarks))}
        wanted |= {} if confidence is None else {"confidence_threshold": confidence}
        ranked: list[Json] = self._client.post(wanted, "leaderboard/ranking")
        return ranked

    @carried()
    def f1_curve(self, benchmarks: Sequence[str | Benchmark], *, models: int = 5) -> Sequence[Json]:
        """Return F1 over the least confidence, of that many of the best models."""
        wanted = {"benchmark_ids": list(map(ref, benchmarks)), "top_n": models}
        curves: list[Json] = self._client.post(wanted, "leaderboard/f1Curve")
        return curves

    @carried()
    def list(self) -> list[Benchmark]:
        """Return all benchmarks that the account sees."""
        return [_benchmark(found) for found in self._client.get("benchmarks")]


def _check_one(version: str | Version | None, model: str | Model | None) -> None:
    if (version is None) == (model is None):
        raise InvalidData("An evaluation is of a version or of a model: name one of them.")


def _sources(datasets: Sequence[Any], slices: Sequence[Any], items: Sequence[str]) -> Json:
    named = {"dataset_ids": list(map(ref, datasets)), "slice_ids": list(map(ref, slices)), "item_ids": list(items)}
    return {field: values for field, values in named.items() if values}


def _taxonomy(groups: Groups | None, class_agnostic: bool | None) -> Json:
    if groups is not None and class_agnostic is not None:
        raise InvalidData("A benchmark has groups or ignores names: give one of them.")
    return rollup(groups) | ({} if class_agnostic is None else {"class_agnostic": class_agnostic})


def _after(start: int, count: int, total: int) -> str | None:
    return str(start + count) if count and start + count < total else None


def _benchmark(wire: Json) -> Benchmark:
    return Benchmark(
        id=wire["benchmark_id"],
        name=wire["name"],
        status=wire.get("status"),
        description=wire.get("description") or "",
        metadata=wire.get("metadata") or {},
        items=wire.get("item_count"),
        parent=wire.get("parent_benchmark_id"),
        version=(wire.get("version_major") or 1, wire.get("version_minor") or 0),
        class_agnostic=bool(wire.get("class_agnostic")),
    )
