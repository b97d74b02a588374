"""Label Studio's JSON: tasks come back as the fidelity table says, and bad exports are refused where they are bad."""

from __future__ import annotations

import json
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import (
    Box,
    Checklist,
    InvalidData,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Number,
    Option,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Provenance,
    Radio,
    RotatedBox,
    Text,
    Whole,
)
from dragoman.conformance.strategies import attributes, json_values, names, probabilities, provenances, splits, texts
from dragoman.fidelity import Survival
from dragoman.formats.labelstudio import LabelStudioReader, LabelStudioWriter, recognise
from dragoman.formats.labelstudio.brush import pack, unpack
from dragoman.formats.labelstudio.config import read_config, write_config
from dragoman.formats.labelstudio.fidelity import WRITING
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology


def options(*names: str) -> tuple[AttributeOption, ...]:
    return tuple(AttributeOption(name=name) for name in names)


FARM = Ontology(
    name="farm",
    features=(
        Feature(name="sheep", geometries=("box", "rotated_box"), color="#ff0000"),
        Feature(name="<b>&\u2028猫", geometries=("polygon", "polyline")),
        Feature(name="weather", geometries=("whole",), attributes=(Attribute(name="weather", kind="text"),)),
    ),
)
WIDTH, HEIGHT = 640, 427


def region(tag: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    size = {"original_width": 100, "original_height": 50}
    labels = {tag: ["car"]} if tag.endswith("labels") else {}
    return {"id": "r1", "from_name": "x", "to_name": "image", "type": tag, "value": {**value, **labels}, **size, **more}


RECTANGLE = region("rectanglelabels", {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0})


def task(*results: Any, **more: Any) -> dict[str, Any]:
    return {"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": list(results)}], **more}


def reader_of(tmp_path: Path, *tasks: Any, **options: Any) -> LabelStudioReader:
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    return LabelStudioReader(tmp_path, **options)


def round_trip(path: Path, items: list[Item], rows: list[Label]) -> LabelStudioReader:
    LabelStudioWriter(path).write(FARM, items, iter(rows))
    return LabelStudioReader(path)


def comparable(row: Label) -> str:
    return f"{type(row).__name__} {msgspec.json.encode(row, order='sorted').decode()}"


numbers = st.integers(-1_000_000, 1_000_000).map(lambda thousandths: thousandths / 1000)
sizes = st.integers(0, 1_000_000).map(lambda thousandths: thousandths / 1000)
pairs = st.tuples(numbers, numbers)
angles = st.integers(-360, 360)
SMALL = (13, 7)


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    from dragoman.geometry import mask_of_rows

    cuts = sorted(draw(st.sets(st.integers(1, SMALL[0] * SMALL[1] - 1), max_size=8)))
    ends = [0, *cuts, SMALL[0] * SMALL[1]]
    counts = [end - start for start, end in pairwise(ends)]
    return mask_of_rows([0, *counts] if draw(st.booleans()) else counts, SMALL[1], SMALL[0])


SHAPES: dict[str, st.SearchStrategy[Any]] = {
    "box": st.builds(Box, numbers, numbers, sizes, sizes),
    "rotated_box": st.builds(RotatedBox, numbers, numbers, sizes, sizes, angles),
    "polygon": st.lists(pairs, min_size=3, max_size=6).map(Polygon.of),
    "polyline": st.lists(pairs, min_size=2, max_size=6).map(
        lambda run: Polyline(tuple(n for pair in run for n in pair))
    ),
    "point": st.builds(Point, numbers, numbers),
    "mask": masks(),
    "whole": st.just(Whole()),
}
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


def rows_of(**more: Any) -> st.SearchStrategy[list[Label]]:
    row = {**ROW, **more}
    confidence = st.none() | st.sampled_from((0.0, 1.0)) | probabilities
    one = st.builds(Label, **row) | st.builds(Prediction, confidence=confidence, **row)
    return st.lists(one, max_size=5, unique_by=lambda row: row.id)


def test_the_strategies_cover_what_the_table_calls_exact() -> None:
    assert {form for form, kept in WRITING.geometries.items() if kept.survival is Survival.EXACT} == set(SHAPES)


