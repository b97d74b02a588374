"""Pascal VOC: what is written comes back as the fidelity table says, and bad XML is refused where it is bad."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dragoman import Box, Checklist, InvalidData, Item, Label, Polygon, Polyline, Prediction, RotatedBox
from dragoman.conformance.strategies import attributes, json_values, provenances, splits, texts
from dragoman.fidelity import EXACT
from dragoman.formats.common.markup import writable
from dragoman.formats.voc import VocReader, VocWriter, recognise
from dragoman.formats.voc.fidelity import WRITING
from dragoman.schema import Feature, Ontology

FARM = Ontology(
    name="farm",
    features=(Feature(name="sheep", color="#ff0000"), Feature(name=" <b>&\u2028\r\n猫"), Feature(name="never")),
)
OBJECT = """<object><name>{name}</name>{more}
<bndbox><xmin>{xmin}</xmin><ymin>1</ymin><xmax>20</xmax><ymax>30</ymax></bndbox></object>"""


def annotation(*objects: str, filename: str = "a.jpg", head: str = "") -> str:
    size = "<size><width>100</width><height>50</height><depth>3</depth></size>"
    return f"<annotation>\n<filename>{filename}</filename>{size}{head}\n{''.join(objects)}\n</annotation>\n"


def an_object(name: str = "sheep", more: str = "", xmin: str = "1") -> str:
    return OBJECT.format(name=name, more=more, xmin=xmin)


def devkit(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", newline="\n")
    return folder


def read_one(tmp_path: Path, content: str, **options: Any) -> list[Label]:
    return list(VocReader(devkit(tmp_path, {"Annotations/a.xml": content}), **options).rows())


numbers = st.integers(-1_000_000, 1_000_000).map(lambda thousandths: thousandths / 1000)
sizes = st.integers(0, 1_000_000).map(lambda thousandths: thousandths / 1000)
GEOMETRIES: dict[str, st.SearchStrategy[Any]] = {
    "box": st.builds(Box, numbers, numbers, sizes, sizes),
    "rotated_box": st.builds(RotatedBox, numbers, numbers, sizes, sizes, st.integers(-360, 360)),
    "polygon": st.lists(st.tuples(numbers, numbers), min_size=3, max_size=6).map(Polygon.of),
}
keys = texts.filter(lambda text: bool(text) and writable(text))
metadata = st.dictionaries(texts.filter(lambda name: name != "part_of"), json_values, max_size=2)


def test_the_strategies_cover_what_the_table_calls_exact() -> None:
    assert {form for form, kept in WRITING.geometries.items() if kept == EXACT} == set(GEOMETRIES)


@given(data=st.data())
def test_what_the_table_calls_exact_comes_back_equal(data: st.DataObject) -> None:
    items = [
        Item(key, width=100, height=50, split=data.draw(splits), metadata=data.draw(metadata))
        for key in data.draw(st.lists(keys, min_size=1, max_size=3, unique=True))
    ]
    row: dict[str, Any] = {
        "item": st.sampled_from([item.key for item in items]),
        "feature": st.sampled_from([feature.name for feature in FARM.features]),
        "geometry": st.one_of(*GEOMETRIES.values()),
        "id": texts,
        "attributes": attributes | st.fixed_dictionaries({"difficult": st.booleans(), "pose": texts}),
        "metadata": metadata,
        "provenance": st.none() | provenances,
    }
    confidence = st.none() | st.sampled_from((0.0, 1.0)) | st.floats(0, 1)
    rows = data.draw(
        st.lists(
            st.builds(Label, **row) | st.builds(Prediction, confidence=confidence, **row),
            max_size=5,
            unique_by=lambda row: row.id,
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        VocWriter(Path(folder, "set")).write(FARM, items, iter(rows))
        reader = VocReader(Path(folder, "set"))
        assert reader.ontology() == FARM
        assert {item.key: item for item in reader.items()} == {item.key: item for item in items}
        assert sorted(map(comparable, reader.rows())) == sorted(map(comparable, rows))


def comparable(row: Label) -> str:
    return f"{type(row).__name__} {msgspec.json.encode(row, order='sorted').decode()}"


class TestKnownWaysToLoseData:
    def test_indices_off_by_one(self, tmp_path: Path) -> None:
        whole = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>100</xmax><ymax>50</ymax></bndbox>"
        (row,) = read_one(tmp_path, annotation(f"<object><name>sheep</name>{whole}</object>"))
        assert row.geometry == Box(0, 0, 100, 50)

    def test_rotated_boxes_flattened(self, tmp_path: Path) -> None:
        box = RotatedBox(50, 25, 40, 10, 30)
        VocWriter(tmp_path / "set").write(FARM, [Item("a.jpg")], [Label("a.jpg", "sheep", box)])
        assert next(VocReader(tmp_path / "set").rows()).geometry == box

    def test_attributes_dropped(self, tmp_path: Path) -> None:
        flags = "<pose>Left</pose><truncated>1</truncated><occluded>0</occluded><difficult>1</difficult>"
        (row,) = read_one(tmp_path, annotation(an_object(more=flags)))
        assert row.attributes == {"pose": "Left", "truncated": True, "occluded": False, "difficult": True}

    def test_answers_dropped(self, tmp_path: Path) -> None:
        row = Label("a", "sheep", Box(0, 0, 1, 1), attributes={"tags": Checklist.of("x", "y"), "n\0": "\x01", "age": 3})
        VocWriter(tmp_path / "set").write(FARM, [Item("a")], [row])
        assert list(VocReader(tmp_path / "set").rows()) == [row]

    def test_parts_dropped(self, tmp_path: Path) -> None:
        part = "<part><name>head</name><bndbox><xmin>3</xmin><ymin>3</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></part>"
        found = read_one(tmp_path / "one", annotation(an_object(more=part), an_object()))
        assert [(row.feature, row.metadata.get("part_of")) for row in found] == [
            ("sheep", None),
            ("head", found[0].id),
            ("sheep", None),
        ]
        ontology = VocReader(tmp_path / "one").ontology()
        VocWriter(tmp_path / "two").write(ontology, [Item("a.jpg")], reversed(found))
        assert "<part><name>head</name>" in (tmp_path / "two/Annotations/a.xml").read_text()
        assert {row.id: row for row in VocReader(tmp_path / "two").rows()} == {row.id: row for row in found}

    def test_ids_merged(self, tmp_path: Path) -> None:
        assert len({row.id for row in read_one(tmp_path, annotation(an_object(), an_object()))}) == 2

    def test_file_names_colliding(self, tmp_path: Path) -> None:
        keys = ["one/a.jpg", "two/a.jpg", "two/a.png", "../a.jpg", "/a.jpg"]
        rows = [Label(key, "sheep", Box(number, 0, 5, 5)) for number, key in enumerate(keys)]
        VocWriter(tmp_path / "set").write(FARM, [Item(key) for key in keys], rows)
        assert {row.item: row for row in VocReader(tmp_path / "set").rows()} == {row.item: row for row in rows}
        assert [path.name for path in tmp_path.iterdir()] == ["set"]

    def test_items_without_annotations_dropped(self, tmp_path: Path) -> None:
        VocWriter(tmp_path / "set").write(FARM, [Item("a.jpg"), Item("b.jpg")], [])
        assert [item.key for item in VocReader(tmp_path / "set").items()] == ["a.jpg", "b.jpg"]

    def test_confidence_zero_treated_as_absent(self, tmp_path: Path) -> None:
        (row,) = read_one(tmp_path, annotation(an_object(more="<confidence>0</confidence>")))
        assert isinstance(row, Prediction)
        assert row.confidence == 0.0

    def test_boxes_outside_the_image_clamped(self, tmp_path: Path) -> None:
        row = Label("a", "sheep", Box(-10.5, -5, 500, 500))
        VocWriter(tmp_path / "set").write(FARM, [Item("a", width=100, height=50)], [row])
        assert list(VocReader(tmp_path / "set").rows()) == [row]

    def test_exif_ignored(self, tmp_path: Path) -> None:
        turned = Image.Exif()
        turned[0x0112] = 6
        devkit(
            tmp_path, {"Annotations/a.xml": "<annotation><filename>a.jpg</filename></annotation>", "JPEGImages/x": ""}
        )
        Image.new("RGB", (100, 50)).save(tmp_path / "JPEGImages/a.jpg", exif=turned)
        (item,) = VocReader(tmp_path).items()
        assert (item.width, item.height, item.orientation) == (50, 100, 6)


class TestLayouts:
    def test_the_devkit(self, tmp_path: Path) -> None:
        files = {
            "VOC2012/Annotations/a.xml": annotation(
                head="<segmented>1</segmented><source><image>flickr</image></source>"
            ),
            "VOC2012/Annotations/b.xml": annotation(filename="b.jpg"),
            "VOC2012/ImageSets/Main/train.txt": "a\n",
            "VOC2012/ImageSets/Main/trainval.txt": "a\nb\n",
            "VOC2012/ImageSets/Main/sheep_val.txt": "a -1\n",
        }
        assert [(item.key, item.split, item.width) for item in VocReader(devkit(tmp_path, files)).items()] == [
            ("a.jpg", "train", 100),
            ("b.jpg", "trainval", 100),
        ]
        assert next(VocReader(tmp_path).items()).metadata == {"segmented": True, "source": {"image": "flickr"}}

    @pytest.mark.parametrize("line", ["a ", "a\t\r", "\ufeffa", "a 1", "a -1", "a  0"])
    def test_lists_of_splits_as_tools_write_them(self, tmp_path: Path, line: str) -> None:
        files = {"Annotations/a.xml": annotation(), "ImageSets/Main/train.txt": f"{line}\n"}
        (item,) = VocReader(devkit(tmp_path, files)).items()
        assert item.split == "train"

    def test_a_number_at_the_end_of_an_image_s_name_is_no_flag(self, tmp_path: Path) -> None:
        files = {f"Annotations/{name}.xml": annotation(filename=f"{name}.jpg") for name in ("a", "a 1")}
        lists = {"ImageSets/Main/train.txt": "a 1\n", "ImageSets/Main/val.txt": "a\nmore\n"}
        found = {item.key: item.split for item in VocReader(devkit(tmp_path, files | lists)).items()}
        assert found == {"a.jpg": "val", "a 1.jpg": "train"}

    def test_lists_of_classes_say_the_split_where_no_other_does(self, tmp_path: Path) -> None:
        files = {"Annotations/a.xml": annotation(), "Annotations/b.xml": annotation(filename="b.jpg")}
        lists = {"sheep_val.txt": "a -1\nb  1\n", "test.txt": "b\nmore\nand_more\n"}
        folder = devkit(tmp_path, files | {f"ImageSets/Main/{name}": text for name, text in lists.items()})
        assert {item.key: item.split for item in VocReader(folder).items()} == {"a.jpg": "val", "b.jpg": "test"}

    @pytest.mark.parametrize("folders", [("train", "valid", "test"), ("valid",)])
    def test_folders_of_splits_as_roboflow_has_them(self, tmp_path: Path, folders: tuple[str, ...]) -> None:
        devkit(tmp_path, {f"{name}/{name}.xml": annotation(filename=f"{name}.jpg") for name in folders})
        assert recognise(tmp_path)
        found = {item.key: item.split for item in VocReader(tmp_path).items()}
        assert found == {f"{name}/{name}.jpg": "val" if name == "valid" else name for name in folders}

    def test_a_folder_of_labelimg_whose_files_are_verified(self, tmp_path: Path) -> None:
        verified = annotation(an_object()).replace("<annotation>", '<annotation verified="yes">')
        assert recognise(devkit(tmp_path / "voc", {"a.xml": verified}))
        assert not recognise(devkit(tmp_path / "cvat", {"a.xml": "<annotations></annotations>"}))

    def test_a_dataset_without_items_comes_back(self, tmp_path: Path) -> None:
        VocWriter(tmp_path / "set").write(FARM, [], [])
        reader = VocReader(tmp_path / "set")
        assert (reader.ontology(), list(reader.items()), list(reader.rows())) == (FARM, [], [])

    def test_a_flat_folder(self, tmp_path: Path) -> None:
        devkit(tmp_path, {"b.xml": annotation(an_object("dog"), filename="b.jpg"), "a.xml": annotation(an_object())})
        reader = VocReader(tmp_path)
        assert recognise(tmp_path)
        assert [row.item for row in reader.rows()] == ["a.jpg", "b.jpg"]
        assert [feature.name for feature in reader.ontology().features] == ["sheep", "dog"]

    def test_corners_from_zero(self, tmp_path: Path) -> None:
        (row,) = read_one(tmp_path, annotation(an_object()), convention="corners")
        assert row.geometry == Box(1, 1, 19, 29)
        VocWriter(tmp_path / "set", convention="corners").write(FARM, [Item("a.jpg")], [row])
        assert list(VocReader(tmp_path / "set", convention="corners").rows()) == [row]

    def test_readers_that_rely_on_the_flags_find_them(self, tmp_path: Path) -> None:
        VocWriter(tmp_path / "set").write(FARM, [Item("a")], [Label("a", "sheep", Box(0, 0, 1, 1))])
        text = (tmp_path / "set/Annotations/a.xml").read_text()
        assert '<difficult assumed="1">0</difficult>' in text
        assert next(VocReader(tmp_path / "set").rows()).attributes == {}

    def test_supervision_reads_what_is_written(self, tmp_path: Path) -> None:
        supervision: Any = pytest.importorskip("supervision")
        Image.new("RGB", (100, 50)).save(tmp_path / "a.jpg")
        item = Item("a.jpg", uri=str(tmp_path / "a.jpg"))
        VocWriter(tmp_path / "set").write(FARM, [item], [Label("a.jpg", "sheep", Box(10, 5, 30, 20))])
        theirs = supervision.DetectionDataset.from_pascal_voc(
            images_directory_path=str(tmp_path / "set/JPEGImages"),
            annotations_directory_path=str(tmp_path / "set/Annotations"),
        )
        ((_, _, found),) = list(theirs)
        assert theirs.classes == ["sheep"]
        assert found.xyxy.tolist() == [[10, 5, 40, 25]]

    def test_we_read_what_supervision_writes(self, tmp_path: Path) -> None:
        supervision: Any = pytest.importorskip("supervision")
        import numpy as np

        Image.new("RGB", (100, 50)).save(tmp_path / "a.jpg")
        found = supervision.Detections(xyxy=np.array([[10, 5, 40, 25]]), class_id=np.array([0]))
        theirs = supervision.DetectionDataset(["sheep"], [str(tmp_path / "a.jpg")], {str(tmp_path / "a.jpg"): found})
        theirs.as_pascal_voc(annotations_directory_path=str(tmp_path / "set/Annotations"))
        assert next(VocReader(tmp_path / "set").rows()).geometry == Box(10, 5, 30, 20)


class TestBadInput:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (annotation(an_object())[:200], "line 4: the XML is broken"),
            ("", "the XML is broken: no element found"),
            ("<html/>", "the root element is <html>"),
            (annotation(an_object(xmin="left")), "line 3: xmin is 'left'"),
            (annotation(an_object(xmin="nan")), "line 3: box x is nan"),
            (annotation(an_object(xmin="90")), "ends before it begins"),
            (annotation(an_object(name="")), "has no name"),
            (annotation("<object><name>a</name></object>"), "has no bndbox"),
            (annotation(an_object(more="<difficult>maybe</difficult>")), "difficult is 'maybe'"),
            (annotation(an_object(more="<confidence>1.5</confidence>")), "confidence is 1.5"),
            (annotation(filename="../../b.jpg"), "leads out"),
            (annotation(filename="/etc/passwd"), "leads out"),
            (annotation(head="<size><width>wide</width></size>"), "size.width is 'wide'"),
        ],
    )
    def test_a_bad_file_is_named(self, tmp_path: Path, content: str, reason: str) -> None:
        with pytest.raises(InvalidData, match=reason) as caught:
            read_one(tmp_path, content)
        assert "Annotations/a.xml" in str(caught.value)

    def test_xml_bombs(self, tmp_path: Path) -> None:
        entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
        bomb = f'<!DOCTYPE annotation [<!ENTITY l0 "lol">{entities}]><annotation><filename>&l9;</filename></annotation>'
        with pytest.raises(InvalidData, match="document type 'annotation' is refused"):
            read_one(tmp_path, bomb)

    def test_files_from_elsewhere(self, tmp_path: Path) -> None:
        entity = (
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation><filename>&x;</filename></annotation>'
        )
        with pytest.raises(InvalidData, match="refused"):
            read_one(tmp_path, entity)

    def test_elements_in_elements_without_end(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match="nested deeper than 100"):
            read_one(tmp_path, "<annotation>" + "<object>" * 100_000)

    def test_bad_files_and_objects_are_collected(self, tmp_path: Path) -> None:
        devkit(tmp_path, {"a.xml": annotation(an_object(xmin="x"), an_object()), "b.xml": "<annotation>"})
        reader = VocReader(tmp_path, on_error="collect")
        assert len(list(reader.rows())) == 1
        assert [error.message.split(":")[0] for error in reader.errors] == ["b.xml, line 1", "a.xml, line 3"]

    def test_two_files_of_one_image(self, tmp_path: Path) -> None:
        devkit(tmp_path, {"a.xml": annotation(), "b.xml": annotation()})
        with pytest.raises(InvalidData, match=r"b\.xml: another file is about the image 'a\.jpg'"):
            list(VocReader(tmp_path).items())

    def test_a_folder_without_xml(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match="no XML files"):
            VocReader(tmp_path)
        assert not recognise(tmp_path)

    @pytest.mark.parametrize(
        "bad",
        [
            Label("nowhere", "sheep", Box(0, 0, 1, 1)),
            Label("a", "wolf", Box(0, 0, 1, 1)),
            Label("a", "sheep", Polyline((0, 0, 1, 1))),
        ],
    )
    def test_nothing_is_half_written(self, tmp_path: Path, bad: Label) -> None:
        with pytest.raises(InvalidData) as caught:
            VocWriter(tmp_path / "set").write(FARM, [Item("a")], [Label("a", "sheep", Box(0, 0, 1, 1)), bad])
        assert caught.value.row == 1
        assert list(tmp_path.iterdir()) == []

    def test_a_name_that_xml_cannot_hold(self, tmp_path: Path) -> None:
        ontology = Ontology(name="x", features=(Feature(name="a\0b"),))
        with pytest.raises(InvalidData, match="which XML cannot hold"):
            VocWriter(tmp_path / "set").write(ontology, [Item("a")], [Label("a", "a\0b", Box(0, 0, 1, 1))])
