"""The codec against the fidelity table: exact means equal after a round trip through Encord's JSON."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from dragoman import Box, InvalidData, Item, Keypoint, Keypoints, Label, Mask, Polygon, Prediction, Provenance, Whole
from dragoman.conformance import strategies
from dragoman.errors import PlatformError
from dragoman.fidelity import Survival
from dragoman.schema import Feature, Ontology
from dragoman_encord import bitmask, notes
from dragoman_encord.codec import Sheet
from dragoman_encord.editor import editor_out, ontology_in
from dragoman_encord.fidelity import LABELS
from dragoman_encord.items import item_in, metadata_out
from dragoman_encord.places import Place
from dragoman_encord.projects import keyed
from dragoman_encord.ranges import ranges, without
from dragoman_encord.shapes import comes_back, shape_in, shape_out
from dragoman_encord.structure import Structure

FEATURE = Ontology(name="o", features=(Feature(name="thing"),))
STRUCTURE = Structure(editor_out(FEATURE))
WIDTH, HEIGHT = 640, 360
IMAGE = Place("a", "D", "L", "IMAGE", 1, WIDTH, HEIGHT)
VIDEO = Place("a", "D", "L", "VIDEO", 1_001, WIDTH, HEIGHT)
GROUP = Place("a", "D", "L", "IMG_GROUP", 2, None, None, images=(("i0", 64, 48), ("i1", WIDTH, HEIGHT)))

decimals = st.integers(-(10**9), 10**9).map(lambda number: number / 1000)
sizes = st.integers(0, 10**9).map(lambda number: number / 1000)
image_sides = st.integers(1, 10**5)
numbers = st.one_of(
    st.integers(-(10**15), 10**15).map(lambda number: number / 10**9),
    st.floats(-(10.0**8), 10.0**8),
    st.sampled_from([-0.0, 1e6, 999_999.999_999_999, -999_999.999_999_999, 1e-9, 5e-10]),
)
"""Coordinates on the grid of what is read, most of them, and others."""


def content(place: Place) -> dict[str, Any]:
    """A label row that nothing is in yet, as Encord gives it."""
    units = {hash: {"data_sequence": str(n), "labels": {}} for n, (hash, _, _) in enumerate(place.images)}
    answers = {name: {} for name in ("object_answers", "object_actions", "classification_answers")}
    return {"data_units": units or {"D": {"data_sequence": 0, "labels": {}}}, **answers}


def sheet(place: Place, held: dict[str, Any] | None = None) -> Sheet:
    """A sheet over what Encord holds."""
    wire = msgspec.json.decode(msgspec.json.encode(held)) if held else content(place)
    return Sheet(wire, place, STRUCTURE)


def returned(row: Label, place: Place = IMAGE) -> Label:
    """What comes back of a row that is put into an empty label row."""
    made = sheet(place)
    result = made.put(row, update=False)
    assert result.status == "created", result
    read = sheet(place, made.content())
    (found,) = read.predictions() if isinstance(row, Prediction) else read.labels()
    return found


def thing(row: Label, **changes: Any) -> Label:
    """The row on an item and of a feature that are there."""
    base = {"item": "a", "feature": "thing", "attributes": {}, "interpolation": "none", "id": row.id or "id"}
    return msgspec.structs.replace(row, **base, **changes)


EXACT = {
    form: made
    for form, made in strategies.BY_FORM.items()
    if LABELS.geometry(form).survival is Survival.EXACT and form not in ("keypoints", "mask")
}


def same(found: Label, sent: Label) -> None:
    """Everything but the provenance that Encord itself gives to rows without one."""
    if sent.provenance is None:
        found = msgspec.structs.replace(found, provenance=None)
    assert found == sent


@pytest.mark.parametrize("form", EXACT)
@settings(max_examples=20)
@given(data=st.data())
def test_exact_labels_come_back_equal(form: str, data: st.DataObject) -> None:
    drawn = data.draw(strategies.labels_with(EXACT[form]))
    row = thing(drawn, frame=None, span=None)
    same(returned(row), row)


@pytest.mark.parametrize("form", EXACT)
@settings(max_examples=20)
@given(data=st.data())
def test_exact_predictions_come_back_equal(form: str, data: st.DataObject) -> None:
    drawn = data.draw(strategies.predictions_with(EXACT[form]))
    row = thing(drawn, frame=None, span=None, class_pdf=None)
    same(returned(row), row)


@pytest.mark.parametrize("form", EXACT)
@settings(max_examples=20)
@given(data=st.data())
def test_frames_spans_and_tracks_come_back_equal(form: str, data: st.DataObject) -> None:
    drawn = data.draw(strategies.labels_with(EXACT[form]))
    assume(form == "whole" or drawn.frame is not None or drawn.span is not None)
    assume((drawn.frame or 0) < VIDEO.frames)
    row = thing(drawn)
    same(returned(row, VIDEO), row)


@given(strategies.masks)
def test_masks_of_the_whole_image_come_back_equal(mask: Mask) -> None:
    place = Place("a", "D", "L", "IMAGE", 1, mask.width, mask.height)
    found = returned(Label("a", "thing", mask), place).geometry
    assert (found.height, found.width) == (mask.height, mask.width)
    assert np.array_equal(pixels(found), pixels(mask))


def pixels(mask: Mask) -> Any:
    """The mask as an array."""
    flat = np.repeat(np.arange(len(mask.counts)) % 2, mask.counts)
    return flat.reshape(mask.width, mask.height).T


@pytest.mark.parametrize(
    ("runs", "text"),
    [([202, 3, 197, 3, 19595], "Z63U60Vnb0"), ([100], "T3"), ([0, 6], "06")],
)
def test_masks_are_packed_as_the_sdk_packs_them(runs: list[int], text: str) -> None:
    mask = Mask(1, sum(runs), tuple(runs))
    assert bitmask.packed(mask) == text
    assert bitmask.unpacked(text, 1, sum(runs)) == mask


@given(strategies.masks)
def test_the_sdk_unpacks_the_same_pixels(mask: Mask) -> None:
    from encord.common.bitmask_operations import deserialise_bitmask

    theirs = deserialise_bitmask(bitmask.packed(mask), mask.height * mask.width)
    assert [int(pixel) for pixel in theirs] == pixels(mask).reshape(-1).tolist()


@given(decimals, decimals, sizes, sizes, st.integers(1, 10_000), st.integers(1, 10_000))
def test_boxes_come_back_equal_whatever_the_size_of_the_image(
    x: float, y: float, w: float, h: float, width: int, height: int
) -> None:
    box = Box(x, y, w, h)
    assert returned(Label("a", "thing", box), Place("a", "D", "L", "IMAGE", 1, width, height)).geometry == box


@given(st.lists(numbers, min_size=6, max_size=40).filter(lambda run: len(run) % 2 == 0), image_sides, image_sides)
def test_a_polygon_needs_no_note_just_if_reading_gives_it_back(run: list[float], width: int, height: int) -> None:
    polygon, thing = Polygon(((tuple(run),),)), STRUCTURE.thing("thing", "polygon")
    made = shape_out(polygon, width, height, thing)
    assert comes_back(polygon, made, width, height, thing) == (shape_in(made, width, height, thing) == polygon)


def test_digits_that_fractions_lose_are_kept_until_somebody_moves_the_shape() -> None:
    box = Box(1 / 3, 2 / 7, 0.1 + 0.2, math.pi)
    made = sheet(IMAGE)
    made.put(Label("a", "thing", box), update=False)
    wire = msgspec.json.decode(msgspec.json.encode(made.content()))
    (label,) = sheet(IMAGE, wire).labels()
    assert label.geometry == box
    wire["data_units"]["D"]["labels"]["objects"][0]["boundingBox"]["x"] = 0.5
    (label,) = sheet(IMAGE, wire).labels()
    assert (label.geometry.x, label.geometry.height) == (WIDTH / 2, round(math.pi, 9))


def test_each_image_of_a_group_has_its_own_size() -> None:
    rows = [Label("a", "thing", Box(6, 6, 6, 6), frame=frame) for frame in (0, 1)]
    made = sheet(GROUP)
    assert [made.put(row, update=False).status for row in rows] == ["created", "created"]
    wire = made.content()["data_units"]
    assert wire["i0"]["labels"]["objects"][0]["boundingBox"]["x"] == 6 / 64
    assert wire["i1"]["labels"]["objects"][0]["boundingBox"]["x"] == 6 / WIDTH
    read = {row.frame: row.geometry for row in sheet(GROUP, made.content()).labels()}
    assert read == {0: rows[0].geometry, 1: rows[1].geometry}


def test_what_the_table_drops_is_never_put_in() -> None:
    from dragoman import Cuboid

    made = sheet(IMAGE)
    result = made.put(Label("a", "thing", Cuboid((1, 2, 3), (1, 1, 1))), update=False)
    assert result.status == "rejected"
    assert made.content() == content(IMAGE)


def test_a_row_of_encords_own_says_where_it_comes_from() -> None:
    made = sheet(IMAGE)
    made.put(Label("a", "thing", Box(1, 2, 3, 4), id="x"), update=False)
    wire = made.content()
    wire["data_units"]["D"]["labels"]["objects"][0]["createdBy"] = "ann@example.com"
    (label,) = sheet(IMAGE, wire).labels()
    assert label.provenance == Provenance("encord", "x", "ann@example.com")


def test_a_missing_confidence_is_one_as_the_sdk_takes_it() -> None:
    made = sheet(IMAGE)
    made.put(Label("a", "thing", Box(1, 2, 3, 4)), update=False)
    wire = made.content()
    del wire["data_units"]["D"]["labels"]["objects"][0]["confidence"]
    assert next(sheet(IMAGE, wire).predictions()).confidence == 1.0


def test_polygons_hold_where_the_two_forms_of_a_polygon_disagree() -> None:
    made = sheet(IMAGE)
    made.put(Label("a", "thing", Polygon.of([(0, 0), (10, 0), (10, 10)])), update=False)
    wire = msgspec.to_builtins(made.content())
    entry = wire["data_units"]["D"]["labels"]["objects"][0]
    entry["polygon"]["0"]["x"] = 0.9
    assert next(sheet(IMAGE, wire).labels()).geometry.parts[0][0][0] == 0
    del entry["polygons"]
    assert next(sheet(IMAGE, wire).labels()).geometry.parts[0][0][0] == 0.9 * WIDTH


@pytest.mark.parametrize(
    ("shape", "entry", "area"),
    [
        ("circle", {"circle": {"x": 0.5, "y": 0.5, "r": 0.1, "stretch": 0.5, "theta": 0}}, math.pi * 64 * 32),
        ("ellipse", {"ellipse": {"x": 0.5, "y": 0.5, "rx": 0.1, "ry": 0.1, "theta": 30}}, math.pi * 64 * 36),
    ],
)
def test_round_shapes_are_read_as_polygons(shape: str, entry: dict, area: float) -> None:
    editor = editor_out(FEATURE)
    editor["objects"][0]["shape"] = shape
    wire = content(IMAGE)
    key = editor["objects"][0]["featureNodeHash"]
    wire["data_units"]["D"]["labels"] = {"objects": [{**entry, "objectHash": "o", "featureHash": key, "shape": shape}]}
    wire["object_answers"]["o"] = {"objectHash": "o", "classifications": []}
    (label,) = Sheet(wire, IMAGE, Structure(editor)).labels()
    ring = np.reshape(label.geometry.parts[0][0], (-1, 2))
    x, y = ring.T
    assert abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2 == pytest.approx(area, rel=0.01)


def test_a_shape_without_counterpart_is_not_passed_over() -> None:
    editor = editor_out(FEATURE)
    editor["objects"][0]["shape"] = "cuboid_2d"
    wire = content(IMAGE)
    key = editor["objects"][0]["featureNodeHash"]
    wire["data_units"]["D"]["labels"] = {"objects": [{"objectHash": "o", "featureHash": key, "shape": "cuboid_2d"}]}
    wire["object_answers"]["o"] = {"objectHash": "o", "classifications": []}
    with pytest.raises(PlatformError, match="cuboid_2d"):
        list(Sheet(wire, IMAGE, Structure(editor)).labels())


def test_a_broken_note_is_an_annotators_text() -> None:
    made = sheet(IMAGE)
    made.put(Label("a", "thing", Box(1, 2, 3, 4), id="x", metadata={"n": 1}), update=False)
    wire = made.content()
    wire["object_answers"]["x"]["classifications"][0]["answers"] = "seen by Ann"
    (label,) = sheet(IMAGE, wire).labels()
    assert (label.id, label.metadata) == ("x", {})


def test_taking_out_a_frame_leaves_the_rest_of_the_track() -> None:
    rows = [Label("a", "thing", Box(n, 1, 2, 3), frame=n, track_id="t", id=f"r{n}") for n in range(4)]
    made = sheet(VIDEO)
    for row in rows:
        made.put(row, update=False)
    again = sheet(VIDEO, made.content())
    again.discard(["r1"])
    assert {row.id for row in sheet(VIDEO, again.content()).labels()} == {"r0", "r2", "r3"}
    again.discard()
    assert again.content()["object_answers"] == {}
    assert list(sheet(VIDEO, again.content()).labels()) == []


def test_a_frame_that_an_annotator_adds_belongs_to_the_track() -> None:
    made = sheet(VIDEO)
    made.put(Label("a", "thing", Box(1, 1, 2, 3), frame=1, track_id="t", id="r1"), update=False)
    wire = made.content()
    labels = wire["data_units"]["D"]["labels"]
    labels["5"] = {"objects": [dict(labels["1"]["objects"][0])], "classifications": []}
    read = {row.frame: row for row in sheet(VIDEO, wire).labels()}
    assert (read[5].track_id, read[1].id) == ("t", "r1")
    assert read[5].id != read[1].id


def spanning() -> dict[str, Any]:
    """What Encord holds of a label over four frames."""
    made = sheet(VIDEO)
    row = Label("a", "thing", Box(1, 1, 2, 3), span=(4, 7), id="s", metadata={"n": 1})
    assert made.put(row, update=False).status == "created"
    assert [(row.frame, row.span) for row in sheet(VIDEO, made.content()).labels()] == [(None, (4, 7))]
    return msgspec.json.decode(msgspec.json.encode(made.content()))


def test_a_span_of_which_an_annotator_moves_a_frame_is_read_frame_by_frame() -> None:
    wire = spanning()
    wire["data_units"]["D"]["labels"]["6"]["objects"][0]["boundingBox"]["x"] = 0.5
    read = {row.frame: row for row in sheet(VIDEO, wire).labels()}
    assert sorted(read) == [4, 5, 6, 7]
    assert (read[6].geometry.x, read[5].geometry.x) == (WIDTH / 2, 1)
    assert (read[4].id, read[4].metadata) == ("s", {"n": 1})
    assert len({row.id for row in read.values()}) == 4


def test_a_span_of_which_an_annotator_deletes_a_frame_is_read_frame_by_frame() -> None:
    wire = spanning()
    del wire["data_units"]["D"]["labels"]["5"]
    assert [row.frame for row in sheet(VIDEO, wire).labels()] == [4, 6, 7]


def test_a_classification_whose_frames_an_annotator_changes_is_where_they_are() -> None:
    made = sheet(VIDEO)
    made.put(Label("a", "thing", Whole(), span=(3, 3), id="x"), update=False)
    wire = made.content()
    assert [(row.frame, row.span) for row in sheet(VIDEO, wire).labels()] == [(None, (3, 3))]
    wire["classification_answers"]["x"]["range"] = [[3, 9]]
    assert [(row.frame, row.span) for row in sheet(VIDEO, wire).labels()] == [(None, (3, 9))]


def test_what_is_taken_out_leaves_no_note_behind() -> None:
    made = sheet(VIDEO)
    for frame in (1, 2):
        row = Label("a", "thing", Box(1, 1, 2, 3), frame=frame, track_id="t", id=f"r{frame}", metadata={"n": frame})
        made.put(row, update=False)
    made.discard(["r1"])
    wire = msgspec.json.encode(made.content()).decode()
    assert "r2" in wire
    assert "r1" not in wire


def test_a_row_may_become_a_classification_and_back() -> None:
    shape = Label("a", "thing", Box(1, 1, 2, 3), id="x")
    whole = Label("a", "thing", Whole(), id="x")
    made = sheet(IMAGE)
    for row in (shape, whole, shape):
        made.put(row, update=True)
        assert [found.geometry for found in sheet(IMAGE, made.content()).labels()] == [row.geometry]


def test_a_track_has_one_row_on_a_frame() -> None:
    made = sheet(VIDEO)
    first = Label("a", "thing", Box(1, 1, 2, 3), frame=1, track_id="t")
    second = Label("a", "thing", Box(9, 1, 2, 3), frame=1, track_id="t")
    assert made.put(first, update=False).status == "created"
    assert made.put(second, update=False).status == "rejected"
    assert [row.id for row in made.labels()] == [first.id]


@given(st.sets(st.integers(0, 40)), st.sets(st.integers(0, 40)))
def test_ranges_lose_exactly_the_frames_that_are_taken_out(frames: set[int], gone: set[int]) -> None:
    left = list(without([{"range": list(ranges(frames))}], gone)) if frames else []
    covered = {f for action in left for first, last in action["range"] for f in range(first, last + 1)}
    assert covered == frames - gone


@given(strategies.texts, strategies.metadata)
@example("", {notes.MARK: None})
@example("text", {"key": f"\n\n{notes.MARK}{{}}"})
def test_what_is_noted_in_a_description_comes_back(description: str, metadata: dict) -> None:
    assume(notes.MARK not in description)
    assert notes.parted(notes.joined(description, {"metadata": metadata})) == (
        description,
        {"metadata": metadata} if metadata else {},
    )


@pytest.mark.parametrize("text", ["[dragoman] said so", "x\n\n[dragoman] {torn", "see [dragoman] {}", "[dragoman] []"])
def test_a_line_that_only_looks_like_ours_is_the_users(text: str) -> None:
    assert notes.parted(text) == (text, {})


class File:
    """What the codec of items needs of the SDK's storage items."""

    signed_url = "https://files/x"
    url = None
    frame_count = 12