@given(data=st.data())
def test_images_come_back_equal(data: st.DataObject) -> None:
    items = [
        Item(key, width=SMALL[0], height=SMALL[1], split=data.draw(splits), metadata=data.draw(ROW["metadata"]))
        for key in data.draw(st.lists(names, min_size=1, max_size=3, unique=True))
    ]
    where = {"item": st.sampled_from([item.key for item in items])}
    rows = data.draw(rows_of(**where, geometry=st.one_of(*SHAPES.values())))
    rows += [
        msgspec.structs.replace(row, id=f"whole {row.id}")
        for row in data.draw(rows_of(**where, geometry=st.just(Whole()), answer=answers))
    ]
    with tempfile.TemporaryDirectory() as folder:
        reader = round_trip(Path(folder, "set"), items, rows)
        assert reader.ontology() == FARM
        assert list(reader.items()) == items
        assert sorted(map(comparable, reader.rows())) == sorted(map(comparable, rows))


@st.composite
def moments(draw: st.DrawFn) -> dict[str, Any]:
    """Any moment at all: tracks with gaps, overlaps, and keyframes of all interpolations."""
    start, length = draw(st.integers(0, 12)), draw(st.integers(0, 6))
    kind = draw(st.sampled_from(("always", "frame", "span", "key", "key", "key")))
    moment: dict[str, Any] = {"track_id": draw(st.sampled_from((None, "1", "herd")))}
    if kind in ("frame", "key"):
        moment["frame"] = draw(st.integers(start, start + length))
    if kind in ("span", "key"):
        moment["span"] = (start, start + length)
    if kind == "key":
        moment["interpolation"] = draw(st.sampled_from(("linear", "linear", "hold", "none")))
    return moment


@given(data=st.data())
def test_videos_come_back_equal(data: st.DataObject) -> None:
    frames = data.draw(st.none() | st.just(19))
    items = [Item("v.mp4", width=WIDTH, height=HEIGHT, media="video", frames=frames, frame_rate=25.0)]
    shapes = SHAPES["box"] | SHAPES["rotated_box"] | SHAPES["whole"]
    drawn = data.draw(rows_of(item=st.just("v.mp4"), geometry=shapes))
    rows = [msgspec.structs.replace(row, id=f"{row.id} {n}", **data.draw(moments())) for n, row in enumerate(drawn)]
    with tempfile.TemporaryDirectory() as folder:
        reader = round_trip(Path(folder, "set.json"), items, rows)
        assert list(reader.items()) == items
        assert sorted(map(comparable, reader.rows())) == sorted(map(comparable, rows))


