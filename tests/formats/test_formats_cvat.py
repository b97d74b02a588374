"""CVAT's XML: images and videos come back as the fidelity table says, and bad files are refused where they are bad."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import drawn_rows
import msgspec
import pytest
from drawn_rows import comparable, moments, pairs, rows_of
from hypothesis import given
from hypothesis import strategies as st

from dragoman import (
    Box,
    InvalidData,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Number,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Radio,
    RotatedBox,
    Text,
    Whole,
)
from dragoman.conformance.strategies import attributes, json_values, masks, provenances, splits, texts
from dragoman.fidelity import Survival
from dragoman.formats.common.markup import writable
from dragoman.formats.cvat import CvatReader, CvatWriter, recognise
from dragoman.formats.cvat.fidelity import WRITING
from dragoman.geometry import array_of_mask, mask_of_array
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology

FARM = Ontology(
    name="farm",
    features=(
        Feature(
            name="sheep",
            color="#ff0000",
            attributes=(
                Attribute(name="age", kind="number"),
                Attribute(name="wool", kind="radio", options=(AttributeOption(name="a"), AttributeOption(name="b"))),
            ),
        ),
        Feature(name=" <b>&\u2028\r\n猫", geometries=("polygon",)),
    ),
)
LABELS = "<labels><label><name>car</name><attributes>{attributes}</attributes>{more}</label></labels>"


def export(body: str, *, attributes: str = "", more: str = "", task: str = "<name>streets</name>") -> str:
    labels = LABELS.format(attributes=attributes, more=more)
    return f"<annotations>\n<meta><task>{task}{labels}</task></meta>\n{body}\n</annotations>\n"


def image(shapes: str, name: str = "a.jpg", more: str = "") -> str:
    return f'<image id="0" name="{name}" width="100" height="50"{more}>{shapes}</image>'


def reader_of(tmp_path: Path, content: str, **options: Any) -> CvatReader:
    file = tmp_path / "annotations.xml"
    file.write_text(content, encoding="utf-8", newline="\n")
    return CvatReader(file, **options)


def round_trip(path: Path, items: list[Item], rows: list[Label], ontology: Ontology = FARM) -> CvatReader:
    CvatWriter(path).write(ontology, items, iter(rows))
    return CvatReader(path)


labels_of_points = texts.filter(lambda text: bool(text) and writable(text))


@st.composite
def keypoints(draw: st.DrawFn) -> Keypoints:
    names = draw(st.lists(labels_of_points, min_size=1, max_size=4, unique=True))
    points = []
    for name in names:
        visibility = draw(st.sampled_from((0, 1, 2)))
        points.append(Keypoint(name, *(draw(pairs) if visibility else (None, None)), visibility))
    ends = st.integers(0, len(names) - 1)
    return Keypoints(tuple(points), tuple(draw(st.lists(st.tuples(ends, ends), max_size=3))))


SHAPES: dict[str, st.SearchStrategy[Any]] = {
    **drawn_rows.SHAPES,
    "keypoints": keypoints(),
    "mask": masks.map(lambda mask: mask_of_array(array_of_mask(mask))),
}
ROW: dict[str, Any] = {
    "feature": st.sampled_from([feature.name for feature in FARM.features]),
    "id": texts,
    "attributes": attributes | st.fixed_dictionaries({"occluded": st.booleans()}),
    "metadata": st.dictionaries(texts | st.sampled_from(("source", "z_order")), json_values, max_size=2),
    "provenance": st.none() | provenances,
}


def test_the_strategies_cover_what_the_table_calls_exact() -> None:
    assert {form for form, kept in WRITING.geometries.items() if kept.survival is Survival.EXACT} == set(SHAPES)


@given(data=st.data())
def test_images_come_back_equal(data: st.DataObject) -> None:
    keys = data.draw(st.lists(texts.filter(bool), min_size=1, max_size=3, unique=True))
    items = [Item(key, width=40, height=50, split=data.draw(splits)) for key in keys]
    rows = data.draw(rows_of(**ROW, item=st.sampled_from(keys), geometry=st.one_of(*SHAPES.values())))
    with tempfile.TemporaryDirectory() as folder:
        reader = round_trip(Path(folder, "set"), items, rows)
        assert reader.ontology() == FARM
        assert list(reader.items()) == items
        assert comparable(reader.rows()) == comparable(rows)


@given(data=st.data())
def test_videos_come_back_equal(data: st.DataObject) -> None:
    frames = st.none() | st.just(19)
    items = [Item(f"{n}.mp4", media="video", frames=data.draw(frames), frame_rate=25.0) for n in range(2)]
    items.append(Item("still.png"))
    shapes = st.one_of(*(shape for form, shape in SHAPES.items() if form not in ("whole", "mask")))
    rows = [
        msgspec.structs.replace(row, id=row.id and f"{row.id} {number}", **data.draw(moments()))
        for number, row in enumerate(
            data.draw(rows_of(**ROW, item=st.sampled_from(("0.mp4", "1.mp4")), geometry=shapes))
        )
    ]
    with tempfile.TemporaryDirectory() as folder:
        reader = round_trip(Path(folder, "set.xml"), items, rows)
        assert sorted(item.key for item in reader.items()) == [item.key for item in items]
        assert {item.key: item for item in reader.items()} == {item.key: item for item in items}
        assert comparable(reader.rows()) == comparable(rows)


class TestKnownWaysToLoseData:
    def test_rotated_boxes_flattened(self, tmp_path: Path) -> None:
        shape = '<box label="car" xtl="30" ytl="20" xbr="70" ybr="30" rotation="30.00"/>'
        assert next(reader_of(tmp_path, export(image(shape))).rows()).geometry == RotatedBox(50, 25, 40, 10, 30)

    def test_holes_and_second_parts_of_masks_dropped(self, tmp_path: Path) -> None:
        mask = Mask(5, 7, (7, 1, 1, 3, 10, 2, 11))
        row = Label("a", "sheep", mask)
        assert list(round_trip(tmp_path / "set", [Item("a", width=7, height=5)], [row]).rows()) == [row]

    def test_frame_indices_off_by_one(self, tmp_path: Path) -> None:
        corners = 'xtl="0" ytl="0" xbr="9" ybr="9"'
        shapes = f'<box frame="0" {corners}/><box frame="1" outside="1" {corners}/>'
        (row,) = reader_of(tmp_path, export(f'<track id="0" label="car">{shapes}</track>')).rows()
        assert (row.frame, row.span, row.track_id) == (0, None, "0")

    def test_tracks_broken(self, tmp_path: Path) -> None:
        box = 'xtl="0" ytl="0" xbr="9" ybr="9"'
        shapes = "".join(
            f'<box frame="{frame}" keyframe="{keyframe}" outside="{outside}" {box}/>'
            for frame, keyframe, outside in ((2, 1, 0), (3, 0, 0), (5, 1, 0), (6, 1, 1), (8, 1, 0), (9, 0, 0))
        )
        task = "<name>t</name><size>20</size><mode>interpolation</mode><source>v.mp4</source>"
        reader = reader_of(tmp_path, export(f'<track id="7" label="car">{shapes}</track>', task=task))
        assert [(row.item, row.frame, row.span, row.interpolation, row.track_id) for row in reader.rows()] == [
            ("v.mp4", 2, (2, 5), "linear", "7"),
            ("v.mp4", 5, (2, 5), "linear", "7"),
            ("v.mp4", None, (8, 19), "none", "7"),
        ]

    def test_a_held_keyframe_is_shown_as_held(self, tmp_path: Path) -> None:
        rows = [
            Label("v", "sheep", Box(frame, 0, 1, 1), frame=frame, span=(0, 9), interpolation="hold", track_id="t")
            for frame in (0, 5)
        ]
        reader = round_trip(tmp_path / "set", [Item("v", media="video", frames=10)], rows)
        text = (tmp_path / "set/annotations.xml").read_text()
        assert [text.count(f'frame="{frame}" keyframe="1" outside="0"') for frame in (0, 4, 5, 9)] == [1, 1, 1, 0]
        assert list(reader.rows()) == rows

    def test_answers_are_written_as_others_read_them(self, tmp_path: Path) -> None:
        attributes = {"age": Number(3), "wool": Radio.of("a"), "note": Text("old")}
        row = Label("a", "sheep", Box(1, 2, 3, 4), attributes=attributes)
        reader = round_trip(tmp_path / "set.xml", [Item("a")], [row])
        text = (tmp_path / "set.xml").read_text()
        assert [f">{value}</attribute>" in text for value in ("3", "a", "old")] == [True] * 3
        assert list(reader.rows()) == [row]

    def test_attributes_dropped(self, tmp_path: Path) -> None:
        spec = "".join(
            f"<attribute><name>{name}</name><input_type>{kind}</input_type><values>{values}</values></attribute>"
            for name, kind, values in (
                ("parked", "checkbox", "false"),
                ("doors", "number", "2\n5"),
                ("make", "select", "a\nb"),
            )
        )
        values = "".join(
            f'<attribute name="{name}">{value}</attribute>'
            for name, value in (("parked", "true"), ("doors", "4"), ("make", "b"), ("undeclared", "7"))
        )
        shape = f'<box label="car" occluded="1" xtl="0" ytl="0" xbr="1" ybr="1" z_order="3">{values}</box>'
        reader = reader_of(tmp_path, export(image(shape), attributes=spec))
        (row,) = reader.rows()
        assert row.attributes == {"occluded": True, "parked": True, "doors": 4.0, "make": "b", "undeclared": "7"}
        assert row.metadata == {"z_order": 3}
        assert [(a.name, a.kind, len(a.options)) for a in reader.ontology().features[0].attributes] == [
            ("parked", "radio", 2),
            ("doors", "number", 0),
            ("make", "radio", 2),
        ]

    def test_items_without_annotations_dropped(self, tmp_path: Path) -> None:
        reader = reader_of(tmp_path, export(image("") + image("", "b.jpg", ' subset="val"')))
        assert [(item.key, item.width, item.split) for item in reader.items()] == [
            ("a.jpg", 100, None),
            ("b.jpg", 100, "val"),
        ]

    def test_a_video_that_was_exported_as_images_is_no_item_besides(self, tmp_path: Path) -> None:
        task = "<id>1</id><size>2</size><mode>interpolation</mode><source>v.mp4</source>"
        assert [item.key for item in reader_of(tmp_path, export(image(""), task=task)).items()] == ["a.jpg"]

    def test_of_a_project_only_the_videos_that_were_exported_as_images_are_no_items(self, tmp_path: Path) -> None:
        tasks = "".join(f"<task><id>{n}</id><mode>interpolation</mode><source>{n}.mp4</source></task>" for n in (4, 5))
        meta = f"<meta><project><labels/><tasks>{tasks}</tasks></project></meta>"
        frame = image("", more=' task_id="4"')
        content = f"<annotations>{meta}{frame}</annotations>"
        assert [item.key for item in reader_of(tmp_path, content).items()] == ["5.mp4", "a.jpg"]

    def test_a_video_without_tracks_is_kept(self, tmp_path: Path) -> None:
        size = "<original_size><width>8</width><height>6</height></original_size>"
        task = f"<size>5</size><mode>interpolation</mode>{size}<source>v</source>"
        assert list(reader_of(tmp_path, export("", task=task)).items()) == [
            Item("v", media="video", frames=5, width=8, height=6)
        ]

    def test_ids_merged(self, tmp_path: Path) -> None:
        shape = '<box label="car" xtl="0" ytl="0" xbr="1" ybr="1"/>'
        assert len({row.id for row in reader_of(tmp_path, export(image(shape * 2))).rows()}) == 2

    def test_file_names_colliding(self, tmp_path: Path) -> None:
        items = [Item(key, width=1, height=1) for key in ("one/a.jpg", "two/a.jpg", "two/a.png", "../a.jpg", "\0")]
        assert list(round_trip(tmp_path / "set", items, []).items()) == items

    def test_boxes_outside_the_image_clamped(self, tmp_path: Path) -> None:
        row = Label("a", "sheep", Box(-10.5, -5, 500, 500))
        assert list(round_trip(tmp_path / "set", [Item("a", width=100, height=50)], [row]).rows()) == [row]

    def test_confidence_zero_treated_as_absent(self, tmp_path: Path) -> None:
        row = Prediction("a", "sheep", Box(0, 0, 1, 1), confidence=0.0)
        assert list(round_trip(tmp_path / "set", [Item("a")], [row]).rows()) == [row]


class TestShapes:
    @pytest.mark.parametrize(
        ("shape", "geometry"),
        [
            ('<polygon label="car" points="1,2;3,4;5.5,6"/>', Polygon.of([(1, 2), (3, 4), (5.5, 6)])),
            ('<polyline label="car" points="1,2;3,4"/>', Polyline((1, 2, 3, 4))),
            ('<points label="car" points="1,2"/>', Point(1, 2)),
            ('<points label="car" points="1,2;3,4"/>', Keypoints((Keypoint("0", 1, 2), Keypoint("1", 3, 4)))),
            ('<tag label="car"/>', Whole()),
        ],
    )
    def test_what_cvat_writes(self, tmp_path: Path, shape: str, geometry: Any) -> None:
        assert next(reader_of(tmp_path, export(image(shape))).rows()).geometry == geometry

    def test_masks_are_row_by_row_in_a_crop(self, tmp_path: Path) -> None:
        mask = '<mask label="car" rle="1, 2, 1" left="3" top="4" width="2" height="2"/>'
        (row,) = reader_of(tmp_path, export(image(mask))).rows()
        assert isinstance(row.geometry, Mask)
        array = array_of_mask(row.geometry)
        assert array.shape == (50, 100)
        assert sorted(zip(*array.nonzero(), strict=True)) == [(4, 4), (5, 3)]

    def test_skeletons(self, tmp_path: Path) -> None:
        svg = "<svg>&lt;line data-node-from=&quot;1&quot; data-node-to=&quot;2&quot;/&gt;</svg>"
        points = (
            '<points label="nose" outside="0" occluded="0" points="1,2"/>'
            '<points label="tail" outside="0" occluded="1" points="3,4"/>'
            '<points label="ear" outside="1" occluded="0" points="0,0"/>'
        )
        reader = reader_of(tmp_path, export(image(f'<skeleton label="car">{points}</skeleton>'), more=svg))
        assert next(reader.rows()).geometry == Keypoints(
            (Keypoint("nose", 1, 2, 2), Keypoint("tail", 3, 4, 1), Keypoint("ear", None, None, 0)), ((0, 1),)
        )

    def test_flat_cuboids_are_eight_points(self, tmp_path: Path) -> None:
        corners = " ".join(
            f'x{side}{face}="{number}" y{side}{face}="{number + 10}"'
            for number, (face, side) in enumerate((face, side) for face in "12" for side in ("tl", "bl", "tr", "br"))
        )
        (row,) = reader_of(tmp_path, export(image(f'<cuboid label="car" {corners}/>'))).rows()
        assert isinstance(row.geometry, Keypoints)
        assert [(point.name, point.x, point.y) for point in row.geometry.points][:2] == [("tl1", 0, 10), ("bl1", 1, 11)]
        ontology = Ontology(name="x", features=(Feature(name="car"),))
        again = round_trip(tmp_path / "set", [Item("a.jpg", width=100, height=50)], [row], ontology)
        assert "<cuboid" in (tmp_path / "set/annotations.xml").read_text()
        assert list(again.rows()) == [row]

    @pytest.mark.parametrize("more", ["", ' rotation="30"'])
    def test_ellipses_stay_ellipses(self, tmp_path: Path, more: str) -> None:
        shape = f'<ellipse label="car" cx="50" cy="20.5" rx="10" ry="15" z_order="2"{more}/>'
        (row,) = reader_of(tmp_path, export(image(shape))).rows()
        assert isinstance(row.geometry, Polygon)
        assert row.geometry.parts[0][0][:2] == ((60, 20.5) if not more else (58.660254, 25.5))
        numbers = {"cx": 50.0, "cy": 20.5, "rx": 10.0, "ry": 15.0, "rotation": 30.0 if more else 0.0}
        assert row.metadata == {"ellipse": numbers, "z_order": 2}
        ontology = Ontology(name="x", features=(Feature(name="car"),))
        again = round_trip(tmp_path / "set", [Item("a.jpg", width=100, height=50)], [row], ontology)
        text = (tmp_path / "set/annotations.xml").read_text()
        assert '<ellipse label="car"' in text
        assert 'cx="50" cy="20.5" rx="10" ry="15"' in text
        assert list(again.rows()) == [row]

    def test_ellipses_in_tracks(self, tmp_path: Path) -> None:
        shapes = "".join(f'<ellipse frame="{frame}" cx="9" cy="9" rx="{frame + 1}" ry="2"/>' for frame in (0, 4))
        rows = list(reader_of(tmp_path, export(f'<track id="0" label="car">{shapes}</track>')).rows())
        assert [(row.frame, row.metadata["ellipse"]["rx"]) for row in rows] == [(0, 1.0), (4, 5.0)]
        ontology = Ontology(name="x", features=(Feature(name="car"),))
        again = round_trip(tmp_path / "set", [Item("streets", media="video")], rows, ontology)
        assert "<ellipse" in (tmp_path / "set/annotations.xml").read_text()
        assert [row.metadata for row in again.rows()] == [row.metadata for row in rows]

    def test_a_polygon_that_was_an_ellipse_and_has_been_changed_is_a_polygon(self, tmp_path: Path) -> None:
        numbers = {"cx": 50.0, "cy": 20.0, "rx": 10.0, "ry": 15.0, "rotation": 0.0}
        row = Label("a", "sheep", Polygon.of([(1, 2), (3, 4), (5.5, 6)]), metadata={"ellipse": numbers})
        assert list(round_trip(tmp_path / "set", [Item("a")], [row]).rows()) == [row]
        assert "<polygon" in (tmp_path / "set/annotations.xml").read_text()

    def test_labels_of_ellipses_are_polygons(self, tmp_path: Path) -> None:
        (feature,) = reader_of(tmp_path, export("", more="<type>ellipse</type>")).ontology().features
        assert feature.geometries == ("polygon",)

    def test_points_of_a_skeleton_are_no_features(self, tmp_path: Path) -> None:
        content = export("").replace("</labels>", "<label><name>nose</name><parent>car</parent></label></labels>")
        assert [feature.name for feature in reader_of(tmp_path, content).ontology().features] == ["car"]

    def test_a_skeleton_without_lines_gets_none_from_its_neighbours(self, tmp_path: Path) -> None:
        points = (Keypoint("nose", 1, 2), Keypoint("tail", 3, 4))
        rows = [Label("a", "sheep", Keypoints(points, lines)) for lines in (((0, 1),), ())]
        assert list(round_trip(tmp_path / "set", [Item("a")], rows).rows()) == rows

    def test_other_readers_find_skeletons_declared(self, tmp_path: Path) -> None:
        row = Label("a", "sheep", Keypoints((Keypoint("nose", 1, 2), Keypoint("tail", 3, 4)), ((0, 1),)))
        round_trip(tmp_path / "set", [Item("a")], [row])
        text = (tmp_path / "set/annotations.xml").read_text()
        assert "<name>sheep</name><color>#ff0000</color><type>skeleton</type>" in text
        assert "<label><name>tail</name><type>points</type><parent>sheep</parent></label>" in text


class TestLayouts:
    def test_an_archive(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            archive.writestr("annotations.xml", export(image('<tag label="car"/>')))
        assert recognise(tmp_path / "set.zip")
        assert next(CvatReader(tmp_path / "set.zip").rows()).geometry == Whole()

    def test_recognised_by_the_root_element(self, tmp_path: Path) -> None:
        (tmp_path / "other.xml").write_text("<annotation/>")
        reader_of(tmp_path, export(""))
        assert recognise(tmp_path)
        assert not recognise(tmp_path / "other.xml")

    def test_a_broken_archive_is_not_recognised(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            archive.writestr("annotations.xml", export(""))
        content = (tmp_path / "set.zip").read_bytes()
        (tmp_path / "set.zip").write_bytes(content.replace(b"PK\x01\x02", b"XXXX"))
        assert not recognise(tmp_path / "set.zip")

    def test_tracks_of_several_videos_find_theirs(self, tmp_path: Path) -> None:
        box = '<box frame="0" xtl="0" ytl="0" xbr="9" ybr="9"/>'
        tasks = "".join(f"<task><id>{n}</id><mode>interpolation</mode><source>{n}.mp4</source></task>" for n in (4, 5))
        content = (
            f"<annotations><meta><project><labels><label><name>car</name></label></labels><tasks>{tasks}</tasks></project></meta>"
            f'<track id="0" label="car" task_id="5">{box}</track></annotations>'
        )
        reader = reader_of(tmp_path, content)
        assert [item.key for item in reader.items()] == ["4.mp4", "5.mp4"]
        assert [row.item for row in reader.rows()] == ["5.mp4"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (image('<box label="car" xtl="x" ytl="0" xbr="1" ybr="1"/>'), "xtl is 'x'"),
            (image('<box label="car" xtl="5" ytl="0" xbr="1" ybr="1"/>'), "sizes are not negative"),
            (image('<box label="car" xtl="5" ytl="0" ybr="1"/>'), "<box> has no 'xbr'"),
            (image('<box label="bus" xtl="0" ytl="0" xbr="1" ybr="1"/>'), "'bus' is not among the labels"),
            (image('<polygon label="car" points="1,2;3"/>'), "no pair of numbers"),
            (image('<polygon label="car" points="1,2;3,inf;4,5"/>'), "inf"),
            (image('<mask label="car" rle="4" left="99" top="0" width="2" height="2"/>'), "not in the image"),
            (image('<mask label="car" rle="5" left="0" top="0" width="2" height="2"/>'), "run length"),
            (image('<mask label="car" rle="-1, 5" left="0" top="0" width="2" height="2"/>'), "run length"),
            (image('<skeleton label="car"/>'), "at least one point"),
            (image("", "../../a.jpg"), "leads out"),
            ('<image id="0" name="a" width="wide" height="1"/>', "width is 'wide'"),
            ('<track id="0" label="car"><box frame="first"/></track>', "frame is 'first'"),
            ('<track id="0" label="car"><box frame="-1" xtl="0" ytl="0" xbr="9" ybr="9"/></track>', "frame is -1"),
            (image('<ellipse label="car" cx="1" cy="1" rx="1"/>'), "<ellipse> has no 'ry'"),
            (image('<ellipse label="car" cx="1" cy="1" rx="1" ry="1" rotation="inf"/>'), "rotation is inf"),
            (image('<ellipse label="car" cx="nan" cy="1" rx="1" ry="1"/>'), "cx is nan"),
            (image('<star label="car" points="1,2;3,4"/>'), "<star> is no shape"),
            ('<track id="0" label="car"><star frame="0"/></track>', "<star> is no shape"),
            ('<track id="0" label="car"><tag/></track>', "<tag> has no 'frame'"),
            ("<image", "XML is broken"),
        ],
    )
    def test_what_is_bad_is_named_with_its_line(self, tmp_path: Path, body: str, reason: str) -> None:
        with pytest.raises(InvalidData, match=reason) as caught:
            list(reader_of(tmp_path, export(body)).rows())
        assert "annotations.xml, line " in str(caught.value)

    def test_a_truncated_file_gives_what_is_whole(self, tmp_path: Path) -> None:
        content = export(image('<tag label="car"/>') + "\n" + image('<tag label="car"/>', "b.jpg"))
        reader = reader_of(tmp_path, content[: content.index("b.jpg")], on_error="collect")
        assert [row.item for row in reader.rows()] == ["a.jpg"]
        assert "line 4: the XML is broken" in reader.errors[-1].message

    def test_bad_shapes_are_collected(self, tmp_path: Path) -> None:
        reader = reader_of(tmp_path, export(image('<box label="car"/><tag label="car"/>')), on_error="collect")
        assert [row.geometry for row in reader.rows()] == [Whole()]
        assert len(reader.errors) == 1

    def test_what_is_no_shape_is_collected_and_the_shapes_beside_it_are_read(self, tmp_path: Path) -> None:
        shapes = '<star/><tag label="car" frame="0"/>'
        content = export(image(shapes) + f'<track id="0" label="car">{shapes}</track>')
        reader = reader_of(tmp_path, content, on_error="collect")
        assert [row.geometry for row in reader.rows()] == [Whole()] * 2
        assert ["<star> is no shape" in error.message for error in reader.errors] == [True] * 2

    def test_an_image_that_is_there_twice(self, tmp_path: Path) -> None:
        for read in (CvatReader.items, CvatReader.rows):
            with pytest.raises(InvalidData, match=r"'a\.jpg' is there twice"):
                list(read(reader_of(tmp_path, export(image("") * 2))))

    def test_shapes_of_an_image_that_is_refused_are_none_of_another(self, tmp_path: Path) -> None:
        box = '<box label="car" xtl="{0}" ytl="0" xbr="{0}" ybr="1"/>'
        content = export(image(box.format(1)) + image(box.format(2) * 3) + image(box.format(4), "b.jpg"))
        reader = reader_of(tmp_path, content, on_error="collect")
        assert [item.key for item in reader.items()] == ["a.jpg", "b.jpg"]
        assert [(row.item, row.geometry) for row in reader.rows()] == [
            ("a.jpg", Box(1, 0, 0, 1)),
            ("b.jpg", Box(4, 0, 0, 1)),
        ]
        (error,) = reader.errors
        assert "left out with its shapes, 3 in all" in error.message

    @pytest.mark.parametrize("encoding", ["gb2312", "shift_jis", "windows-1251", "utf-16", "iso-8859-1"])
    def test_texts_are_read_in_the_encoding_that_the_file_declares(self, tmp_path: Path, encoding: str) -> None:
        name = {"windows-1251": "\u0436", "iso-8859-1": "\xe9"}.get(encoding, "\u732b")
        content = f'<?xml version="1.0" encoding="{encoding}"?>' + export(
            "".join(image("", f"{name} {n}") for n in range(2000))
        )
        (tmp_path / "annotations.xml").write_bytes(content.encode(encoding))
        assert [item.key for item in CvatReader(tmp_path).items()] == [f"{name} {n}" for n in range(2000)]

    @pytest.mark.parametrize(
        ("encoding", "reason"),
        [
            ("nonsense", "line 1: the encoding 'nonsense' is unknown"),
            ("zlib", "line 1: the encoding 'zlib' is unknown"),
            ("gb2312", "line 1: the text is not in the encoding that the XML declares"),
        ],
    )
    def test_texts_that_are_in_no_encoding(self, tmp_path: Path, encoding: str, reason: str) -> None:
        head = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
        (tmp_path / "annotations.xml").write_bytes(head + b"<annotations><meta>\xff\xff</meta></annotations>")
        with pytest.raises(InvalidData, match=reason):
            CvatReader(tmp_path)

    def test_xml_bombs(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match="refused"):
            reader_of(tmp_path, '<!DOCTYPE annotations [<!ENTITY a "aaaa">]><annotations>&a;</annotations>')

    def test_masks_of_more_pixels_than_can_be_held(self, tmp_path: Path) -> None:
        size = 'name="a" width="9000000" height="9000000"'
        mask = '<mask label="car" rle="0,1" left="0" top="0" width="1" height="1"/>'
        with pytest.raises(InvalidData, match="pixels"):
            list(reader_of(tmp_path, export(f'<image id="0" {size}>{mask}</image>')).rows())

    def test_a_folder_without_annotations(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match=r"no annotations\.xml"):
            CvatReader(tmp_path)

    @pytest.mark.parametrize(
        "bad",
        [
            Label("nowhere", "sheep", Whole()),
            Label("a", "wolf", Whole()),
            Label("a", "sheep", Whole(), frame=3),
            Label("v", "sheep", Whole(), frame=3),
            Label("a", "sheep", Polygon((((0, 0, 1, 0, 1, 1),), ((5, 5, 6, 5, 6, 6),)))),
        ],
    )
    def test_nothing_is_half_written(self, tmp_path: Path, bad: Label) -> None:
        items = [Item("a"), Item("v", media="video")]
        with pytest.raises(InvalidData) as caught:
            CvatWriter(tmp_path / "set").write(FARM, items, [Label("a", "sheep", Whole()), bad])
        assert caught.value.row == 1
        assert list(tmp_path.iterdir()) == []
