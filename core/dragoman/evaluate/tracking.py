"""Tracking over the frames of videos: HOTA, MOTA and IDF1, computed by TrackEval.

A track is one `track_id` of one feature on one item. Rows without a frame or a track take no part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from dragoman.errors import Unsupported
from dragoman.schema import Box, Label

Frames = dict[int, list[tuple[str, Box]]]
"""Frame to the track and box of each object on it."""
Sequences = dict[tuple[str, str], Frames]
"""(feature, item) to its frames."""
NAMES = {"HOTA": ("HOTA", "DetA", "AssA"), "CLEAR": ("MOTA", "MOTP"), "Identity": ("IDF1",)}
"""TrackEval's metric to what is taken of it. HOTA is the mean over its overlaps from 0.05 to 0.95."""


def tracks(rows: Iterable[Label]) -> Sequences:
    """Return the tracked boxes of rows by feature, item and frame."""
    found: Sequences = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.track_id is not None and row.frame is not None and isinstance(row.geometry, Box):
            found[row.feature, row.item][row.frame].append((row.track_id, row.geometry))
    return found


def evaluate_tracks(truth: Sequences, said: Sequences) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Return the metrics of tracks: their means over the features that labels have, and of each feature.

    MOTA can be below zero, where more is wrong than there is.

    Args:
        truth: The labels' tracks.
        said: The predictions' tracks; on items or features without labels they count for nothing.

    Raises:
        Unsupported: TrackEval is not installed.
    """
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError as error:
        raise Unsupported(
            "Tracking metrics need TrackEval.", hint="pip install 'dragoman[tracking]'", operation="evaluate"
        ) from error
    quiet = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
    measures = {"HOTA": HOTA({}), "CLEAR": CLEAR(quiet), "Identity": Identity(quiet)}
    per_feature = {}
    for feature in sorted({feature for feature, _ in truth}):
        items = {item: frames for (name, item), frames in truth.items() if name == feature}
        data = {item: _sequence(frames, said.get((feature, item), {})) for item, frames in items.items()}
        values: dict[str, float] = {}
        for measure, names in NAMES.items():
            found = {item: measures[measure].eval_sequence(one) for item, one in data.items()}
            joined = measures[measure].combine_sequences(found)
            values |= {name: float(np.mean(joined[name])) for name in names}
        per_feature[feature] = values
    means = {name: float(np.mean([values[name] for values in per_feature.values()])) for name in _every_name()}
    return means, per_feature


def _every_name() -> list[str]:
    return [name for names in NAMES.values() for name in names]


def _sequence(truth: Frames, said: Frames) -> dict[str, Any]:
    """Return one item's frames in the form that TrackEval reads."""
    from hotcoco import primitives

    times = sorted(truth.keys() | said.keys())
    sides: list[tuple[list[Any], dict[str, int]]] = []
    for frames in (truth, said):
        numbers: dict[str, int] = {}
        listed = [
            np.array([numbers.setdefault(track, len(numbers)) for track, _ in frames.get(time, ())], np.int64)
            for time in times
        ]
        sides.append((listed, numbers))
    (there, theirs), (found, ours) = sides
    return {
        "num_timesteps": len(times),
        "gt_ids": there,
        "tracker_ids": found,
        "num_gt_dets": sum(map(len, there)),
        "num_tracker_dets": sum(map(len, found)),
        "num_gt_ids": len(theirs),
        "num_tracker_ids": len(ours),
        "similarity_scores": [
            primitives.bbox_iou(
                _boxes(said.get(time, [])), _boxes(truth.get(time, [])), _no_crowd(truth.get(time, []))
            ).T
            for time in times
        ],
    }


def _boxes(objects: list[tuple[str, Box]]) -> Any:
    return np.array([(box.x, box.y, box.width, box.height) for _, box in objects]).reshape(-1, 4)


def _no_crowd(objects: list[tuple[str, Box]]) -> Any:
    return np.zeros(len(objects), np.bool_)
