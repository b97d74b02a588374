"""Detection metrics as COCO defines them, computed by hotcoco."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hotcoco import COCO, COCOeval

from dragoman.schema import Box, Label, Prediction

METRICS = ("mAP", "mAP50", "mAP75", "mAP_small", "mAP_medium", "mAP_large")
"""The first six of COCO's summary, in its order: https://cocodataset.org/#detection-eval."""


def evaluate_boxes(
    labels: Sequence[Label], predictions: Sequence[Prediction]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return COCO's average precisions, overall and per feature.

    A size class without labels has no value and is left out. Predictions of features that no label has count for
    nothing, as in COCO. A prediction without confidence counts as certain.

    Args:
        labels: Boxes, at least one.
        predictions: Boxes; other kinds are not evaluated.

    Returns:
        Metric name to value between 0 and 1, and the same by feature (`AP` at IoU 0.5 to 0.95, `AP50`).
    """
    boxes = [prediction for prediction in predictions if isinstance(prediction.geometry, Box)]
    features = sorted({label.feature for label in labels})
    items = {key: number for number, key in enumerate(dict.fromkeys(row.item for row in (*labels, *boxes)), start=1)}
    categories = {feature: number for number, feature in enumerate(features, start=1)}
    known = [box for box in boxes if box.feature in categories]

    truth = COCO.from_arrays(
        [{"id": number, "width": 1, "height": 1} for number in items.values()],
        [{"id": number, "name": feature} for feature, number in categories.items()],
        np.array([items[label.item] for label in labels]),
        np.array([categories[label.feature] for label in labels]),
        _coordinates(labels),
    )
    if not known:
        nothing = dict.fromkeys(METRICS[:3], 0.0)
        return nothing, {feature: {"AP": 0.0, "AP50": 0.0} for feature in features}
    scores = [1.0 if box.confidence is None else box.confidence for box in known]
    results = np.column_stack(
        [[items[box.item] for box in known], _coordinates(known), scores, [categories[box.feature] for box in known]]
    )
    evaluation = COCOeval(truth, truth.load_res(results), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summary_lines()  # fills `stats`; summarize() would print
    metrics = {name: float(value) for name, value in zip(METRICS, evaluation.stats, strict=False) if value >= 0}
    return metrics, _per_feature(evaluation, features)


def _coordinates(rows: Sequence[Label]) -> np.ndarray:
    """Return the boxes as an array of shape (rows, 4): x, y, width, height."""
    boxes = [row.geometry for row in rows if isinstance(row.geometry, Box)]
    return np.array([(box.x, box.y, box.width, box.height) for box in boxes])


def _per_feature(evaluation: COCOeval, features: Sequence[str]) -> dict[str, dict[str, float]]:
    # precision has the axes IoU threshold, recall, category, area range, most detections; -1 where there is nothing.
    assert evaluation.eval is not None
    precision = np.asarray(evaluation.eval["precision"])[:, :, :, 0, -1]
    result = {}
    for position, feature in enumerate(features):
        values = precision[:, :, position]
        result[feature] = {"AP": float(values[values > -1].mean()), "AP50": float(values[0][values[0] > -1].mean())}
    return result
