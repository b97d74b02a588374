"""Versions against ground truth, and against each other. The metrics are those that were stored with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from dragoman.schema import Version
from dragoman.schema.base import Control
from dragoman_synapse.extension import Extension


class Analysis(Control):
    """A version and the ground truth that it is held against.

    Args:
        version: The version, with its metrics.
        dataset: The dataset, or a version of it.
        items: How many items it has.
        labels: How many labels.
        features: Feature to how many labels.
        geometries: Kind of geometry to how many labels.
        splits: Part of the dataset to how many items; those of no part under the empty name.
    """

    version: Version
    dataset: str
    items: int
    labels: int
    features: dict[str, int]
    geometries: dict[str, int]
    splits: dict[str, int]


class Ranked(Control):
    """A version in a comparison; `value` is None where it has no such metric."""

    version: Version
    value: float | None


class Performance(Extension):
    """Analyse and compare."""

    name = "performance"

    def analyse(self, version: str, *, dataset: str) -> Analysis:
        """Return a version's metrics beside what the ground truth of a dataset consists of.

        Raises:
            NotFound: There is no such version or dataset.
        """
        found = self._adapter.versions.get(version)
        splits: Counter[str] = Counter(item.split or "" for item in self._adapter.datasets.read_items(dataset))
        features: Counter[str] = Counter()
        geometries: Counter[str] = Counter()
        for label in self._adapter.labels.read(dataset):
            features[label.feature] += 1
            geometries[label.geometry.kind] += 1
        return Analysis(
            version=found,
            dataset=dataset,
            items=splits.total(),
            labels=features.total(),
            features=dict(features),
            geometries=dict(geometries),
            splits=dict(splits),
        )

    def compare(
        self, versions: Iterable[str], *, metric: str = "accuracy", less_is_better: bool = False
    ) -> list[Ranked]:
        """Return versions ranked by a metric, the best first; those without it come last.

        Raises:
            NotFound: There is no such version.
        """
        found = [self._adapter.versions.get(version) for version in versions]
        ranked = [Ranked(version=version, value=version.metrics.get(metric)) for version in found]
        sign = 1 if less_is_better else -1
        return sorted(ranked, key=lambda one: (one.value is None, sign * (one.value or 0.0)))
