"""Run lengths: what they encode, in both orders, compressed and not; pycocotools is the judge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from dragoman import Mask
from dragoman.errors import InvalidData
from dragoman.geometry import mask_of_array, mask_of_rows, mask_of_string, rle, rows_of_mask, runs, string_of_mask

masks = arrays.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
L_SHAPE = np.array([[1, 0, 0], [1, 1, 1]], bool)


def test_counts_go_down_the_columns_and_begin_with_background() -> None:
    assert rle.encode(L_SHAPE).tolist() == [0, 2, 1, 1, 1, 1]
    assert rle.encode(L_SHAPE, order="row").tolist() == [0, 1, 2, 3]


@given(masks)
def test_decoding_gives_the_mask_back_in_both_orders(mask: np.ndarray) -> None:
    for order in ("column", "row"):
        assert (rle.decode(rle.encode(mask, order=order), *mask.shape, order=order) == mask).all()


@given(masks)
def test_the_memory_layout_of_the_array_does_not_matter(mask: np.ndarray) -> None:
    views = [np.asfortranarray(mask), np.ascontiguousarray(mask), np.repeat(mask, 2, axis=1)[:, ::2]]

    assert len({tuple(rle.encode(view).tolist()) for view in views}) == 1


@given(masks)
def test_pycocotools_writes_and_reads_the_same_strings(mask: np.ndarray) -> None:
    theirs = coco.encode(np.asfortranarray(mask, np.uint8))["counts"]

    assert string_of_mask(mask_of_array(mask)).encode() == theirs
    assert mask_of_string(theirs, *mask.shape) == mask_of_string(theirs.decode(), *mask.shape) == mask_of_array(mask)


@given(st.lists(st.integers(0, 2**28), min_size=1, max_size=12))
def test_long_runs_survive_the_string(counts: list[int]) -> None:
    height, width = max(sum(counts), 1), 1
    counts = counts if sum(counts) else [1]
    text = rle.compress(counts, height, width)

    assert rle.decompress(text, height, width).tolist() == counts


@given(masks)
def test_transposing_the_runs_equals_encoding_in_the_other_order(mask: np.ndarray) -> None:
    columns, rows = rle.encode(mask), rle.encode(mask, order="row")

    assert runs.transposed(columns, *mask.shape).tolist() == rows.tolist()
    assert runs.transposed(rows, *mask.shape[::-1]).tolist() == columns.tolist()


@given(masks, st.sampled_from((1, 30)))
def test_reordering_gives_the_counts_of_the_other_order_for_few_runs_and_many(mask: np.ndarray, scale: int) -> None:
    mask = mask.repeat(scale, axis=0).repeat(scale, axis=1)
    columns, rows = rle.encode(mask), rle.encode(mask, order="row")

    assert rle.reorder(columns, *mask.shape, order="column").tolist() == rows.tolist()
    assert rle.reorder(rows, *mask.shape, order="row").tolist() == columns.tolist()


def test_row_major_counts_become_a_canonical_mask_and_back() -> None:
    mask = mask_of_rows([0, 1, 2, 3], 2, 3)

    assert mask == mask_of_array(L_SHAPE)
    assert rows_of_mask(mask).tolist() == [0, 1, 2, 3]


def test_runs_of_nothing_between_two_runs_change_nothing() -> None:
    assert runs.transposed(np.array([0, 1, 0, 3, 0, 0, 2]), 2, 3).tolist() == [0, 2, 1, 2, 1]
    assert rle.reorder([0, 1, 0, 3, 0, 0, 2], 2, 3, order="column").tolist() == [0, 2, 1, 2, 1]
    assert (rle.decode([0, 1, 0, 3, 2], 2, 3) == [[1, 1, 0], [1, 1, 0]]).all()


@given(masks, st.tuples(st.integers(-5, 12), st.integers(-5, 12)), st.tuples(st.integers(1, 12), st.integers(1, 12)))
def test_a_window_shows_part_of_the_mask_and_background_around_it(
    mask: np.ndarray, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    canvas = np.zeros((40, 40), bool)
    canvas[10 : 10 + mask.shape[0], 10 : 10 + mask.shape[1]] = mask
    (x, y), (width, height) = corner, size

    shown = rle.decode(runs.window(rle.encode(mask), mask.shape[0], corner, size), height, width)

    assert (shown == canvas[10 + y : 10 + y + height, 10 + x : 10 + x + width]).all()


@given(masks, st.randoms(use_true_random=False))
def test_common_pixels_are_counted_without_decoding(mask: np.ndarray, random: object) -> None:
    other = np.roll(mask, 1, axis=0)

    assert runs.shared_pixels(rle.encode(mask), rle.encode(other)) == (mask & other).sum()


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ([1, 2], "cover 3 pixels of 6"),
        ([7], "longer than"),
        ([8, -2], "negative"),
        ([2**63 - 1, 2**63 - 1, 8], "longer than"),
        ([2.5, 3.5], "whole numbers"),
        ([[1, 5]], "whole numbers"),
        (["6"], "whole numbers"),
        ([], "whole numbers"),
        ([[1], [2, 3]], "whole numbers"),
    ],
)
def test_bad_counts_are_refused(counts: list, says: str) -> None:
    for operation in (rle.decode, rle.compress):
        with pytest.raises(InvalidData, match=says):
            operation(counts, 2, 3)


@pytest.mark.parametrize(
    "text", ["", "P", "abc", "\x01\x02", "o" * 40, "6\n", "Größe", b"\xff\xfe", "PP", "6" * 100, "oooooooooooooo0"]
)
def test_damaged_strings_are_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidData):
        rle.decompress(text, 3, 4)


@given(st.text(max_size=12) | st.binary(max_size=12))
def test_no_string_does_anything_but_decode_or_be_refused(text: str | bytes) -> None:
    try:
        counts = rle.decompress(text, 3, 4)
    except InvalidData:
        return
    assert counts.sum() == 12
    assert counts.min() >= 0


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2, 2), bool), np.zeros(4, bool), np.zeros((2, 2)), np.zeros((0, 3), bool)]
)
def test_what_is_no_mask_array_is_refused(array: np.ndarray) -> None:
    for operation in (rle.encode, mask_of_array):
        with pytest.raises(InvalidData, match="shape"):
            operation(array)


def test_any_integer_but_0_is_foreground() -> None:
    assert rle.encode(np.array([[0, 255], [-3, 0]])).tolist() == [1, 2, 1]


def test_a_mask_of_a_trillion_pixels_is_reordered_but_never_decoded() -> None:
    side = 10**6
    mask = Mask(side, side, (side + 1, 2, side**2 - side - 3))

    assert rows_of_mask(mask).tolist() == [side + 1, 1, side - 1, 1, side**2 - 2 * side - 2]
    with pytest.raises(InvalidData, match="pixels"):
        rle.decode(mask.counts, side, side)
    with pytest.raises(InvalidData, match="4294967295"):
        string_of_mask(mask)


def test_a_mask_over_too_many_columns_is_refused() -> None:
    with pytest.raises(InvalidData, match="pixel columns"):
        rows_of_mask(Mask(1, 10**9, (0, 10**9)))
