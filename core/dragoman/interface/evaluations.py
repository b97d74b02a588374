"""Evaluations: how well a version's predictions match a dataset's labels."""

from __future__ import annotations

from dragoman.interface.base import Facet, operation, ref
from dragoman.schema import Dataset, Evaluation, MatchPolicy, Version


class Evaluations(Facet, name="evaluations"):
    """Evaluate versions and compare the results.

    An adapter whose platform keeps evaluations that are computed here also writes `_keep(evaluation)`, which returns it
    with its id.
    """

    @operation(composed_of=("labels.read", "predictions.read"))
    def evaluate(
        self,
        version: str | Version,
        *,
        dataset: str | Dataset,
        split: str | None = None,
        policy: MatchPolicy | None = None,
    ) -> Evaluation:
        """Evaluate the predictions of a version against the labels of a dataset.

        Where the platform has no evaluation, labels and predictions are read from it and the core computes: COCO's
        average precisions for shapes, accuracy and its kin for classifications.

        Args:
            version: The version or its id.
            dataset: The dataset or its id.
            split: Only items of this split; all if not given.
            policy: When a prediction counts as a hit.

        Raises:
            InvalidData: There are no labels to evaluate against.
        """
        if self.supports("evaluate"):
            return self._call("evaluate", ref(version), ref(dataset), split, policy)
        made = self._composed(version, dataset, split, policy)
        keep = getattr(self, "_keep", None)
        return self._adapter.pipeline.call(self.operations["evaluate"], keep, made) if keep else made

    @operation()
    def get(self, evaluation: str | Evaluation) -> Evaluation:
        """Return an evaluation that the platform keeps."""
        return self._call("get", ref(evaluation))

    def _composed(
        self, version: str | Version, dataset: str | Dataset, split: str | None, policy: MatchPolicy | None
    ) -> Evaluation:
        from dragoman.evaluate import evaluate

        adapter = self._adapter
        keys = None
        if split is not None:
            keys = {item.key for item in adapter.datasets.read_items(dataset) if item.split == split}
        return evaluate(
            (row for row in adapter.labels.read(dataset) if keys is None or row.item in keys),
            (row for row in adapter.predictions.read(version, dataset=dataset) if keys is None or row.item in keys),
            version=ref(version),
            dataset=ref(dataset),
            policy=policy,
        )
