"""Neutral evaluation: canonical labels and predictions in, metrics out, whatever platform they came from."""

from __future__ import annotations

from collections.abc import Iterable

from dragoman.errors import InvalidData
from dragoman.schema import Evaluation, Label, Prediction


def evaluate(labels: Iterable[Label], predictions: Iterable[Prediction], *, version: str, dataset: str) -> Evaluation:
    """Evaluate predictions against labels.

    Boxes are evaluated as COCO does, classifications by accuracy; the kind of the labels decides.

    Args:
        labels: Ground truth, all of one kind.
        predictions: What a version said about the same items.
        version: Id of the version, for the result.
        dataset: Id of the dataset, for the result.

    Raises:
        InvalidData: There are no labels, they are of several kinds, or of a kind that cannot be evaluated.
    """
    truth, said = list(labels), list(predictions)
    kinds = {label.geometry.kind for label in truth}
    if kinds == {"box"}:
        from dragoman.evaluate.detection import evaluate_boxes as measure
    elif kinds == {"whole"}:
        from dragoman.evaluate.classification import evaluate_classes as measure
    else:
        found = ", ".join(sorted(kinds)) or "none"
        raise InvalidData(f"Labels must be all boxes or all classifications to be evaluated; there are: {found}.")
    metrics, per_feature = measure(truth, said)
    return Evaluation(
        version=version,
        dataset=dataset,
        metrics=metrics,
        per_feature=per_feature,
        labels=len(truth),
        predictions=len(said),
    )