class TestKnownWaysToLoseData:
    def test_rotated_boxes_flattened(self, tmp_path: Path) -> None:
        """The angle turns the box about its top-left corner, which stays where it is."""
        turned = region("rectanglelabels", {"x": 50, "y": 20, "width": 20, "height": 20, "rotation": 90})
        (row,) = reader_of(tmp_path, task(turned)).rows()
        assert row.geometry == RotatedBox(45, 20, 20, 10, 90)

    def test_frame_indices_off_by_one(self, tmp_path: Path) -> None:
        key = {"x": 0, "y": 0, "width": 10, "height": 10, "rotation": 0}
        keys = [{**key, "frame": 1, "enabled": True}, {**key, "frame": 5, "enabled": False}, {**key, "frame": 8}]
        value = {"framesCount": 10, "sequence": keys, "labels": ["car"]}
        video = {**task(region("videorectangle", value)), "data": {"video": "v.mp4"}}
        assert [
            (row.frame, row.span, row.interpolation, row.track_id) for row in reader_of(tmp_path, video).rows()
        ] == [
            (0, (0, 4), "linear", "r1"),
            (4, (0, 4), "linear", "r1"),
            (None, (7, 9), "none", "r1"),
        ]
        (item,) = reader_of(tmp_path, video).items()
        assert (item.media, item.frames) == ("video", 10)

    def test_timelines_keep_their_ranges(self, tmp_path: Path) -> None:
        value = {"ranges": [{"start": 1, "end": 1}, {"start": 3, "end": 9}], "timelinelabels": ["car"]}
        result = {"id": "t", "type": "timelinelabels", "from_name": "x", "value": value}
        rows = list(reader_of(tmp_path, {**task(result), "data": {"video": "v.mp4"}}).rows())
        assert [(row.frame, row.span, row.geometry) for row in rows] == [(0, None, Whole()), (None, (2, 8), Whole())]
        assert len({row.id for row in rows}) == 2

    def test_ids_merged(self, tmp_path: Path) -> None:
        copied = {"predictions": [{"result": [RECTANGLE]}], "annotations": [{"result": [RECTANGLE]}] * 2}
        rows = list(reader_of(tmp_path, task(**copied)).rows())
        assert [type(row).__name__ for row in rows] == ["Label", "Label", "Prediction"]
        assert rows[0].id == rows[2].id == "r1"
        assert rows[1].id != "r1"

    def test_attributes_dropped(self, tmp_path: Path) -> None:
        answered = [
            {"id": "r1", "from_name": name, "type": tag, "value": value}
            for name, tag, value in (
                ("color", "choices", {"choices": ["red"]}),
                ("seen", "choices", {"choices": ["front", "top"]}),
                ("note", "textarea", {"text": ["two", "lines"]}),
                ("doors", "number", {"number": 4}),
            )
        ]
        (row,) = reader_of(tmp_path, task(RECTANGLE, *answered)).rows()
        assert row.attributes == {
            "color": Radio.of("red"),
            "seen": Checklist.of("front", "top"),
            "note": Text("two\nlines"),
            "doors": Number(4),
        }

    def test_confidence_zero_treated_as_absent(self, tmp_path: Path) -> None:
        predicted = task(
            annotations=[], predictions=[{"score": 0.9, "model_version": "v2", "result": [{**RECTANGLE, "score": 0.0}]}]
        )
        (row,) = reader_of(tmp_path, predicted).rows()
        assert isinstance(row, Prediction)
        assert (row.confidence, row.provenance) == (0.0, Provenance("label-studio", version="v2"))

    def test_the_score_of_a_prediction_is_that_of_results_without(self, tmp_path: Path) -> None:
        (row,) = reader_of(tmp_path, task(annotations=[], predictions=[{"score": 0.0, "result": [RECTANGLE]}])).rows()
        assert isinstance(row, Prediction)
        assert row.confidence == 0.0

    def test_items_without_annotations_dropped(self, tmp_path: Path) -> None:
        tasks = [{"data": {"image": name}} for name in ("one/a.jpg", "two/a.jpg")]
        assert [item.key for item in reader_of(tmp_path, *tasks).items()] == ["one/a.jpg", "two/a.jpg"]

    def test_boxes_outside_the_image_clamped(self, tmp_path: Path) -> None:
        row = Label("a", "sheep", Box(-10.5, -5, 5000, 500))
        assert list(round_trip(tmp_path / "set", [Item("a", width=100, height=50)], [row]).rows()) == [row]

    def test_several_labels_of_one_region(self, tmp_path: Path) -> None:
        both = {**RECTANGLE, "value": {**RECTANGLE["value"], "rectanglelabels": ["car", "red"]}}
        rows = list(reader_of(tmp_path, task(both)).rows())
        assert [row.feature for row in rows] == ["car", "red"]
        assert len({row.id for row in rows}) == 2

    def test_relations_dropped(self, tmp_path: Path) -> None:
        relation = {"type": "relation", "from_id": "r1", "to_id": "r2", "direction": "right", "labels": ["pulls"]}
        first, second = reader_of(tmp_path, task(RECTANGLE, {**RECTANGLE, "id": "r2"}, relation)).rows()
        assert first.metadata == {"relations": [{"to": "r2", "direction": "right", "labels": ["pulls"]}]}
        ontology = Ontology(name="x", features=(Feature(name="car"),))
        LabelStudioWriter(tmp_path / "again.json").write(
            ontology, [Item("a.jpg", width=100, height=50)], [first, second]
        )
        assert relation in json.loads((tmp_path / "again.json").read_text())[0]["annotations"][0]["result"]
        assert list(LabelStudioReader(tmp_path / "again.json").rows()) == [first, second]


