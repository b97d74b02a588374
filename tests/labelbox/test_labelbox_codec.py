"""The codec against the fidelity table: exact means equal after a round trip through what the emulator makes of it."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import RFC_4122, UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import (
    Attribute,
    AttributeOption,
    Box,
    Checklist,
    Feature,
    InvalidData,
    Item,
    Label,
    Mask,
    Ontology,
    Option,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Radio,
    Survival,
    Text,
    Whole,
)
from dragoman.conformance import strategies
from dragoman.emulate import Settings, SystemClock
from dragoman.errors import PlatformError
from dragoman.fidelity import Keeper, restore
from dragoman_labelbox import codec, items, kept, keys, masks, nodes, tracks, wire
from dragoman_labelbox.emulator import State
from dragoman_labelbox.emulator.objects import Annotations, DataRow, Dataset
from dragoman_labelbox.emulator.objects import Ontology as Emulated
from dragoman_labelbox.emulator.rows import ROW, Translator
from dragoman_labelbox.emulator.showing import label_json
from dragoman_labelbox.exports import labels_of, predictions_of
from dragoman_labelbox.fidelity import LABELS, PREDICTIONS

KINDS = (*nodes.TOOLS, "whole")
EXACT = {form: made for form, made in strategies.BY_FORM.items() if LABELS.geometry(form).survival is Survival.EXACT}
RECT = wire.Rect(1, 2, 3, 4)
NIL = "00000000-0000-0000-0000-000000000000"
TEXT = Feature(name="caption", geometries=("whole",), attributes=(Attribute(name="caption", kind="text"),))


def no_masks(drawn: wire.Drawn) -> Mask:
    raise AssertionError(f"a mask was fetched: {drawn}")


ON_VIDEO = ("box", "point", "polyline", "whole")
COLOUR = Attribute(
    name="colour",
    kind="radio",
    options=(
        AttributeOption(name="red", attributes=(Attribute(name="shade", kind="text"),)),
        AttributeOption(name="blue"),
    ),
)
ATTRIBUTES = (
    COLOUR,
    Attribute(name="parts", kind="checklist", options=(AttributeOption(name="a"), AttributeOption(name="b"))),
    Attribute(name="note", kind="text"),
)


class Wire:
    """Labelbox as the emulator has it, without the network: rows in, an export out."""

    def __init__(self, feature: Feature, media: str = "IMAGE") -> None:
        self.state = State(Settings(), SystemClock())
        normalized = nodes.ontology_out([feature], {})
        self.tools, self.questions = self.state.schemas.fill(normalized)
        self.normalized = {"tools": self.tools, "classifications": self.questions}
        self.book = nodes.Book("o", self.normalized)
        stamp = self.state.stamp
        dataset = Dataset(**stamp(), name="d")
        self.state.datasets[dataset.id] = dataset
        self.row = DataRow(**stamp(), dataset_id=dataset.id, row_data="u", global_key="k", media=media)
        self.state.add_row(self.row)

    def export(self, wires: list[dict[str, Any]], read: Any = labels_of) -> list[Any]:
        """Import rows and return what the export of their label holds."""
        ontology = Emulated(
            **self.state.stamp(), name="o", media_type=None, tools=self.tools, classifications=self.questions
        )
        translator = Translator(self.state, ontology, confident=True)
        label = Annotations(
            "l", [stored for one in wires for stored in translator.take(ROW.decode(msgspec.json.encode(one)), self.row)]
        )
        shown = msgspec.json.encode(label_json(self.state, self.row.id, label, "t", "http://h"))
        return list(read("an item", msgspec.json.decode(shown, type=wire.Labelled), self._mask))

    def _mask(self, drawn: wire.Drawn) -> Mask:
        from dragoman_labelbox.emulator.masks import render

        token = drawn.url.split("/masks/")[1].split("/")[0]
        pixels = masks.pixels_of(render(self.state.files.composites[token]))
        return masks.mask_in(pixels, drawn.color_rgb)


def plain(row: wire.ImportRow) -> dict[str, Any]:
    """An import row as it is sent."""
    made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(row))
    return made


def anonymous(row: Label) -> Label:
    """The row without its provenance, which the codec fills in where there is none, and on the one item."""
    return msgspec.structs.replace(row, provenance=None, item="an item")


def round_trip(row: Label, feature: Feature | None = None) -> Label:
    """The row as it comes back from an image."""
    labelbox = Wire(feature or Feature(name=row.feature, geometries=(row.geometry.kind,)))
    known = labelbox.book.find(row.feature, row.geometry.kind)
    assert known is not None
    (read,) = labelbox.export(
        [codec.row_out(row, known, "k")], predictions_of if isinstance(row, Prediction) else labels_of
    )
    return read


def still(row: Label) -> Label:
    """The row without a place in time."""
    return msgspec.structs.replace(row, frame=None, span=None, interpolation="none")


@pytest.mark.parametrize("form", EXACT)
@given(data=st.data())
def test_exact_labels_come_back_equal(form: str, data: st.DataObject) -> None:
    label = still(data.draw(strategies.labels_with(EXACT[form])))
    assert anonymous(round_trip(label)) == anonymous(label)


@pytest.mark.parametrize("form", EXACT)
@given(data=st.data())
def test_exact_predictions_come_back_equal(form: str, data: st.DataObject) -> None:
    prediction = still(data.draw(strategies.predictions_with(EXACT[form])))
    assert anonymous(round_trip(prediction)) == anonymous(prediction)


@given(strategies.predictions_with(strategies.keypoints | strategies.cuboids))
def test_what_is_stored_comes_back(row: Prediction) -> None:
    row = still(row)
    written = Keeper(PREDICTIONS, "convert").keep(row)
    assert written is not None
    assert anonymous(restore(round_trip(written))) == anonymous(row)


def pixels(mask: Mask) -> list[bool]:
    """Every pixel of a mask, column by column."""
    return [bool(place % 2) for place, count in enumerate(mask.counts) for _ in range(count)]


@given(strategies.masks)
def test_a_mask_alone_on_its_item_comes_back_pixel_by_pixel(mask: Mask) -> None:
    read = round_trip(Label("i", "car", mask)).geometry
    assert isinstance(read, Mask)
    assert (read.height, read.width, pixels(read)) == (mask.height, mask.width, pixels(mask))


def test_of_masks_that_overlap_the_later_covers_the_earlier() -> None:
    labelbox = Wire(Feature(name="car", geometries=("mask",)))
    known = labelbox.book.find("car", "mask")
    assert known is not None
    sent = [Label("i", "car", Mask(1, 4, counts)) for counts in ((0, 3, 1), (2, 2))]
    read = labelbox.export([codec.row_out(row, known, "k") for row in sent])
    assert [pixels(row.geometry) for row in read] == [[True, True, False, False], [False, False, True, True]]


@pytest.mark.parametrize(
    "answer",
    [
        Radio.of("blue"),
        Radio(Option("red", {"shade": Text("dark\u2028")})),
        Checklist.of("b", "a"),
        Text("Größe"),
    ],
)
def test_a_classification_s_answer_comes_back(answer: Any) -> None:
    kind = {Radio: "radio", Checklist: "checklist", Text: "text"}[type(answer)]
    asked = next(attribute for attribute in ATTRIBUTES if attribute.kind == kind)
    feature = Feature(name=asked.name, geometries=("whole",), attributes=(asked,))
    label = Label("i", asked.name, Whole(), answer=answer)
    read = round_trip(label, feature)
    assert (read.answer, read.geometry) == (answer, Whole())


def test_nested_answers_are_labelbox_s_own_where_the_ontology_asks() -> None:
    feature = Feature(name="car", geometries=("box",), attributes=ATTRIBUTES)
    attributes = {"colour": Radio(Option("red", {"shade": Text("dark")})), "note": Text("x"), "count": 3, "sure": False}
    label = Label("i", "car", Box(1, 2, 3, 4), attributes=attributes)
    known = nodes.Book("o", Wire(feature).normalized).find("car", "box")
    assert known is not None
    sent = plain(codec.row_out(label, known, "k"))
    assert sent["classifications"][:2] == [
        {"name": "colour", "answer": {"name": "red", "classifications": [{"name": "shade", "answer": "dark"}]}},
        {"name": "note", "answer": "x"},
    ]
    assert round_trip(label, feature).attributes == attributes


BARE = st.builds(Box, *[st.floats(0, 1e6)] * 4)
IDS = st.uuids().map(str) | strategies.texts


@pytest.mark.parametrize("keeps", [True, False])
@given(rows=st.lists(strategies.labels_with(BARE) | strategies.predictions_with(BARE) | strategies.predictions))
def test_rows_of_which_no_more_is_said_are_sent_as_any_others(rows: list[Label], keeps: bool) -> None:
    known = nodes.Known({}, keeps)
    found = codec.bare_out(rows, lambda feature, kind: known, lambda key: f"ds/{key}")
    assert len(found) == len(rows)
    for row, made in zip(rows, found, strict=True):
        if made is not None:
            assert msgspec.json.encode(made) == msgspec.json.encode(codec.row_out(row, known, f"ds/{row.item}"))


@pytest.mark.parametrize("keeps", [True, False])
@given(confidence=st.none() | st.floats(0, 1), row_id=IDS)
def test_a_bare_box_is_made_in_the_short_way(keeps: bool, confidence: float | None, row_id: str) -> None:
    rows = [Prediction("i", "car", Box(1, 2, 3, 4), row_id, confidence=confidence), Label("i", "car", Box(1, 2, 3, 4))]
    assert all(codec.bare_out(rows, lambda feature, kind: nodes.Known({}, keeps), str))


def test_the_ontology_is_asked_of_nothing_that_no_row_has() -> None:
    rows = [Label("i", "car", Box(1, 2, 3, 4)), Label("i", "rain", Whole())]
    asked = []
    codec.bare_out(rows, lambda *pair: asked.append(pair), str)
    assert asked == [("car", "box")]


def test_confidence_zero_is_sent() -> None:
    row = Prediction("i", "car", Box(1, 2, 3, 4), confidence=0.0)
    (bare,) = codec.bare_out([row], lambda feature, kind: nodes.Known({}, True), str)
    assert bare is not None
    assert bare.confidence == 0.0
    assert plain(codec.row_out(row, nodes.Known({}, True), "k"))["confidence"] == 0.0
    assert round_trip(row).confidence == 0.0


def test_the_confidence_of_a_classification_is_within_its_answer() -> None:
    row = Prediction("i", "rain", Whole(), confidence=0.25)
    known = Wire(Feature(name="rain", geometries=("whole",))).book.find("rain", "whole")
    assert known is not None
    sent = plain(codec.row_out(row, known, "k"))
    assert ("confidence" not in sent, sent["answer"]["confidence"]) == (True, 0.25)


def test_custom_metrics_are_labelbox_s_own() -> None:
    row = Prediction("i", "car", Box(1, 2, 3, 4), metadata={"custom_metrics": {"sharpness": 0.5}})
    assert plain(codec.row_out(row, nodes.Known({}, True), "k"))["customMetrics"] == [
        {"name": "sharpness", "value": 0.5}
    ]
    foreign = wire.Shown(name="car", feature_id="f", bounding_box=RECT, custom_metrics=[wire.Metric("sharpness", 0.5)])
    read = codec.object_in(foreign, {"item": "i"}, no_masks)
    assert read["metadata"] == {"custom_metrics": {"sharpness": 0.5}}


def test_without_the_question_nothing_is_kept_beside_a_shape() -> None:
    row = Label("i", "car", Box(1, 2, 3, 4), track_id="7", metadata={"a": 1})
    assert "classifications" not in plain(codec.row_out(row, nodes.Known({}, keeps=False), "k"))


@pytest.mark.parametrize(
    "said",
    [
        {"id": "x"},
        {"id": ""},
        {"id": 'a"b'},
        {"id": "a\\b"},
        {"id": "\u2028ü"},
        {"id": "x", "frame": 3, "span": [1, 4]},
        {"id": "x", "end": True},
        {"id": "00000000-0000-0000-0000-000000000000", "metadata": {"n": None}},
    ],
)
@pytest.mark.parametrize("dump", [lambda said: json.dumps(said), lambda said: json.dumps(said, separators=(",", ":"))])
def test_what_is_kept_is_read_however_it_is_written(said: dict[str, Any], dump: Any) -> None:
    answered = wire.Answered(nodes.KEEPER, text_answer=wire.Content(dump(said)))
    assert kept.kept_in([answered]) == msgspec.convert(said, kept.Kept)


def test_an_annotation_of_labelbox_s_own_says_where_it_comes_from() -> None:
    shown = wire.Shown(name="car", feature_id="f-1", bounding_box=RECT)
    label = codec.label_of(codec.object_in(shown, {"item": "i"}, no_masks))
    assert label.provenance is not None
    assert (label.id, label.provenance.platform, label.provenance.id) == ("f-1", "labelbox", "f-1")


def test_an_unknown_kind_is_not_passed_over() -> None:
    with pytest.raises(PlatformError, match="Hologram"):
        codec.object_in(wire.Shown("x", "f", annotation_kind="Hologram"), {"item": "i"}, no_masks)


def test_a_ring_is_closed_there_and_open_here() -> None:
    ring = Polygon.of([(0, 0), (4, 0), (4, 4)])
    assert codec.shape_out(ring)[1] == [wire.XY(0, 0), wire.XY(4, 0), wire.XY(4, 4), wire.XY(0, 0)]


class TestVideos:
    @pytest.mark.parametrize("form", ON_VIDEO)
    @given(data=st.data())
    def test_a_row_in_time_comes_back_equal(self, form: str, data: st.DataObject) -> None:
        row = data.draw(strategies.labels_with(strategies.BY_FORM[form]).filter(tracks.is_timed))
        assert anonymous(self._round_trip([row])[0]) == anonymous(row)

    def test_keyframes_of_one_track_are_one_segment(self) -> None:
        rows = [
            Label("i", "car", Box(frame, 1, 5, 5), frame=frame, span=(2, 9), interpolation="linear", track_id="t")
            for frame in (2, 5)
        ]
        (sent,) = self._wires(rows)
        (segment,) = sent["segments"]
        assert [keyframe["frame"] for keyframe in segment["keyframes"]] == [3, 6, 10]
        assert [anonymous(row) for row in self._round_trip(rows)] == [anonymous(row) for row in rows]

    def test_two_tracks_of_one_feature_stay_two(self) -> None:
        rows = [Label("i", "car", Box(1, 1, 5, 5), frame=3, track_id=track) for track in ("a", "b")]
        assert len(self._wires(rows)) == 2
        assert {row.track_id for row in self._round_trip(rows)} == {"a", "b"}

    def test_labelbox_s_own_tracks_are_read(self) -> None:
        frame = wire.Frame(objects={"f": wire.Shown("car", "f", bounding_box=RECT)})
        annotations = wire.Annotations(
            frames={"10": frame, "9": frame, "1": frame},
            segments={"f": [(1, 1), (9, 12)]},
            key_frame_feature_map={"f": [1, 9]},
        )
        rows = [codec.label_of(fields) for fields in tracks.video_in("i", annotations, no_masks)]
        assert [(row.frame, row.span, row.interpolation, row.track_id) for row in rows] == [
            (0, None, "none", "f"),
            (8, (8, 11), "linear", "f"),
        ]

    def test_what_labelbox_takes_on_no_frame_is_refused(self) -> None:
        for geometry in (Polygon.of([(0, 0), (4, 0), (4, 4)]), Mask(1, 2, (0, 2))):
            with pytest.raises(InvalidData, match="on frames"):
                tracks.track_out([Label("i", "car", geometry, frame=0)], nodes.Known({}, True), "k")

    def test_confidences_over_frames_are_within_the_answer_or_beside_the_text(self) -> None:
        for feature, answer in ((Feature(name="rain", geometries=("whole",)), None), (TEXT, Text("x"))):
            row = Prediction("i", feature.name, Whole(), span=(1, 2), confidence=0.25, answer=answer)
            known = Wire(feature, "VIDEO").book.find(feature.name, "whole")
            assert known is not None
            (read,) = Wire(feature, "VIDEO").export([tracks.track_out([row], known, "k")], predictions_of)
            assert (read.confidence, read.span) == (0.25, (1, 2))

    def test_keyframes_with_two_confidences_are_refused(self) -> None:
        rows = [
            Prediction("i", "car", Box(1, 1, 5, 5), frame=frame, track_id="t", confidence=frame / 8) for frame in (1, 2)
        ]
        with pytest.raises(InvalidData, match="share one confidence"):
            self._wires(rows)

    def _wires(self, rows: list[Any]) -> list[dict[str, Any]]:
        known = self._wire(rows).book.find(rows[0].feature, rows[0].geometry.kind)
        assert known is not None
        groups = tracks.grouped(rows, range(len(rows)))
        return [plain(tracks.track_out([rows[place] for place in group], known, "k")) for group in groups]

    def _wire(self, rows: list[Any]) -> Wire:
        return Wire(Feature(name=rows[0].feature, geometries=(rows[0].geometry.kind,)), "VIDEO")

    def _round_trip(self, rows: list[Any]) -> list[Label]:
        return self._wire(rows).export(self._wires(rows))


class TestOntologies:
    def test_features_come_back(self) -> None:
        features = (
            Feature(name="car", geometries=("box", "polygon"), color="#00ff00", attributes=ATTRIBUTES),
            Feature(name="lane", geometries=("polyline",)),
            Feature(name="colour", geometries=("whole",), attributes=(COLOUR,)),
            Feature(name="rain", geometries=("whole",), attributes=(Attribute(name="heavy", kind="text"),)),
        )
        state = State(Settings(), SystemClock())
        tools, questions = state.schemas.fill(nodes.ontology_out(features, {"open": True}))
        found = nodes.ontology_in("o", "n", {"tools": tools, "classifications": questions})
        assert _plain(found) == _plain(Ontology(name="n", features=features))
        assert nodes.kept_in({"tools": tools, "classifications": questions}) == {"open": True}

    def test_what_has_no_tool_becomes_a_classification(self) -> None:
        made = nodes.ontology_out([Feature(name="pose", geometries=("keypoints",))], {})
        assert (made["tools"], [node["name"] for node in made["classifications"]]) == ([], ["pose"])


def _plain(ontology: Ontology) -> Any:
    """The ontology without the platform's ids."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: strip(inner) for name, inner in value.items() if name != "id"}
        return [strip(inner) for inner in value] if isinstance(value, list | tuple) else value

    return strip(ontology.model_dump())