@given(strategies.items)
def test_items_keep_what_the_platform_has_no_field_for(item: Item) -> None:
    row = {
        "client_metadata": msgspec.json.decode(msgspec.json.encode(metadata_out(item))),
        "data_type": "VIDEO" if item.media == "video" else "IMAGE",
        "data_hash": "D",
        "width": item.width,
        "height": item.height,
        "frames_per_second": item.frame_rate,
    }
    read = item_in(item.key, row, File)
    for field in ("key", "width", "height", "media", "split", "metadata", "orientation", "content_hash"):
        assert getattr(read, field) == getattr(item, field)


def test_our_own_key_in_an_items_metadata_is_refused() -> None:
    with pytest.raises(InvalidData, match="dragoman_item"):
        metadata_out(Item("a", metadata={"dragoman_item": {}}))


def test_titles_that_occur_twice_are_told_apart() -> None:
    assert keyed([("a", "1"), ("b", "2"), ("a", "3")]) == ["a (1)", "b", "a (3)"]


def test_an_ontology_comes_back_as_it_was_made() -> None:
    held = ontology_in(editor_out(FEATURE), "o", "k")
    assert ontology_in(editor_out(held, editor_out(FEATURE)), "o", "k") == held


def test_two_objects_of_one_name_and_shape_have_names_of_their_own() -> None:
    editor = editor_out(Ontology(name="o", features=(Feature(name="car", geometries=("box",)),)))
    editor["objects"].append({**editor["objects"][0], "featureNodeHash": "ffff0000"})
    assert [f.name for f in ontology_in(editor, "o", "k").features] == [
        f"car ({editor['objects'][0]['featureNodeHash']})",
        "car (ffff0000)",
    ]


def test_keypoints_of_another_skeleton_are_rejected() -> None:
    pose = Feature(name="pose", geometries=("keypoints",), metadata={"keypoints": ["nose"]})
    editor = editor_out(Ontology(name="o", features=(pose,)))
    made = Sheet(content(IMAGE), IMAGE, Structure(editor))
    for points in ((Keypoint("ear", 1, 2),), (Keypoint("nose", None, None, 1),)):
        assert made.put(Label("a", "pose", Keypoints(points)), update=False).status == "rejected"
    assert made.put(Label("a", "pose", Keypoints((Keypoint("nose", 1, 2),))), update=False).status == "created"
