"""Non-maximum suppression: greedy, by score, per class or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import InvalidData
from dragoman.geometry import convert, iou_of_boxes, suppress_boxes, suppress_polygons, suppress_rotated
from dragoman.schema import Box

rows = st.lists(
    st.tuples(
        st.integers(0, 8), st.integers(0, 8), st.integers(0, 9), st.integers(0, 9), st.integers(0, 4), st.integers(0, 1)
    ),
    min_size=1,
    max_size=40,
)


def greedy(boxes: np.ndarray, scores: np.ndarray, threshold: float, classes: np.ndarray) -> list[int]:
    """Return what the plain definition keeps."""
    overlaps = iou_of_boxes(boxes, boxes)
    kept: list[int] = []
    for one in np.argsort(-scores, kind="stable"):
        if all(overlaps[other, one] <= threshold or classes[other] != classes[one] for other in kept):
            kept.append(int(one))
    return kept


@given(rows, st.sampled_from((0.0, 0.3, 0.5, 1.0)), st.booleans())
def test_it_keeps_what_the_greedy_definition_keeps(drawn: list, threshold: float, per_class: bool) -> None:
    table = np.array(drawn, float)
    boxes, scores, classes = table[:, :4], table[:, 4] / 4, table[:, 5]

    kept = suppress_boxes(boxes, scores, iou=threshold, classes=classes if per_class else None)

    assert kept.tolist() == greedy(boxes, scores, threshold, classes if per_class else np.zeros(len(boxes)))


def test_many_boxes_give_the_same_as_the_definition() -> None:
    random = np.random.default_rng(3)
    boxes = np.column_stack([random.random((2500, 2)) * 300, 20 + random.random((2500, 2)) * 40])
    scores = random.random(2500)

    assert suppress_boxes(boxes, scores, iou=0.4).tolist() == greedy(boxes, scores, 0.4, np.zeros(2500))


def test_a_score_of_0_is_a_score() -> None:
    assert suppress_boxes([(0, 0, 1, 1), (5, 5, 1, 1)], [0.0, 0.0]).tolist() == [0, 1]


def test_ten_thousand_equal_boxes_leave_one() -> None:
    assert suppress_boxes(np.tile([0.0, 0.0, 9.0, 9.0], (10_000, 1)), np.arange(10_000)).tolist() == [9_999]


def test_rotated_boxes_are_compared_as_they_lie() -> None:
    crossed = [(5, 5, 10, 1, 0), (5, 5, 10, 1, 90), (5, 5.1, 10, 1, 0)]

    assert suppress_rotated(crossed, [0.9, 0.8, 0.7]).tolist() == [0, 1]


def test_polygons_are_compared_by_their_area() -> None:
    polygons = [convert(box, "polygon") for box in (Box(0, 0, 4, 4), Box(0, 0, 4, 3), Box(3, 3, 4, 4))]

    assert suppress_polygons(polygons, [0.5, 0.9, 0.1]).tolist() == [1, 2]


def test_nothing_leaves_nothing() -> None:
    assert (
        suppress_boxes([], []).tolist() == suppress_rotated([], []).tolist() == suppress_polygons([], []).tolist() == []
    )


@pytest.mark.parametrize(
    ("scores", "threshold", "classes"),
    [([0.5], 0.5, None), ([0.5, np.nan], 0.5, None), ([0.5, 0.5], 1.5, None), ([0.5, 0.5], 0.5, [1])],
)
def test_arrays_that_do_not_fit_are_refused(scores: list, threshold: float, classes: list | None) -> None:
    with pytest.raises(InvalidData):
        suppress_boxes([(0, 0, 1, 1), (0, 0, 1, 1)], scores, iou=threshold, classes=classes)
