"""Matches: which prediction hit which label, under a policy, as rows that can be read.

As in COCO, the most confident prediction chooses first, and takes the label that it overlaps most among those that are
free and that the policy lets it take. What is left over is compared once more without regard to features, so that a
right place with a wrong name is told from nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
from hotcoco import primitives

from dragoman.evaluate.columns import Columns
from dragoman.evaluate.index import Floats, Integers
from dragoman.schema import MatchPolicy

MatchStatus = Literal["true_positive", "false_positive", "false_negative", "wrong_feature", "in_crowd"]
NOBODY = -1


class Match(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One prediction and the label that it hit, or one of them alone.

    Args:
        item: Key of the item.
        status: `true_positive`; `wrong_feature`, a hit on a label of a feature that the policy does not allow;
            `false_positive`, a prediction alone; `false_negative`, a label alone; `in_crowd`, a prediction on a region
            with a crowd, which counts for nothing.
        frame: The frame, for a video.
        label: Id of the label.
        prediction: Id of the prediction.
        label_feature: Feature of the label.
        prediction_feature: Feature of the prediction.
        confidence: The prediction's.
        iou: Overlap of the two, 0 to 1.
    """

    item: str
    status: MatchStatus
    frame: int | None = None
    label: str | None = None
    prediction: str | None = None
    label_feature: str | None = None
    prediction_feature: str | None = None
    confidence: float | None = None
    iou: float | None = None


@dataclass(frozen=True)
class Matches:
    """The outcome of matching, as columns.

    Args:
        truth: The labels.
        said: The predictions.
        label_of: Place of the label that each prediction took, or `NOBODY`.
        near: Place of the label that each prediction without one lies on, of a feature that does not match and left by
            all others, or `NOBODY`.
        overlap: Intersection over union of each prediction with that label.
        ignored: Whether each prediction lies in a crowd and counts for nothing.
        missed: Whether no prediction took or lies on each label; never for a crowd.
    """

    truth: Columns
    said: Columns
    label_of: Integers
    near: Integers
    overlap: Floats
    ignored: npt.NDArray[np.bool_]
    missed: npt.NDArray[np.bool_]

    def rows(self) -> Iterator[Match]:
        """Yield a row for each prediction, then one for each label that is in none of these."""
        names, units = self.said.features.names(), self.said.units.names()
        hit = np.where(self.label_of != NOBODY, self.label_of, self.near).tolist()
        # Lists, because a number out of numpy's arrays takes many times as long.
        columns = (self.said.ids, self.said.unit.tolist(), self.said.feature.tolist(), self.said.score.tolist())
        theirs = self.truth.feature.tolist()
        for place, (row_id, unit, feature, score) in enumerate(zip(*columns, strict=True)):
            label = hit[place]
            yield Match(
                **_where(units[unit]),
                status=self._status(place),
                prediction=row_id,
                prediction_feature=names[feature],
                confidence=score,
                label=None if label == NOBODY else self.truth.ids[label],
                label_feature=None if label == NOBODY else names[theirs[label]],
                iou=None if label == NOBODY else float(self.overlap[place]),
            )
        for place in np.flatnonzero(self.missed).tolist():
            yield Match(
                **_where(units[self.truth.unit[place]]),
                status="false_negative",
                label=self.truth.ids[place],
                label_feature=names[theirs[place]],
            )

    def _status(self, place: int) -> MatchStatus:
        if self.ignored[place]:
            return "in_crowd"
        if self.label_of[place] != NOBODY:
            return "true_positive"
        return "wrong_feature" if self.near[place] != NOBODY else "false_positive"

    def confusion(self, confidence: float = 0.0) -> tuple[list[str], Integers]:
        """Return the names of the features, background last, and how often each label was taken for each.

        Args:
            confidence: Predictions below it are left out, and the labels that they took count as missed.

        Returns:
            Names, and counts of shape (names, names): a row for what is there, a column for what was said.
        """
        names = [*self.truth.features.names(), "background"]
        counts = np.zeros((len(names), len(names)), np.int64)
        sure = (self.said.score >= confidence) & ~self.ignored
        partner = np.where(self.label_of != NOBODY, self.label_of, self.near)
        there = np.where(partner != NOBODY, self.truth.feature[partner], len(names) - 1) if len(self.truth) else partner
        np.add.at(counts, (there[sure], self.said.feature[sure]), 1)
        taken = np.zeros(len(self.truth), np.bool_)
        taken[partner[sure & (partner != NOBODY)]] = True
        missed = self.truth.feature[~taken & ~self.truth.crowd]
        np.add.at(counts, (missed, np.full(len(missed), len(names) - 1)), 1)
        return names, counts


