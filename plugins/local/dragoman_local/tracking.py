"""Which boxes of a video are one object: ByteTrack (Zhang et al. 2022) of the library `trackers`, one for each feature.

`trackers` asks for opencv-python, which overwrites opencv-python-headless, so it is an extra.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dragoman.errors import Unsupported
from dragoman.schema import derive_id

SURE = 0.5
"""A box with a lower score goes on with a track that others do not claim, but begins none before them."""


def require_tracker() -> None:
    """Raise `Unsupported` when the library is not installed."""
    if find_spec("trackers") is None:
        raise Unsupported(
            "Objects cannot be tracked: the library trackers is not installed.",
            hint="Install dragoman-local[track], or predict with track=False.",
        )


class VideoTracker:
    """Gives ids to the objects of one video; its frames come in order.

    Args:
        identity: What sets the ids of this call apart from others: such as version, item and first frame. An object
            of another call is another object.
        confidence: Least score of a box that begins a track.
        frame_rate: Frames per second; 30 if not known.
    """

    def __init__(self, identity: Sequence[str | int], confidence: float, frame_rate: float | None) -> None:
        self._identity = identity
        self._confidence = confidence
        self._frame_rate = frame_rate or 30.0
        self._of_feature: dict[int, Any] = {}

    def track(
        self, boxes: NDArray[np.float64], scores: NDArray[np.float64], classes: NDArray[np.int64]
    ) -> list[str | None]:
        """Return the track of each box of the next frame; None where an object is seen for the first time.

        Args:
            boxes: xyxy `[n, 4]` in pixels.
            scores: `[n]`.
            classes: `[n]`.
        """
        found: list[str | None] = [None] * len(boxes)
        # A feature that was seen before needs to know that it is not seen now.
        for feature in sorted({*self._of_feature, *classes.tolist()}):
            rows = np.flatnonzero(classes == feature)
            for row, number in zip(rows, self._numbers(feature, boxes[rows], scores[rows]), strict=True):
                found[row] = derive_id("local", *self._identity, feature, number) if number >= 0 else None
        return found

    def _numbers(self, feature: int, boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> list[int]:
        """The tracker's number of each box, -1 where it gives none. It may change the order of the boxes."""
        import supervision

        tracker = self._of_feature.get(feature)
        if tracker is None:
            tracker = self._of_feature[feature] = self._new()
        detections = supervision.Detections(xyxy=boxes, confidence=scores, data={"row": np.arange(len(boxes))})
        tracked = tracker.update(detections)
        numbers = [-1] * len(boxes)
        for row, number in zip(tracked.data.get("row", ()), tracked.tracker_id, strict=True):
            numbers[int(row)] = int(number)
        return numbers

    def _new(self) -> Any:
        from trackers import ByteTrackTracker

        return ByteTrackTracker(
            frame_rate=self._frame_rate,
            track_activation_threshold=self._confidence,
            high_conf_det_threshold=max(SURE, self._confidence),
            minimum_consecutive_frames=1,
        )
