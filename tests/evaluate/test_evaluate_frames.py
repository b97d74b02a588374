"""Rows of videos are compared frame by frame, wherever a platform keeps keyframes or spans."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import Box, Label, Mask, Prediction, Whole
from dragoman.evaluate import evaluate
from dragoman.evaluate.frames import on_frames


def key(frame: int | None, x: float, span: tuple[int, int] | None = (0, 4), **more: Any) -> Label:
    """A keyframe of one car."""
    return Label("v", "car", Box(x, 0, 10, 10), id=f"at {frame}", frame=frame, span=span, track_id="1", **more)


def drawn(*rows: Label) -> list[tuple[int | None, float]]:
    """The frames that rows are on, and where their boxes are."""
    return [(row.frame, row.geometry.x) for row in on_frames(rows)]  # type: ignore[union-attr]


def test_rows_on_an_item_or_a_frame_are_as_they_were() -> None:
    rows = [Label("a", "car", Whole()), key(3, 1, span=None)]

    assert list(on_frames(rows)) == rows


def test_a_row_over_a_span_is_on_each_of_its_frames() -> None:
    assert drawn(key(None, 7, span=(2, 4))) == [(2, 7), (3, 7), (4, 7)]


def test_a_box_moves_in_a_straight_line_between_keyframes() -> None:
    rows = [key(3, 16, interpolation="linear"), key(1, 10, interpolation="linear")]

    # The first keyframe holds before itself, and the last one after.
    assert drawn(*rows) == [(0, 10), (1, 10), (2, 13), (3, 16), (4, 16)]


def test_a_box_that_is_held_jumps_at_the_next_keyframe() -> None:
    rows = [key(0, 10, interpolation="hold"), key(3, 16, interpolation="hold")]

    assert drawn(*rows) == [(0, 10), (1, 10), (2, 10), (3, 16), (4, 16)]


def test_without_interpolation_keyframes_are_alone() -> None:
    assert drawn(key(0, 10), key(3, 16)) == [(0, 10), (3, 16)]


def test_the_earlier_of_two_keyframes_says_what_lies_between_them() -> None:
    line, held, alone = key(0, 10, interpolation="linear"), key(2, 16, interpolation="hold"), key(4, 20)

    assert drawn(line, held, alone) == [(0, 10), (1, 13), (2, 16), (3, 16), (4, 20)]
    assert drawn(line, key(2, 16), alone) == [(0, 10), (1, 13), (2, 16), (4, 20)]


def test_other_shapes_stay_as_they_were_on_the_earlier_keyframe() -> None:
    masks = [Mask(2, 2, (0, 4)), Mask(2, 2, (2, 2))]
    rows = [
        Label("v", "car", mask, frame=2 * n, span=(0, 2), track_id="1", interpolation="linear")
        for n, mask in enumerate(masks)
    ]

    assert [row.geometry for row in on_frames(rows)] == [masks[0], masks[0], masks[1]]


def test_a_frame_that_was_drawn_has_an_id_of_its_own() -> None:
    ids = [row.id for row in on_frames([key(0, 1, span=(0, 1), interpolation="hold")])]

    assert ids == ["at 0", "at 0@1"]


def test_predictions_of_each_frame_find_a_label_that_has_keyframes() -> None:
    labels = [key(0, 0, interpolation="linear"), key(4, 40, interpolation="linear")]
    said = [
        Prediction("v", "car", Box(10 * frame, 0, 10, 10), frame=frame, track_id="x", confidence=0.9)
        for frame in range(5)
    ]

    found = evaluate(labels, said, version="v", dataset="d")

    assert (found.labels, found.predictions) == (5, 5)
    assert found.metrics["mAP"] == pytest.approx(1.0)
