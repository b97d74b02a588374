"""Classification metrics: accuracy, overall and per feature."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.schema import Label, Prediction


def evaluate_classes(
    labels: Sequence[Label], predictions: Sequence[Prediction]
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return the share of labels that the most confident prediction on their item agrees with.

    An item without a prediction counts as wrong. Per feature it is the recall of that feature.
    """
    best: dict[str, Prediction] = {}
    for prediction in predictions:
        rival = best.get(prediction.item)
        if rival is None or (prediction.confidence or 0.0) > (rival.confidence or 0.0):
            best[prediction.item] = prediction
    hits: dict[str, list[bool]] = {}
    for label in labels:
        said = best.get(label.item)
        hits.setdefault(label.feature, []).append(said is not None and said.feature == label.feature)
    right = sum(map(sum, hits.values()))
    per_feature = {feature: {"recall": sum(found) / len(found)} for feature, found in sorted(hits.items())}
    return {"accuracy": right / len(labels)}, per_feature