def match(truth: Columns, said: Columns, policy: MatchPolicy, regions: Any = None) -> Matches:
    """Match predictions with labels.

    Args:
        truth: The labels.
        said: The predictions; both share their numbers of images and features.
        policy: When a prediction may take a label.
        regions: For regions, the run lengths of both sides; see `columns.encoded`.
    """
    allowed = allowed_by(policy, truth.features)
    label_of, near = np.full(len(said), NOBODY), np.full(len(said), NOBODY)
    overlap, ignored = np.zeros(len(said)), np.zeros(len(said), np.bool_)
    free = ~truth.crowd
    for labels, predictions in _by_image(truth, said):
        ious = _overlaps(truth, said, labels, predictions, regions)
        fits = allowed[truth.feature[labels]][:, said.feature[predictions]].T
        pairs = _candidates(ious, said.score[predictions], policy.iou)
        fitting = fits[pairs[:, 0], pairs[:, 1]]
        crowds = truth.crowd[labels][pairs[:, 1]]
        # Labels that fit come first, and crowds take what is left over, as in COCO; labels that do not fit come last.
        for chosen, into in (
            (fitting & ~crowds, label_of),
            (fitting & crowds, near),
            (~fitting & ~crowds, near),
        ):
            for prediction, label in pairs[chosen].tolist():
                here, there = predictions[prediction], labels[label]
                crowd = truth.crowd[there]
                if (free[there] or crowd) and label_of[here] == near[here] == NOBODY:
                    into[here], overlap[here], ignored[here] = there, ious[prediction, label], crowd
                    free[there] = False
    return Matches(truth, said, label_of, near, overlap, ignored, missed=free)


def allowed_by(policy: MatchPolicy, features: dict[str, int]) -> npt.NDArray[np.bool_]:
    """Return whether a label's feature (row) may be taken by a prediction of another (column)."""
    if policy.class_agnostic:
        return np.ones((len(features), len(features)), np.bool_)
    allowed = np.eye(len(features), dtype=np.bool_)
    for label, prediction in policy.pairs:
        if label in features and prediction in features:
            allowed[features[label], features[prediction]] = True
    return allowed


def _by_image(truth: Columns, said: Columns) -> Iterator[tuple[Integers, Integers]]:
    """Yield the places of the labels and of the predictions of each image that has both."""
    labels, predictions = _grouped(truth.unit), _grouped(said.unit)
    for unit in labels.keys() & predictions.keys():
        yield labels[unit], predictions[unit]


def _grouped(units: Integers) -> dict[int, Integers]:
    order = np.argsort(units, kind="stable")
    names, starts = np.unique(units[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, starts[1:]), strict=True)) if len(units) else {}


def _overlaps(truth: Columns, said: Columns, labels: Integers, predictions: Integers, regions: Any) -> Floats:
    """Return the overlap of each prediction with each label, shape (predictions, labels)."""
    crowd = truth.crowd[labels]
    if regions is None:
        return primitives.bbox_iou(said.boxes[predictions], truth.boxes[labels], crowd)
    return primitives.mask_iou([regions[1][n] for n in predictions], [regions[0][n] for n in labels], crowd)


def _candidates(ious: Floats, scores: Floats, least: float) -> Integers:
    """Return the pairs that overlap enough, the most confident prediction first and of it the largest overlap first."""
    prediction, label = np.nonzero(ious >= max(least, np.finfo(np.float64).tiny))
    order = np.lexsort((-ious[prediction, label], prediction, -scores[prediction]))
    return np.column_stack((prediction[order], label[order]))


def _where(unit: Any) -> dict[str, Any]:
    return {"item": unit} if isinstance(unit, str) else {"item": unit[0], "frame": unit[1]}
