"""A study: everything that can be said of one version's predictions, from one pass over the rows."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hotcoco import metrics as measures

from dragoman.errors import InvalidData, Unsupported
from dragoman.evaluate.classification import Classification, classify
from dragoman.evaluate.columns import Columns
from dragoman.evaluate.curves import Curve, curves, overall
from dragoman.evaluate.detection import Detection
from dragoman.evaluate.index import Index
from dragoman.evaluate.matching import NOBODY, Matches, match
from dragoman.evaluate.sources import Source, kind_of, rows_of
from dragoman.evaluate.tracking import Tracks, evaluate_tracks
from dragoman.schema import Evaluation, Label, MatchPolicy, Prediction

Slices = Mapping[str, Collection[str]]
"""Name of a slice to the keys of its items."""
Sizes = Mapping[str, tuple[int, int]]
"""Key of an item to its width and height in pixels."""
KINDS = {"box": "box", "mask": "region", "polygon": "region", "whole": "whole"}
"""Kind of a label's geometry to what is evaluated."""


@dataclass(frozen=True)
class Study:
    """What an evaluation found.

    Args:
        evaluation: The metrics, overall and per feature.
        confusion: Names, the last for nothing, and counts: a row for what is there, a column for what was said.
        reliability: Bins of the confidence: how many predictions, how sure they are and how right.
        slices: Slice to metrics.
        curves: Feature to its curve, for shapes; see `dragoman.evaluate.curves.Curve`.
        matches: Which prediction hit which label, for shapes; see `dragoman.evaluate.matching.Matches`.
        detection: COCO's evaluation, for shapes.
        classification: The classes of items, for classifications.
        left_out: How many rows were on other items than the chosen ones.
    """

    evaluation: Evaluation
    confusion: tuple[list[str], Any]
    reliability: list[dict[str, Any]]
    slices: dict[str, dict[str, float]] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    matches: Matches | None = None
    detection: Detection | None = None
    classification: Classification | None = None
    left_out: int = 0


def study(
    labels: Iterable[Label],
    predictions: Iterable[Prediction],
    *,
    version: str,
    dataset: str,
    policy: MatchPolicy | None = None,
    slices: Slices | None = None,
    items: Container[str] | None = None,
    tracking: bool = False,
    sizes: Sizes | None = None,
) -> Study:
    """Evaluate predictions against labels, with curves, confusions and matches.

    Boxes, and masks and polygons, are evaluated as COCO does; classifications by their most confident prediction. The
    kind of the labels decides, and predictions of other kinds are counted and left out. Items without labels count:
    what is predicted on them is wrong. Predictions of features that no label has count for nothing in COCO's averages,
    and are mistakes in the confusions. A row whose metadata say that COCO calls it a crowd is nobody's to find.

    Args:
        labels: Ground truth, all of one kind; streamed.
        predictions: What a version said about the same items; streamed.
        version: Id of the version, for the result.
        dataset: Id of the dataset, for the result.
        policy: When a prediction hits a label, for curves, confusions and matches. COCO's averages have a policy of
            their own.
        slices: Name of a slice to the keys of its items.
        items: Keys of the items that are evaluated, all if not given; rows on others are counted and left out.
        tracking: Whether tracks over the frames of videos are measured, too.
        sizes: Key of an item to its width and height, at which polygons are cut off; see `evaluate`.

    Raises:
        InvalidData: There are no labels, they are of several kinds, or of a kind that cannot be evaluated; an id
            occurs twice; all predictions are of another kind than the labels; or tracks are to be measured and labels
            have none, or one is on a frame twice.
        Unsupported: Classifications were given a policy, or TrackEval is needed and not installed.
    """
    tracks = (Tracks(), Tracks()) if tracking else (None, None)
    truth, said = Source(labels, items, tracks[0], sizes), Source(predictions, items, tracks[1])
    rows = gather(truth, said)
    if isinstance(rows, Classification):
        if policy is not None:
            raise Unsupported("Classifications have no match policy.", hint="Leave it out.")
        found = _classified(rows, version, dataset, slices or {})
    else:
        found = _detected(*rows, version, dataset, policy or MatchPolicy(), slices or {})
    if tracking:
        found = _tracked(found, *tracks)
    return replace(found, left_out=truth.left_out + said.left_out)