@given(strategies.items)
def test_items_keep_what_is_compared(item: Item) -> None:
    names = keys.Keys("ds", scoped=False)
    sent = items.item_out(item, names, "schema")
    fields = [{"name": items.FIELD, "value": field["value"]} for field in sent.get("metadata_fields", ())]
    shown = {"id": "1", "globalKey": sent["global_key"], "rowData": item.uri, "metadataFields": fields}
    read = items.item_in(msgspec.json.decode(msgspec.json.encode(shown)), names)
    for field in ("key", "width", "height", "split", "metadata", "uri", "media", "frames", "frame_rate", "orientation"):
        assert getattr(read, field) == getattr(item, field)


class TestKeys:
    def test_scoped_keys_are_written_with_the_dataset_and_read_in_both_forms(self) -> None:
        names = keys.Keys("ds", scoped=True)
        assert names.out("a") == "ds/a"
        assert (names.read("ds/a", None, "1"), names.read("a", None, "1")) == ("a", "a")

    def test_a_row_without_global_key_is_named_by_what_it_has(self) -> None:
        names = keys.Keys("ds", scoped=False)
        assert (names.read(None, "outside", "1"), names.read(None, None, "1")) == ("outside", "1")

    @given(strategies.texts)
    def test_every_row_has_a_uuid_of_its_own(self, row_id: str) -> None:
        uuid = keys.uuid_of(row_id)
        assert (len(uuid), keys.uuid_of(uuid)) == (36, uuid)
        assert keys.uuid_of(row_id + "x") != uuid

    @given(st.sets(st.text("0123456789", max_size=14) | st.integers(0, 10**13).map(str)))
    def test_so_has_every_number(self, row_ids: set[str]) -> None:
        uuids = [keys.uuid_of(row_id) for row_id in row_ids]
        assert keys.are_uuids(uuids)
        assert len(set(uuids)) == len(row_ids)

    @pytest.mark.parametrize("row_id", ["7", "123456789012"])
    def test_a_number_is_found_again_in_its_uuid(self, row_id: str) -> None:
        uuid = UUID(keys.uuid_of(row_id))
        assert (uuid.hex[-12:].lstrip("0"), uuid.variant, uuid.version) == (row_id, RFC_4122, 8)

    @pytest.mark.parametrize("row_id", ["0", "007", "1234567890123", "\u0667"])
    def test_what_looks_like_a_number_and_is_none_is_hashed(self, row_id: str) -> None:
        assert UUID(keys.uuid_of(row_id)).version == 5

    @given(st.lists(IDS | st.text(alphabet="0f-\nF")))
    def test_ids_are_uuids_together_if_each_is_one(self, row_ids: list[str]) -> None:
        shape = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
        assert keys.are_uuids(row_ids) == all(map(shape.fullmatch, row_ids))
        assert not keys.are_uuids([*row_ids, "0" * 36])

    @pytest.mark.parametrize("row_id", ["", "\ud800" + "0" * 35, f"{NIL}\n{NIL}", NIL.replace("0", "A"), f"{NIL}\n"])
    def test_what_is_no_uuid(self, row_id: str) -> None:
        assert keys.are_uuids([NIL])
        assert not keys.are_uuids([row_id])

    def test_frames_count_from_one_there(self) -> None:
        assert (keys.frame_out(0), keys.frame_in("1")) == (1, 0)


@pytest.mark.parametrize(
    ("geometry", "key", "shape"),
    [
        (Box(1.5, 2, 3, 4), "bbox", {"top": 2.0, "left": 1.5, "height": 4.0, "width": 3.0}),
        (Polyline((0, 1, 2, 3)), "line", [{"x": 0.0, "y": 1.0}, {"x": 2.0, "y": 3.0}]),
        (Point(1, 2.25), "point", {"x": 1.0, "y": 2.25}),
    ],
)
def test_shapes_are_in_labelbox_s_own_form(geometry: Any, key: str, shape: Any) -> None:
    sent = plain(codec.row_out(Label("i", "car", geometry), nodes.Known({}, False), "k"))
    assert sent[key] == shape
    assert (sent["dataRow"], sent["name"], len(sent["uuid"])) == ({"globalKey": "k"}, "car", 36)
