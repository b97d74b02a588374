"""Label Studio's JSON: rows come back as the fidelity table says."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import drawn_rows
import msgspec
from drawn_rows import comparable, moments, rows_of
from hypothesis import given
from hypothesis import strategies as st
from labelstudio_tasks import FARM, HEIGHT, WIDTH, round_trip

from dragoman import (
    Checklist,
    Item,
    Mask,
    Number,
    Option,
    Provenance,
    Radio,
    Text,
    Whole,
)
from dragoman.conformance.strategies import attributes, json_values, names, provenances, splits, texts
from dragoman.fidelity import Survival
from dragoman.formats.labelstudio.fidelity import WRITING

SMALL = (13, 7)


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    from dragoman.geometry import mask_of_rows

    cuts = sorted(draw(st.sets(st.integers(1, SMALL[0] * SMALL[1] - 1), max_size=8)))
    ends = [0, *cuts, SMALL[0] * SMALL[1]]
    counts = [end - start for start, end in pairwise(ends)]
    return mask_of_rows([0, *counts] if draw(st.booleans()) else counts, SMALL[1], SMALL[0])


SHAPES: dict[str, st.SearchStrategy[Any]] = {**drawn_rows.SHAPES, "mask": masks()}
some_options = st.lists(st.builds(Option, names, st.just({}) | st.just({"why": Text("so")})), max_size=3)
answers = st.one_of(
    st.builds(Radio, st.builds(Option, names, st.just({}) | st.just({"why": Text("so")}))),
    some_options.filter(lambda chosen: len({o.name for o in chosen}) == len(chosen)).map(tuple).map(Checklist),
    texts.map(Text),
    st.floats(-1e6, 1e6).map(Number),
)
ROW: dict[str, Any] = {
    "feature": st.sampled_from([feature.name for feature in FARM.features]),
    "id": texts,
    "attributes": attributes | st.dictionaries(names, answers, max_size=2),
    "metadata": st.dictionaries(texts, json_values, max_size=2),
    "provenance": st.none() | provenances | st.builds(Provenance, st.just("label-studio"), version=names),
}


def test_the_strategies_cover_what_the_table_calls_exact() -> None:
    assert {form for form, kept in WRITING.geometries.items() if kept.survival is Survival.EXACT} == set(SHAPES)


@given(data=st.data())
def test_images_come_back_equal(data: st.DataObject) -> None:
    items = [
        Item(key, width=SMALL[0], height=SMALL[1], split=data.draw(splits), metadata=data.draw(ROW["metadata"]))
        for key in data.draw(st.lists(names, min_size=1, max_size=3, unique=True))
    ]
    where = {"item": st.sampled_from([item.key for item in items])}
    rows = data.draw(rows_of(**ROW, **where, geometry=st.one_of(*SHAPES.values())))
    rows += [
        msgspec.structs.replace(row, id=f"whole {row.id}")
        for row in data.draw(rows_of(**ROW, **where, geometry=st.just(Whole()), answer=answers))
    ]
    with tempfile.TemporaryDirectory() as folder:
        reader = round_trip(Path(folder, "set"), items, rows)
        assert reader.ontology() == FARM
        assert list(reader.items()) == items
        assert comparable(reader.rows()) == comparable(rows)


@given(data=st.data())
def test_videos_come_back_equal(data: st.DataObject) -> None:
    frames = data.draw(st.none() | st.just(19))
    items = [Item("v.mp4", width=WIDTH, height=HEIGHT, media="video", frames=frames, frame_rate=25.0)]
    shapes = SHAPES["box"] | SHAPES["rotated_box"] | SHAPES["whole"]
    drawn = data.draw(rows_of(**ROW, item=st.just("v.mp4"), geometry=shapes))
    rows = [msgspec.structs.replace(row, id=f"{row.id} {n}", **data.draw(moments())) for n, row in enumerate(drawn)]
    with tempfile.TemporaryDirectory() as folder:
        reader = round_trip(Path(folder, "set.json"), items, rows)
        assert list(reader.items()) == items
        assert comparable(reader.rows()) == comparable(rows)
