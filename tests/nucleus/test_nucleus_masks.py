"""Masks share one index image per item: what is painted over what, what is refused, what comes back."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dragoman import Label, Mask, PlatformError, Prediction, Radio
from dragoman.conformance import strategies
from dragoman.geometry import array_of_mask, mask_of_array
from dragoman_nucleus.masks import FULL, Canvas, compose, masks_in
from dragoman_nucleus.wire import Segment

SIZE = (8, 10)


def block(top: int, left: int, height: int, width: int, feature: str = "car", **fields: Any) -> Label:
    """A label whose mask is a block of pixels of an image of `SIZE`."""
    pixels = np.zeros(SIZE, bool)
    pixels[top : top + height, left : left + width] = True
    return Label("a", feature, mask_of_array(pixels), **fields)


def statuses(there: Canvas | None, rows: list[Label], *, update: bool = False) -> list[str]:
    return [result.status for result in compose(there, rows, update=update)[1]]


def painted(rows: list[Label], there: Canvas | None = None) -> Canvas:
    """The image that rows become, sent and fetched again."""
    canvas, _ = compose(there, rows, update=True)
    assert canvas is not None
    segments = msgspec.json.decode(msgspec.json.encode(list(canvas.segments.values())), type=list[Segment])
    return Canvas.of(canvas.png(), segments)


@given(st.lists(st.booleans(), min_size=80, max_size=80), strategies.predictions_with(st.just(Mask(1, 1, (1,)))))
def test_one_mask_comes_back_with_all_that_is_known_of_it(pixels: list[bool], row: Prediction) -> None:
    sent = msgspec.structs.replace(row, geometry=mask_of_array(np.array(pixels).reshape(SIZE)), frame=None, span=None)
    if any(key.startswith("dragoman_") for key in sent.metadata):
        return
    sent = msgspec.structs.replace(sent, attributes={}, interpolation="none", answer=Radio.of("yes"))
    (read,) = masks_in(Prediction, painted([sent]), sent.item)
    assert msgspec.structs.replace(read, provenance=sent.provenance) == sent


@given(st.permutations(range(6)))
def test_masks_that_do_not_overlap_come_back_in_any_order(order: list[int]) -> None:
    rows = [block(0, 0, 2, 2), block(0, 3, 4, 2), block(5, 0, 3, 3), block(5, 5, 1, 1), block(7, 9, 1, 1)]
    rows.append(Label("a", "nothing", Mask(*SIZE, (80,))))
    found = masks_in(Label, painted([rows[place] for place in order]), "a")
    assert {row.id: row.geometry for row in found} == {row.id: row.geometry for row in rows}


def test_the_smaller_mask_is_on_top_however_they_are_written() -> None:
    large, small = block(0, 0, 8, 10, "road"), block(2, 2, 3, 3)
    for canvas in (painted([large, small]), painted([small, large]), painted([large], painted([small]))):
        shown = {row.id: array_of_mask(row.geometry).sum() for row in masks_in(Label, canvas, "a")}
        assert shown == {large.id: 71, small.id: 9}


def test_a_mask_of_which_nothing_would_be_seen_is_rejected_alone() -> None:
    halves = [block(0, 0, 4, 10, "upper"), block(4, 0, 4, 10, "lower")]
    whole = block(0, 0, 8, 10, "all")
    canvas, results = compose(None, [halves[0], whole, halves[1]], update=False)
    assert [result.status for result in results] == ["created", "rejected", "created"]
    assert canvas is not None
    assert [segment.label for segment in canvas.segments.values()] == ["upper", "lower"]


def test_a_mask_that_would_cover_all_of_one_that_is_there_is_rejected() -> None:
    there = painted([block(0, 0, 2, 2, "old", id="1")])
    assert statuses(there, [block(0, 0, 2, 2, "new", id="2")]) == ["rejected"]
    halves = [block(0, 0, 1, 2, "a half"), block(1, 0, 1, 2, "another half")]
    assert statuses(there, halves) == ["rejected", "rejected"]


def test_what_is_there_is_ignored_or_updated() -> None:
    first = block(0, 0, 2, 2)
    there = painted([first])
    assert compose(there, [first], update=False)[0] is None, "nothing is sent when nothing changes"
    assert statuses(there, [first]) == ["ignored"]
    moved = msgspec.structs.replace(first, geometry=block(6, 6, 2, 2).geometry)
    assert statuses(there, [moved], update=True) == ["updated"]
    (read,) = masks_in(Label, painted([moved], there), "a")
    assert read.geometry == moved.geometry


def test_of_two_rows_of_one_id_the_later_counts_only_when_updating() -> None:
    rows = [block(0, 0, 1, 1, id="x"), block(2, 2, 1, 1, id="x")]
    assert statuses(None, rows) == ["created", "ignored"]
    assert statuses(None, rows, update=True) == ["updated", "created"]
    assert [row.geometry for row in masks_in(Label, painted(rows), "a")] == [rows[1].geometry]


def test_a_mask_of_another_size_is_rejected() -> None:
    rows = [block(0, 0, 1, 1), Label("a", "car", Mask(4, 4, (0, 16)))]
    _, results = compose(None, rows, update=False)
    assert results[1].reason == "The mask is 4 x 4 pixels, and the other masks of the item are 10 x 8."


def test_no_more_than_255_masks_are_kept() -> None:
    rows = [Label("a", "dot", Mask(1, 300, (n, 1, 299 - n))) for n in range(256)]
    _, results = compose(None, rows, update=False)
    assert [result.status for result in results] == ["created"] * 255 + ["rejected"]
    assert results[-1].reason == FULL


def test_masks_that_others_made_keep_their_indices_and_get_lasting_ids() -> None:
    pixels = np.zeros(SIZE, np.uint8)
    pixels[:, 5:] = 7
    theirs = Canvas(pixels, {0: Segment("sky", 0), 7: Segment("sea", "7", {"n": 1})})
    found = masks_in(Label, theirs, "a")
    assert [(row.feature, row.metadata) for row in found] == [("sky", {}), ("sea", {"n": 1})]
    assert [row.id for row in masks_in(Label, theirs, "a")] == [row.id for row in found]
    after = painted([block(0, 0, 1, 1)], theirs)
    assert {index: segment.label for index, segment in after.segments.items()} == {0: "sky", 7: "sea", 1: "car"}
    assert [row.id for row in masks_in(Label, after, "a") if row.feature != "car"] == [row.id for row in found]
    assert (after.pixels == 7).sum() == 40


@pytest.mark.parametrize("mode", ["RGB", "I;16"])
def test_an_image_of_another_kind_is_no_mask(mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (3, 2)).save(out, "PNG")
    with pytest.raises(PlatformError, match="shape"):
        Canvas.of(out.getvalue(), [])
    with pytest.raises(PlatformError, match="no image"):
        Canvas.of(b"<html>", [])