def gather(truth: Source, said: Source) -> tuple[Columns, Columns] | Classification:
    """Read both sides once and return them as columns, or as classes where the labels are classifications."""
    units, features = Index(), Index()
    first, pieces = kind_of(truth.pieces(units, features))
    kind = KINDS.get(first) if first else None
    if kind is None:
        raise _unfit({first} if first else set())
    if kind == "whole":
        return _gather_classes(rows_of(pieces), said)
    sizes = truth.sizes() if kind == "region" else {}
    labels, predictions = Columns(kind, units, features, sizes), Columns(kind, units, features, sizes)
    labels.add(pieces)
    _check(labels.kinds)
    predictions.add(said.pieces(units, features))
    _check_said(labels.kinds, predictions.kinds)
    return labels, predictions


def _gather_classes(labels: Iterable[Label], said: Source) -> Classification:
    there, predicted = set[str](), set[str]()
    found = classify(_watched(labels, there), _watched(said, predicted))
    _check(there)
    _check_said(there, predicted)
    return found


def figures(truth: Columns, said: Columns, version: str, dataset: str) -> tuple[Evaluation, Detection]:
    """Return COCO's metrics of shapes, and the evaluation that they come from."""
    detection = Detection(truth, said)
    evaluation = Evaluation(
        version=version,
        dataset=dataset,
        metrics=detection.metrics(),
        per_feature=detection.per_feature(),
        labels=len(truth),
        predictions=len(said),
        skipped=said.skipped,
    )
    return evaluation, detection


def _detected(truth: Columns, said: Columns, version: str, dataset: str, policy: MatchPolicy, slices: Slices) -> Study:
    evaluation, detection = figures(truth, said, version, dataset)
    matches = match(truth, said, policy, detection.regions)
    drawn = curves(matches)
    best = {feature: {"F1": curve.best_f1, "confidence": curve.best_confidence} for feature, curve in drawn.items()}
    metrics = evaluation.metrics | overall(matches)
    # A feature that is only in crowds has neither averages nor a curve.
    per_feature = {feature: values | best.get(feature, {}) for feature, values in evaluation.per_feature.items()}
    hits, counted = matches.label_of != NOBODY, ~matches.ignored
    return Study(
        evaluation.model_copy(update={"metrics": metrics, "per_feature": per_feature}),
        confusion=matches.confusion(),
        reliability=measures.calibration_curve(said.score[counted], hits[counted]),
        slices=detection.sliced(slices) if slices else {},
        curves=drawn,
        matches=matches,
        detection=detection,
    )


def _tracked(found: Study, truth: Tracks, said: Tracks) -> Study:
    metrics, per_feature = evaluate_tracks(truth, said)
    evaluation = found.evaluation
    joined = {feature: values | per_feature.get(feature, {}) for feature, values in evaluation.per_feature.items()}
    update = {"metrics": evaluation.metrics | metrics, "per_feature": joined}
    return replace(found, evaluation=evaluation.model_copy(update=update))


def _classified(found: Classification, version: str, dataset: str, slices: Slices) -> Study:
    parts = {name: found.within(set(keys)) for name, keys in slices.items()}
    return Study(
        class_figures(found, version, dataset),
        confusion=found.confusion(),
        reliability=found.reliability(),
        slices={name: part.metrics() for name, part in parts.items() if len(part.there)},
        classification=found,
    )


def class_figures(found: Classification, version: str, dataset: str) -> Evaluation:
    """Return the metrics of classifications."""
    return Evaluation(
        version=version,
        dataset=dataset,
        metrics=found.metrics(),
        per_feature=found.per_feature(),
        labels=len(found.there),
        predictions=found.predictions,
        skipped=found.skipped,
    )


def _watched(labels: Iterable[Label], kinds: set[str]) -> Iterator[Label]:
    for label in labels:
        kinds.add(label.geometry.kind)
        yield label


def _check(kinds: set[str]) -> None:
    if len({KINDS.get(kind) for kind in kinds}) != 1:
        raise _unfit(kinds)


def _check_said(labels: set[str], predictions: set[str]) -> None:
    """Raise where there are predictions and all are of another kind: their figures would be zeros that say nothing."""
    if predictions and {KINDS[kind] for kind in labels}.isdisjoint(map(KINDS.get, predictions)):
        there, said = (", ".join(sorted(kinds)) for kinds in (labels, predictions))
        raise InvalidData(
            f"No prediction ({said}) is of the kind of the labels ({there}).",
            hint="Evaluate labels of their kind; COCO's are boxes to a reader with shape=box (--set coco.shape=box).",
            field="geometry",
        )


def _unfit(kinds: set[str]) -> InvalidData:
    return InvalidData(
        "Labels must be all boxes, all masks and polygons, or all classifications to be evaluated; "
        f"there are: {', '.join(sorted(kinds)) or 'none'}."
    )
