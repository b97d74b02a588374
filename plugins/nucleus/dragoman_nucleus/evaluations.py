"""Evaluations on Nucleus: its own matching of a run's predictions with a dataset's labels, and its own metrics.

Nucleus evaluates against benchmarks, which are fixed sets of labelled items: each evaluation makes one of the dataset's
items as they are now, and it stays, so that `evaluations.get` finds it. Items without labels are in no benchmark, so
predictions on them count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from requests import RequestException

from dragoman.errors import InvalidData
from dragoman.evaluate import evaluate
from dragoman.interface import Evaluations
from dragoman.schema import Evaluation, MatchPolicy, Task, Version
from dragoman_nucleus.codec import OURS, parted
from dragoman_nucleus.evaluating import (
    CHARTS_IOU,
    Groups,
    charts,
    finished,
    label_schema,
    make_benchmark,
    rollup,
    start,
)
from dragoman_nucleus.labels import Annotations
from dragoman_nucleus.listing import every_item
from dragoman_nucleus.sdk import NucleusAPIError
from dragoman_nucleus.wire import Json


class NucleusEvaluations(Evaluations):
    """Evaluations of runs through commit, benchmarks and charts.

    What Nucleus does not measure is evaluated by the core, and not kept: classifications, labels some of which are
    masks, and pairs of a policy that match in one direction only. A model of object detection is measured by Nucleus
    against the labels that are no masks, if there are any.
    """

    _adapter: Any

    def _evaluate(self, version: str, dataset: str, split: str | None, policy: MatchPolicy | None) -> Evaluation:
        run = self._adapter.versions._get(version)
        task = self._adapter.models._get(run.model).task
        if task is Task.CLASSIFICATION or (task is not Task.OBJECT_DETECTION and self._has_masks(dataset, split)):
            return self._by_the_core(version, dataset, split, policy)
        policy = policy or MatchPolicy()
        truth, said = label_schema(self._adapter, dataset)
        if not truth:
            raise InvalidData(f"Dataset {dataset} has no labels to evaluate against.")
        groups = grouped(policy, truth, said)
        if groups is None:
            return self._by_the_core(version, dataset, split, policy)
        self._adapter.client.make_request(matching(policy, truth & said), f"modelRun/{version}/commit")
        benchmark = make_benchmark(self._adapter, self._benchmark(run, dataset, split, policy))
        wanted = {"model_run_id": version, "name": run.name or version, **(rollup(groups) if policy.pairs else {})}
        try:
            found = self._get(start(self._adapter, benchmark, wanted))
        except Exception:
            # What is tried again makes a benchmark of its own.
            self._discard(benchmark)
            raise
        if found.labels:
            return found
        # All its items have labels, but none that Nucleus measures: masks, say. Its figures are those of nothing.
        self._discard(benchmark)
        return self._by_the_core(version, dataset, split, policy)

    def _discard(self, benchmark: str) -> None:
        with suppress(NucleusAPIError, RequestException):
            self._adapter.client.delete_benchmark(benchmark)

    def _benchmark(self, run: Version, dataset: str, split: str | None, policy: MatchPolicy) -> Json:
        """Return what a benchmark for one evaluation is made of."""
        kept = {"dataset": dataset, "iou": policy.iou} | ({"split": split} if split else {})
        wanted: Json = {
            "name": f"{run.name or run.id} on {dataset}",
            "metadata": {OURS + name: value for name, value in kept.items()},
        }
        if policy.class_agnostic:
            wanted["class_agnostic"] = True
        if split is None:
            return wanted | {"dataset_id": dataset}
        items = [item.id for item in every_item(self._adapter.client, dataset) if item.split == split]
        if not items:
            raise InvalidData(f"No item of dataset {dataset} is in the split {split!r}.", field="split")
        return wanted | {"item_ids": items}

    def _get(self, evaluation: str) -> Evaluation:
        found = finished(self._adapter, evaluation)
        benchmark = self._adapter.client.get(f"benchmarks/{found['benchmark_id']}")
        _, ours = parted(benchmark.get("metadata") or {})
        iou = ours.get("iou", CHARTS_IOU)
        figures = charts(self._adapter, evaluation, iou)
        return Evaluation(
            id=evaluation,
            version=found.get("model_run_id") or found["model_id"],
            dataset=ours.get("dataset") or found["benchmark_id"],
            **measured(figures, iou),
        )

    def _has_masks(self, dataset: str, split: str | None) -> bool:
        """Say whether masks are among the labels, which Nucleus would leave out of its figures without a word."""
        keys = self._keys(dataset, split)
        labels = Annotations(self._adapter, dataset).everything()
        return any(groups.masks() and (keys is None or key in keys) for key, groups in labels)

    def _keys(self, dataset: str, split: str | None) -> set[str] | None:
        """Return the keys of the items of a split, None if all are meant."""
        if split is None:
            return None
        return {item.key for item in every_item(self._adapter.client, dataset) if item.split == split}

    def _by_the_core(self, version: str, dataset: str, split: str | None, policy: MatchPolicy | None) -> Evaluation:
        """Evaluate classifications, and policies that Nucleus cannot follow, from what is read."""
        adapter, keys = self._adapter, self._keys(dataset, split)

        def within(rows: Iterable[Any]) -> Iterable[Any]:
            return (row for row in rows if keys is None or row.item in keys)

        labels, predictions = adapter.labels.read(dataset), adapter.predictions.read(version, dataset=dataset)
        return evaluate(within(labels), within(predictions), version=version, dataset=dataset, policy=policy)


def matching(policy: MatchPolicy, common: set[str]) -> Json:
    """Return a policy as the body of a commit. A list of pairs means that only these match, so equal names are in it.

    Args:
        policy: The policy.
        common: Names that both labels and predictions use.
    """
    if not policy.pairs:
        return {"class_agnostic": policy.class_agnostic}
    pairs = dict.fromkeys([*((name, name) for name in sorted(common)), *policy.pairs])
    return {
        "class_agnostic": False,
        "allowed_label_matches": [
            {"ground_truth_label": label, "model_prediction_label": prediction} for label, prediction in pairs
        ],
    }


def grouped(policy: MatchPolicy, truth: set[str], said: set[str]) -> Groups | None:
    """Return the pairs of a policy as groups of names that count as one, which is how Nucleus's metrics take them.

    Args:
        policy: The policy.
        truth: Names that labels use.
        said: Names that predictions use.

    Returns:
        None if within a group a label and a prediction would match that no pair allows.
    """
    groups = _joined([{name} for name in sorted(truth | said)], policy.pairs)
    allowed = {*policy.pairs, *((name, name) for name in truth)}
    for group in groups:
        if not {(label, prediction) for label in group & truth for prediction in group & said} <= allowed:
            return None
    return {min(group & truth or group): sorted(group) for group in groups}


def _joined(groups: list[set[str]], pairs: Iterable[tuple[str, str]]) -> list[set[str]]:
    for pair in pairs:
        touched = [group for group in groups if group.intersection(pair)]
        groups = [group for group in groups if group not in touched] + [set(pair).union(*touched)]
    return groups


def measured(figures: Json, iou: float) -> dict[str, Any]:
    """Return the metrics, the metrics per feature and the counts of the charts at an overlap.

    Names are those of `dragoman.evaluate`, where it has the metric. What a feature has is for that overlap: `AP50`.
    """
    means, sizes, counts = figures["mapSummary"], figures["apBySize"], figures["totalCounts"]
    hits, wrong, missed = counts["tp"], counts["fp"], counts["fn"]
    metrics = {
        "mAP": means.get("mapAt5095"),
        "mAP50": means.get("mapAt50"),
        "mAP75": means.get("mapAt75"),
        **{f"mAP_{size}": sizes.get(size) for size in ("small", "medium", "large")},
        "precision": hits / (hits + wrong) if hits + wrong else None,
        "recall": hits / (hits + missed) if hits + missed else None,
    }
    return {
        "metrics": {name: value for name, value in metrics.items() if value is not None},
        "per_feature": {entry["classLabel"]: {f"AP{round(iou * 100)}": entry["ap"]} for entry in figures["perClassAp"]},
        "labels": hits + missed,
        "predictions": hits + wrong,
    }
