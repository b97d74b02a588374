"""Evaluations of Synapse's versions. The platform stores no predictions: they are made anew, and the core computes."""

from __future__ import annotations

from typing import Any

from dragoman.capability import Gap
from dragoman.interface import Evaluations
from dragoman.schema import Evaluation, MatchPolicy
from dragoman_synapse.entries import version_in
from dragoman_synapse.truth_rows import item_in


class SynapseEvaluations(Evaluations):
    """The deployed version predicts over the dataset's items, and the core compares with its labels."""

    _adapter: Any

    def _evaluate(self, version: str, dataset: str, split: str | None, policy: MatchPolicy | None) -> Evaluation:
        from dragoman.evaluate import evaluate

        adapter = self._adapter
        version_in(adapter.entries.get(version))
        adapter.datasets.check(dataset)
        keys = None
        if split is not None:
            keys = {key for wire, key in adapter.datasets.walk(dataset) if wire.get("category") == split}
        items = (item_in(wire, key) for wire, key in adapter.datasets.walk(dataset) if keys is None or key in keys)
        return evaluate(
            (label for label in adapter.labels.stream(dataset) if keys is None or label.item in keys),
            adapter.inference._predict(version, items, 0.0, 0.5),
            version=version,
            dataset=dataset,
        )

    _get = Gap.impossible("Synapse keeps no evaluations; metrics stand with the versions.", instead="versions.get")
