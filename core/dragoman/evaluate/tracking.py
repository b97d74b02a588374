"""Tracking over the frames of videos: HOTA, MOTA and IDF1, computed by TrackEval.

A track is one `track_id` of one feature on one item. Rows without a frame or a track take no part. A label that COCO
calls a crowd is nobody's to find: it is no track, and predictions of its feature that lie in it, and on no label,
count for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np

from dragoman.errors import InvalidData, Unsupported
from dragoman.evaluate.facts import facts_of
from dragoman.evaluate.index import Floats, Index, Integers
from dragoman.schema import Box, Label, Prediction

Frames = dict[int, dict[str, Box]]
"""Frame to the box of each track on it."""
Sequences = dict[tuple[str, str], Frames]
"""(feature, item) to its frames."""
COVERED = 0.5
"""Share of a prediction that a crowd covers, or overlap with a label, from which it belongs there."""
NAMES = {"HOTA": ("HOTA", "DetA", "AssA"), "CLEAR": ("MOTA", "MOTP"), "Identity": ("IDF1",)}
"""TrackEval's metric to what is taken of it. HOTA is the mean over its overlaps from 0.05 to 0.95."""
METRICS = tuple(name for names in NAMES.values() for name in names)
"""The metrics of tracks, overall and of each feature."""


class Tracks:
    """The tracked boxes of rows.

    Args:
        rows: The rows, unless they are watched later.

    Raises:
        InvalidData: A track is on a frame twice.
    """

    def __init__(self, rows: Iterable[Label] = ()) -> None:
        self.sequences: Sequences = {}
        self.crowds: Sequences = {}
        """The same for crowds, each under its row's id."""
        for row in rows:
            self._add(row)

    def watch(self, rows: Iterable[Label]) -> Iterator[Label]:
        """Yield rows, and note their tracks."""
        for row in rows:
            self._add(row)
            yield row

    def _add(self, row: Label) -> None:
        if row.frame is None or not isinstance(row.geometry, Box):
            return
        if row.metadata and not isinstance(row, Prediction) and facts_of(row.metadata)[0]:
            self.crowds.setdefault((row.feature, row.item), {}).setdefault(row.frame, {})[row.id] = row.geometry
            return
        if row.track_id is None:
            return
        boxes = self.sequences.setdefault((row.feature, row.item), {}).setdefault(row.frame, {})
        if boxes.setdefault(row.track_id, row.geometry) is not row.geometry:
            raise InvalidData(
                f"The track {row.track_id!r} has two boxes on frame {row.frame} of {row.item!r}.", field="track_id"
            )


def evaluate_tracks(truth: Tracks, said: Tracks) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return the metrics of tracks: their means over the features that labels have, and of each feature.

    MOTA can be below zero, where more is wrong than there is.

    Args:
        truth: The labels' tracks.
        said: The predictions' tracks. On an item with a labelled track of any feature they are wrong where no label
            is; on other items, and of features that no labelled track has, they count for nothing.

    Raises:
        InvalidData: No label has a track.
        Unsupported: TrackEval is not installed.
    """
    if not truth.sequences:
        raise InvalidData("No label is a box with a track on a frame.", field="track_id")
    measures = _measures()
    features, items = (sorted(set(names)) for names in zip(*truth.sequences, strict=True))
    per_feature = {}
    for feature in features:
        pairs = {item: _pair((feature, item), truth, said) for item in items}
        data = {item: _sequence(*pair) for item, pair in pairs.items() if any(pair)}
        values: dict[str, float] = {}
        for measure, names in NAMES.items():
            found = {item: measures[measure].eval_sequence(one) for item, one in data.items()}
            joined = measures[measure].combine_sequences(found)
            values |= {name: float(np.mean(joined[name])) for name in names}
        per_feature[feature] = values
    means = {name: float(np.mean([values[name] for values in per_feature.values()])) for name in METRICS}
    return means, per_feature


def _measures() -> dict[str, Any]:
    try:
        # While it is imported it prints which data sets it cannot read, which nobody asked for.
        with redirect_stdout(StringIO()):
            from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError as error:
        raise Unsupported(
            "Tracking metrics need TrackEval.", hint="pip install 'dragoman[tracking]'", operation="evaluate"
        ) from error
    quiet = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
    return {"HOTA": HOTA({}), "CLEAR": CLEAR(quiet), "Identity": Identity(quiet)}


def _pair(place: tuple[str, str], truth: Tracks, said: Tracks) -> tuple[Frames, Frames]:
    """Return the labels and the predictions of a feature on an item that are compared."""
    there, found = truth.sequences.get(place, {}), said.sequences.get(place, {})
    crowds = truth.crowds.get(place, {})
    return there, {time: _outside(boxes, there.get(time, {}), crowds.get(time, {})) for time, boxes in found.items()}


def _outside(boxes: dict[str, Box], labels: dict[str, Box], crowds: dict[str, Box]) -> dict[str, Box]:
    """Return the boxes of a frame that lie on a label or in no crowd."""
    from hotcoco import primitives

    if not crowds:
        return boxes
    inside = primitives.bbox_iou(_flat(boxes), _flat(crowds), [True] * len(crowds)).max(axis=1) >= COVERED
    if labels:
        inside &= primitives.bbox_iou(_flat(boxes), _flat(labels), [False] * len(labels)).max(axis=1) < COVERED
    return {track: box for (track, box), ignored in zip(boxes.items(), inside.tolist(), strict=True) if not ignored}


def _sequence(truth: Frames, said: Frames) -> dict[str, Any]:
    """Return one item's frames in the form that TrackEval reads."""
    from hotcoco import primitives

    times = sorted(truth.keys() | said.keys())
    theirs, ours = _numbered(truth, times), _numbered(said, times)
    return {
        "num_timesteps": len(times),
        "gt_ids": theirs,
        "tracker_ids": ours,
        "num_gt_dets": sum(map(len, theirs)),
        "num_tracker_dets": sum(map(len, ours)),
        "num_gt_ids": len({track for boxes in truth.values() for track in boxes}),
        "num_tracker_ids": len({track for boxes in said.values() for track in boxes}),
        "similarity_scores": [
            primitives.bbox_iou(_flat(said.get(time, {})), _flat(truth.get(time, {})), [False] * len(one)).T
            for time, one in zip(times, theirs, strict=True)
        ],
    }


def _numbered(frames: Frames, times: Sequence[int]) -> list[Integers]:
    """Return the tracks of each frame by number, from zero."""
    numbers = Index()
    return [np.array([numbers[track] for track in frames.get(time, {})], np.int64) for time in times]


def _flat(boxes: dict[str, Box]) -> Floats:
    return np.array([(box.x, box.y, box.width, box.height) for box in boxes.values()]).reshape(-1, 4)