class TestShapes:
    @pytest.mark.parametrize(
        ("tag", "value", "geometry"),
        [
            ("rectanglelabels", {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}, Box(10, 10, 30, 20)),
            ("polygonlabels", {"points": [[0, 0], [50, 0], [50, 50]]}, Polygon.of([(0, 0), (50, 0), (50, 25)])),
            ("polygonlabels", {"points": [[0, 0], [50, 50]], "closed": False}, Polyline((0, 0, 50, 25))),
            ("keypointlabels", {"x": 10, "y": 20, "width": 0.3}, Point(10, 10)),
        ],
    )
    def test_percent_of_the_original_size(self, tmp_path: Path, tag: str, value: dict[str, Any], geometry: Any) -> None:
        assert next(reader_of(tmp_path, task(region(tag, value))).rows()).geometry == geometry

    def test_ellipses_stay_ellipses(self, tmp_path: Path) -> None:
        ellipse = {"x": 50.0, "y": 50.0, "radiusX": 10.0, "radiusY": 20.0, "rotation": 30.0}
        (row,) = reader_of(tmp_path, task(region("ellipselabels", ellipse))).rows()
        assert isinstance(row.geometry, Polygon)
        assert row.metadata == {"ellipse": ellipse}
        ontology = Ontology(name="x", features=(Feature(name="car"),))
        LabelStudioWriter(tmp_path / "set.json").write(ontology, [Item("a.jpg", width=100, height=50)], [row])
        (result,) = json.loads((tmp_path / "set.json").read_text())[0]["annotations"][0]["result"]
        assert result["type"] == "ellipselabels"
        assert result["value"] == {**ellipse, "ellipselabels": ["car"]}

    def test_a_tag_that_draws_and_one_that_names(self, tmp_path: Path) -> None:
        drawn = region("rectangle", {"x": 0, "y": 0, "width": 100, "height": 100})
        named = {"id": "r1", "type": "labels", "from_name": "y", "value": {"labels": ["car"]}}
        assert [(row.feature, row.geometry) for row in reader_of(tmp_path, task(drawn, named)).rows()] == [
            ("car", Box(0, 0, 100, 50))
        ]

    def test_answers_about_the_item(self, tmp_path: Path) -> None:
        sunny = {"id": "c", "from_name": "weather", "type": "choices", "value": {"choices": ["sunny"]}}
        (row,) = reader_of(tmp_path, task(sunny)).rows()
        assert (row.feature, row.geometry, row.answer) == ("weather", Whole(), Radio.of("sunny"))

    def test_stored_shapes_are_choices(self) -> None:
        assert WRITING.geometry("keypoints").survival is Survival.STORED


class TestBrush:
    @given(st.lists(st.integers(1, 70_000), min_size=1, max_size=6), st.booleans())
    def test_what_is_packed_comes_back(self, counts: list[int], starts_with_foreground: bool) -> None:
        counts = [0, *counts] if starts_with_foreground else counts
        assert unpack(pack(counts, sum(counts)), sum(counts)) == counts

    def test_bytes_of_label_studios_own_converter(self) -> None:
        """What label_studio_sdk 2.1.2 packs of the mask with rows 011 and 001."""
        theirs = [0, 0, 0, 24, 57, 27, 252, 96, 19, 255, 206, 1, 31, 248]
        assert unpack(theirs, 6) == [1, 2, 2, 1]
        assert pack([1, 2, 2, 1], 6) == theirs

    def test_the_header_is_label_studios(self) -> None:
        packed = pack([1, 1], 2)
        # 8 values of 8 bits; lengths of 3, 4, 8 and 16 bits: 00111 0010 0011 0111 1111
        assert packed[:6] == [0, 0, 0, 8, 0b00111001, 0b00011011]
        assert packed[6] >> 3 == 0b11111

    def test_words_one_by_one(self) -> None:
        """A block that is no run has its words one after the other; Label Studio writes such where pixels vary."""
        header = f"{8:032b}" + "00111" + "0010001101111111"
        eight_words = "0" + "00" + "111" + "0" * 32 + "0" * 24 + "1" * 8
        bits = header + eight_words
        packed = [int(bits[n : n + 8].ljust(8, "0"), 2) for n in range(0, len(bits), 8)]
        assert unpack(packed, 2) == [1, 1]

    @pytest.mark.parametrize(
        ("packed", "pixels", "reason"),
        [
            ([0, 0], 1, "break off"),
            ([300], 1, "no bytes"),
            (["x"], 1, "no bytes"),
            (pack([4], 4), 5, "5 pixels have 20"),
            (pack([4], 4)[:-1], 4, "break off"),
        ],
    )
    def test_broken_run_lengths(self, packed: Any, pixels: int, reason: str) -> None:
        with pytest.raises(InvalidData, match=reason):
            unpack(packed, pixels)


class TestConfiguration:
    XML = b"""<View>
      <Image name="image" value="$photo"/>
      <RectangleLabels name="box" toName="image">
        <Label value="car" background="#00ff00"/><Label value="bus" background="green"/>
      </RectangleLabels>
      <Choices name="color" toName="image" perRegion="true" whenLabelValue="car" required="true">
        <Choice value="red"/><Choice value="blue"/>
      </Choices>
      <Choices name="weather" toName="image" choice="multiple"><Choice value="sun"/></Choices>
      <TextArea name="note" toName="image"/>
    </View>"""

    def test_controls_become_features_and_questions(self) -> None:
        color = Attribute(name="color", kind="radio", options=options("red", "blue"), required=True)
        weather = Attribute(name="weather", kind="checklist", options=options("sun"))
        assert read_config(self.XML).ontology("cars").features == (
            Feature(name="car", geometries=("box", "rotated_box"), color="#00ff00", attributes=(color,)),
            Feature(name="bus", geometries=("box", "rotated_box")),
            Feature(name="weather", geometries=("whole",), attributes=(weather,)),
            Feature(name="note", geometries=("whole",), attributes=(Attribute(name="note", kind="text"),)),
        )

    def test_an_ontology_comes_back(self) -> None:
        ontology = read_config(self.XML).ontology("cars")
        assert read_config(write_config(ontology).encode()).ontology("cars") == ontology

    def test_classes_are_choices(self) -> None:
        ontology = Ontology(name="x", features=(Feature(name="day", geometries=("whole",)),))
        assert read_config(write_config(ontology).encode()).ontology("x") == ontology

    def test_it_says_which_data_is_the_medium(self, tmp_path: Path) -> None:
        (tmp_path / "config.xml").write_bytes(self.XML)
        reader = reader_of(tmp_path, {"data": {"photo": "s3://x/a.jpg", "url": "https://example.org", "taken": 3}})
        (item,) = reader.items()
        assert (item.key, item.metadata) == ("s3://x/a.jpg", {"url": "https://example.org", "taken": 3})

    def test_bombs_are_refused(self) -> None:
        with pytest.raises(InvalidData, match="refused"):
            read_config(b'<!DOCTYPE View [<!ENTITY a "a">]><View>&a;</View>')


class TestBadInput:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("", "task 0, byte 0: it is no JSON array"),
            ("{}", "no JSON array"),
            ('[{"data": {"image": "a"}}', "task 1, byte 25: it breaks off"),
            ('[{"data": {"image": "a"', "task 0, byte 23: the JSON is broken"),
            ('[{"data": {"image": "a"}}] x', "more after its end"),
            ('[{"data": {"image": "a"}} {}]', "should be"),
            ('[{"data": {"image": NaN}}]', "NaN is no JSON"),
            ("[" * 100_000, "nested too deeply"),
            ('[{"data": []}]', "task 0: the task is not as it should be"),
            ("[1]", "task 0: the task is not"),
            ('[{"data": {}}]', "no image or video"),
        ],
    )
    def test_a_broken_file_is_named_with_its_task(self, tmp_path: Path, content: str, reason: str) -> None:
        (tmp_path / "tasks.json").write_text(content)
        with pytest.raises(InvalidData, match=reason) as caught:
            list(LabelStudioReader(tmp_path).items())
        assert "tasks.json" in str(caught.value)

    def test_text_that_is_no_unicode(self, tmp_path: Path) -> None:
        (tmp_path / "tasks.json").write_bytes(b'[{"data": {"image": "\xff"}}]')
        with pytest.raises(InvalidData, match="no UTF-8"):
            list(LabelStudioReader(tmp_path).items())

    @pytest.mark.parametrize(
        ("result", "reason"),
        [
            ("text", "result 0 is not as it should be"),
            ({"value": {}}, "type"),
            (region("rectanglelabels", {"x": "left", "y": 0, "width": 1, "height": 1}), "x is 'left'"),
            (region("rectanglelabels", {"y": 0, "width": 1, "height": 1}), "x is None"),
            (region("rectanglelabels", {"x": 0, "y": 0, "width": -1, "height": 1}), "not negative"),
            (region("polygonlabels", {"points": [[0, 0], [1]]}), "no list of pairs"),
            (region("polygonlabels", {"points": [[0, 0], [1, 1]]}), "at least 6"),
            (region("brushlabels", {"format": "rle"}), "no run lengths"),
            (region("videorectangle", {"sequence": [], "labels": ["car"]}), "no sequence"),
            (region("videorectangle", {"sequence": [{"frame": 0}], "labels": ["car"]}), "count from 1"),
            (region("rectangle", {"x": 0, "y": 0, "width": 1, "height": 1}), "has no label"),
            ({**RECTANGLE, "original_width": None}, "no original size"),
            ({"type": "taxonomy", "from_name": "x", "value": {"taxonomy": [["a"]]}}, "no counterpart"),
            ({"type": "choices", "from_name": "x", "value": {"choices": [3]}}, "choices are"),
            ({"type": "relation", "from_id": "r9", "to_id": "r8"}, "starts at 'r9'"),
        ],
    )
    def test_a_bad_result_is_named(self, tmp_path: Path, result: Any, reason: str) -> None:
        with pytest.raises(InvalidData, match=reason) as caught:
            list(reader_of(tmp_path, {"data": {"image": "b"}}, task(result)).rows())
        assert caught.value.row == 1

    def test_bad_results_are_collected(self, tmp_path: Path) -> None:
        bad = [1, task({"type": "taxonomy"}, RECTANGLE)]
        reader = reader_of(tmp_path, *bad, on_error="collect")
        assert [row.id for row in reader.rows()] == ["r1"]
        assert [error.row for error in reader.errors] == [0, 1]

    def test_two_tasks_of_one_medium(self, tmp_path: Path) -> None:
        tasks = [{"id": number, "data": {"image": "a.jpg"}} for number in (4, 5)]
        with pytest.raises(InvalidData, match=r"another task has the medium 'a\.jpg'"):
            list(reader_of(tmp_path, *tasks).items())
        assert [item.key for item in reader_of(tmp_path, *tasks, key="id").items()] == ["4", "5"]

    def test_elements_larger_than_what_is_read_at_once(self, tmp_path: Path) -> None:
        large = {"data": {"image": "a.jpg", "text": "é" * 600_000}}
        assert len(list(reader_of(tmp_path, large, *({"data": {"image": f"{n}"}} for n in range(9))).items())) == 10

    def test_recognised_by_its_first_task(self, tmp_path: Path) -> None:
        reader_of(tmp_path, task(RECTANGLE))
        assert recognise(tmp_path)
        (tmp_path / "other.json").write_text('{"images": []}')
        assert not recognise(tmp_path / "other.json")

    @pytest.mark.parametrize(
        "bad",
        [
            Label("nowhere", "sheep", Whole()),
            Label("a", "wolf", Whole()),
            Label("a", "sheep", Keypoints((Keypoint("nose", 1, 2),))),
            Label("b", "sheep", Box(0, 0, 1, 1)),
            Label("v", "sheep", Point(0, 0), frame=3),
            Label("a", "sheep", Mask(2, 2, (4,))),
        ],
    )
    def test_nothing_is_half_written(self, tmp_path: Path, bad: Label) -> None:
        items = [Item("a", width=10, height=10), Item("b"), Item("v", media="video", width=10, height=10)]
        with pytest.raises(InvalidData) as caught:
            LabelStudioWriter(tmp_path / "set").write(FARM, items, [Label("a", "sheep", Whole()), bad])
        assert caught.value.row == 1
        assert list(tmp_path.iterdir()) == []

    def test_two_rows_of_one_id(self, tmp_path: Path) -> None:
        rows = [Label("a", "sheep", Whole(), id="same")] * 2
        with pytest.raises(InvalidData, match="have the id 'same'"):
            LabelStudioWriter(tmp_path / "set").write(FARM, [Item("a")], rows)
        assert list(tmp_path.iterdir()) == []
