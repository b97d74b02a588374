"""YOLO: what is written comes back as the fidelity table says, and bad datasets are refused where they are bad."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dragoman import Box, InvalidData, Item, Keypoint, Keypoints, Label, Polygon, Prediction, RotatedBox
from dragoman.conformance.strategies import names
from dragoman.errors import Conflict
from dragoman.fidelity import EXACT
from dragoman.formats.yolo import YoloReader, YoloWriter, recognise
from dragoman.formats.yolo.fidelity import TABLES
from dragoman.schema import Feature, Ontology

WIDTH, HEIGHT = 640, 427
SHEEP = Ontology(
    name="farm",
    features=(Feature(name="sheep", color="#aabbcc", id="7", metadata={"wool": True}), Feature(name="ca t\u2028猫")),
)


def dataset(folder: Path, files: dict[str, str | bytes], **images: tuple[int, int]) -> Path:
    """Make files of texts, and images of sizes under images/train."""
    for name, content in {"data.yaml": "train: images/train\nnames: [sheep, dog]\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "images/train").mkdir(parents=True, exist_ok=True)
    for name, size in images.items():
        Image.new("L", size).save(folder / f"images/train/{name}.png")
    return folder


def one_line(tmp_path: Path, line: str, **options: Any) -> list[Label]:
    return list(YoloReader(dataset(tmp_path, {"labels/train/a.txt": line}, a=(100, 50)), **options).rows())


coordinates = st.tuples(st.integers(0, WIDTH * 1000), st.integers(0, HEIGHT * 1000)).map(
    lambda pair: (pair[0] / 1000, pair[1] / 1000)
)
"""Positions in the image to a thousandth of a pixel."""
boxes = st.tuples(coordinates, coordinates).map(
    lambda ends: Box(
        min(ends[0][0], ends[1][0]),
        min(ends[0][1], ends[1][1]),
        round(abs(ends[0][0] - ends[1][0]), 3),
        round(abs(ends[0][1] - ends[1][1]), 3),
    )
)
turned = st.builds(
    RotatedBox,
    cx=st.integers(250, 390),
    cy=st.integers(200, 220),
    width=st.integers(1, 200),
    height=st.integers(1, 200),
    angle=st.integers(0, 359_999).map(lambda angle: angle / 1000),
)
polygons = st.lists(coordinates, min_size=3, max_size=8).map(Polygon.of)


@st.composite
def poses(draw: st.DrawFn) -> Keypoints:
    points = []
    for name in ("nose", "left eye", "right eye"):
        visibility = draw(st.sampled_from((0, 1, 2)))
        x, y = draw(coordinates.filter(any)) if visibility else (None, None)
        points.append(Keypoint(name, x, y, visibility))
    return Keypoints(tuple(points), ((0, 1), (0, 2)))


SHAPES: dict[str, st.SearchStrategy[Any]] = {
    "detect": boxes,
    "obb": turned,
    "segment": polygons,
    "pose": poses(),
}


@pytest.mark.parametrize("task", SHAPES)
@given(data=st.data())
def test_what_the_table_calls_exact_comes_back_equal(task: Any, data: st.DataObject) -> None:
    kinds = {form for form, kept in TABLES[task].geometries.items() if kept == EXACT}
    keys = data.draw(st.lists(names, min_size=1, max_size=4, unique=True))
    split = st.sampled_from((None, "train", "validation", "test", "held/out"))
    items = [Item(key, width=WIDTH, height=HEIGHT, split=data.draw(split)) for key in keys]
    rows = data.draw(st.lists(rows_of(SHAPES[task], keys), max_size=6))
    assert {row.geometry.form for row in rows} <= kinds

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "set")
        YoloWriter(path, task=task).write(SHEEP, items, iter(rows))
        reader = YoloReader(path)
        assert reader.ontology() == SHEEP
        assert {item.key: item for item in reader.items()} == {item.key: item for item in items}
        assert by_content(reader.rows()) == by_content(rows)


def rows_of(shapes: st.SearchStrategy[Any], keys: list[str]) -> st.SearchStrategy[Label]:
    row: dict[str, Any] = {
        "item": st.sampled_from(keys),
        "feature": st.sampled_from([feature.name for feature in SHEEP.features]),
        "geometry": shapes,
    }
    confidence = st.sampled_from((0.0, 1.0)) | st.floats(0, 1)
    return st.builds(Label, **row) | st.builds(Prediction, confidence=confidence, **row)


def by_content(rows: Any) -> list[str]:
    """Rows without ids, which YOLO does not keep, and without the boxes around poses, sorted."""
    bare = (msgspec.structs.replace(row, id="-", metadata={}) for row in rows)
    return sorted(f"{type(row).__name__} {msgspec.json.encode(row).decode()}" for row in bare)


class TestKnownWaysToLoseData:
    def test_rotated_boxes_flattened(self, tmp_path: Path) -> None:
        box = RotatedBox(50, 25, 40, 10, 30)
        YoloWriter(tmp_path / "set", task="obb").write(
            SHEEP, [Item("a.png", width=100, height=50)], [Label("a.png", "sheep", box)]
        )
        (row,) = YoloReader(tmp_path / "set").rows()
        assert row.geometry == box

    def test_ids_merged(self, tmp_path: Path) -> None:
        rows = one_line(tmp_path, "0 .5 .5 .1 .1\n0 .5 .5 .1 .1\n")
        assert len({row.id for row in rows}) == 2
        assert rows[0].geometry == rows[1].geometry

    def test_exif_ignored(self, tmp_path: Path) -> None:
        folder = dataset(tmp_path, {"labels/train/a.txt": "0 .5 .5 1 1"})
        turned_by_a_quarter = Image.Exif()
        turned_by_a_quarter[0x0112] = 6
        Image.new("RGB", (100, 50)).save(folder / "images/train/a.jpg", exif=turned_by_a_quarter)
        reader = YoloReader(folder)
        (item,) = reader.items()
        assert (item.width, item.height, item.orientation) == (50, 100, 6)
        assert next(reader.rows()).geometry == Box(0, 0, 50, 100)

    def test_file_names_colliding(self, tmp_path: Path) -> None:
        keys = ["one/a.jpg", "two/a.jpg", "one/a.png", "one/A.jpg"]
        rows = [Label(key, "sheep", Box(number, 0, 5, 5)) for number, key in enumerate(keys)]
        YoloWriter(tmp_path / "set").write(SHEEP, [Item(key, width=100, height=50) for key in keys], rows)
        reader = YoloReader(tmp_path / "set")
        assert {item.key for item in reader.items()} == set(keys)
        assert {row.item: row.geometry for row in reader.rows()} == {row.item: row.geometry for row in rows}

    def test_same_name_in_two_splits_stays_two_items(self, tmp_path: Path) -> None:
        folder = dataset(tmp_path, {"data.yaml": "train: images/train\nval: images/val\nnames: [sheep]"}, a=(100, 50))
        (folder / "images/val").mkdir()
        Image.new("L", (10, 10)).save(folder / "images/val/a.png")
        assert {(item.key, item.split) for item in YoloReader(folder).items()} == {
            ("train/a.png", "train"),
            ("val/a.png", "val"),
        }

    def test_items_without_annotations_dropped(self, tmp_path: Path) -> None:
        folder = dataset(tmp_path, {"labels/train/b.txt": ""}, a=(100, 50), b=(10, 20))
        assert [item.key for item in YoloReader(folder).items()] == ["train/a.png", "train/b.png"]

    def test_confidence_zero_treated_as_absent(self, tmp_path: Path) -> None:
        (row,) = one_line(tmp_path, "0 .5 .5 .2 .2 0")
        assert isinstance(row, Prediction)
        assert row.confidence == 0.0

    def test_category_id_zero_treated_as_absent(self, tmp_path: Path) -> None:
        (row,) = one_line(tmp_path, "0 .5 .5 .2 .2")
        assert row.feature == "sheep"

    def test_boxes_outside_the_image_clamped(self, tmp_path: Path) -> None:
        inside_by_its_centre = Label("a", "sheep", Box(-10, 5, 40, 10))
        YoloWriter(tmp_path / "set").write(SHEEP, [Item("a", width=100, height=50)], [inside_by_its_centre])
        assert next(YoloReader(tmp_path / "set").rows()).geometry == Box(-10, 5, 40, 10)
        outside = Label("a", "sheep", Box(-50, 5, 40, 10))
        with pytest.raises(InvalidData, match="reaches outside the image"):
            YoloWriter(tmp_path / "other").write(SHEEP, [Item("a", width=100, height=50)], [outside])

    def test_an_image_of_two_splits_says_so(self, tmp_path: Path) -> None:
        folder = dataset(tmp_path, {"data.yaml": "train: images/train\nval: images/train\nnames: [sheep]"}, a=(100, 50))
        (item,) = YoloReader(folder).items()
        assert item.metadata == {"splits": ["train", "val"]}

    def test_an_image_of_several_splits_is_written_to_all_of_them(self, tmp_path: Path) -> None:
        Image.new("L", (10, 20)).save(tmp_path / "a.png")
        metadata = {"splits": ["train", "validation", "held/out"]}
        item = Item("in/a.png", uri=str(tmp_path / "a.png"), width=10, height=20, split="train", metadata=metadata)
        YoloWriter(tmp_path / "set").write(SHEEP, [item], [Label("in/a.png", "sheep", Box(0, 0, 5, 5))])
        data = yaml.safe_load((tmp_path / "set/data.yaml").read_text())
        assert (data["train"], data["val"]) == ("images/train", ["images/val", "val.txt"])
        assert (tmp_path / "set/val.txt").read_text() == "./images/train/in/a.png\n"
        (read,) = YoloReader(tmp_path / "set").items()
        assert (read.key, read.metadata) == ("in/a.png", metadata)
        (tmp_path / "set/items.ndjson").unlink()
        (seen,) = YoloReader(tmp_path / "set").items()
        assert seen.metadata == {"splits": ["train", "val", "held/out"]}

    def test_an_image_of_several_splits_that_is_not_copied_comes_back(self, tmp_path: Path) -> None:
        item = Item("a", width=10, height=20, split="train", metadata={"splits": ["train", "val"]})
        YoloWriter(tmp_path / "set").write(SHEEP, [item], [])
        assert list(YoloReader(tmp_path / "set").items()) == [item]

    def test_an_image_that_was_resized_since_has_the_size_of_its_file(self, tmp_path: Path) -> None:
        folder = self.written(tmp_path)
        Image.new("L", (50, 40)).save(folder / "images/train/a.png")
        reader = YoloReader(folder)
        (item,) = reader.items()
        assert (item.key, item.id, item.width, item.height, item.content_hash) == ("a", "7", 50, 40, None)
        assert next(reader.rows()).geometry == Box(0, 0, 50, 40)

    def test_an_image_that_was_moved_since_is_the_same_item_in_its_new_split(self, tmp_path: Path) -> None:
        folder = self.written(tmp_path)
        for name in ("images/{}/a.png", "labels/{}/a.txt"):
            (folder / name.format("train")).rename(folder / name.format("val"))
        reader = YoloReader(folder)
        (item,) = reader.items()
        moved = (item.key, item.id, item.split, item.uri)
        assert moved == ("a", "7", "val", str(folder / "images/val/a.png"))
        assert next(reader.rows()).geometry == Box(0, 0, 100, 80)

    def test_an_image_that_was_moved_without_its_labels_is_refused(self, tmp_path: Path) -> None:
        folder = self.written(tmp_path)
        (folder / "images/train/a.png").rename(folder / "images/val/a.png")
        with pytest.raises(InvalidData, match=r"labels/train/a\.txt: there is no image"):
            list(YoloReader(folder).items())

    def test_an_image_that_was_broken_since_is_refused(self, tmp_path: Path) -> None:
        folder = self.written(tmp_path)
        (folder / "images/train/a.png").write_bytes(b"no")
        reader = YoloReader(folder, on_error="collect")
        assert (list(reader.items()), list(reader.rows())) == ([], [])
        assert "a.png is not an image" in reader.errors[0].message

    def test_an_image_that_was_added_since_gets_a_key_of_its_own(self, tmp_path: Path) -> None:
        Image.new("L", (10, 20)).save(tmp_path / "a.png")
        item = Item("train/a.png", uri=str(tmp_path / "a.png"), split="train")
        YoloWriter(tmp_path / "set").write(SHEEP, [item], [])
        Image.new("L", (30, 20)).save(tmp_path / "set/images/train/a.png")
        found = {item.key: item.width for item in YoloReader(tmp_path / "set").items()}
        assert found == {"train/a.png": 10, "images/train/a.png": 30}

    @staticmethod
    def written(tmp_path: Path) -> Path:
        """A dataset of ours with an image whose one box is as large as it."""
        Image.new("L", (100, 80)).save(tmp_path / "a.png")
        item = Item("a", "7", uri=str(tmp_path / "a.png"), split="train", content_hash="sha256:00")
        YoloWriter(tmp_path / "set").write(SHEEP, [item], [Label("a", "sheep", Box(0, 0, 100, 80))])
        return tmp_path / "set"

    def test_same_path_below_images_and_beside_it(self, tmp_path: Path) -> None:
        folder = dataset(tmp_path, {"data.yaml": "train: images/t\nval: t\nnames: [sheep]"})
        for name in ("images/t", "t"):
            (folder / name).mkdir()
            Image.new("L", (10, 20)).save(folder / name / "a.png")
        assert [item.key for item in YoloReader(folder).items()] == ["images/t/a.png", "t/a.png"]


class TestTasks:
    @pytest.mark.parametrize(
        ("line", "task", "geometry"),
        [
            ("0 .5 .5 .2 .4", "detect", Box(40, 15, 20, 20)),
            ("0 .1 .2 .3 .2 .3 .4 .1 .4", "obb", RotatedBox(20, 15, 20, 10, 0)),
            ("0 .1 .2 .3 .2 .3 .4", "segment", Polygon.of([(10, 10), (30, 10), (30, 20)])),
            (
                "0 .1 .2 .3 .2 .3 .4 .2 .3 .1 .1",
                "segment",
                Polygon.of([(10, 10), (30, 10), (30, 20), (20, 15), (10, 5)]),
            ),
        ],
    )
    def test_the_task_is_recognised(self, tmp_path: Path, line: str, task: str, geometry: Any) -> None:
        reader = YoloReader(dataset(tmp_path, {"labels/train/a.txt": line}, a=(100, 50)))
        assert reader.task == task
        assert next(reader.rows()).geometry == geometry

    def test_the_option_has_the_last_word(self, tmp_path: Path) -> None:
        (row,) = one_line(tmp_path, "0 .1 .2 .3 .2 .3 .4 .1 .4", task="segment")
        assert isinstance(row.geometry, Polygon)

    def test_corners_that_are_no_rectangle_stay_a_polygon(self, tmp_path: Path) -> None:
        (row,) = one_line(tmp_path, "0 .1 .2 .9 .3 .8 .4 .1 .4")
        assert isinstance(row.geometry, Polygon)

    def test_predicted_polygons_end_with_a_confidence(self, tmp_path: Path) -> None:
        (row,) = one_line(tmp_path, "0 .1 .2 .3 .2 .3 .4 .25")
        assert isinstance(row, Prediction)
        assert row.confidence == 0.25
        assert row.geometry == Polygon.of([(10, 10), (30, 10), (30, 20)])

    def test_poses_have_points_and_a_box(self, tmp_path: Path) -> None:
        data = "train: images/train\nnames: {0: person}\nkpt_shape: [2, 3]\nflip_idx: [1, 0]\n"
        folder = dataset(
            tmp_path, {"data.yaml": data, "labels/train/a.txt": "0 .5 .5 .2 .4 .4 .5 2 0 0 0"}, a=(100, 50)
        )
        (row,) = YoloReader(folder).rows()
        assert row.geometry == Keypoints((Keypoint("0", 40, 25, 2), Keypoint("1", None, None, 0)))
        assert row.metadata == {"bbox": [40.0, 15.0, 20.0, 20.0]}
        YoloWriter(tmp_path / "again", task="pose").write(
            YoloReader(folder).ontology(), YoloReader(folder).items(), [row]
        )
        assert [msgspec.structs.replace(row, id="") for row in YoloReader(tmp_path / "again").rows()] == [row]

    def test_poses_without_visibility(self, tmp_path: Path) -> None:
        data = "train: images/train\nnames: {0: person}\nkpt_shape: [2, 2]\n"
        folder = dataset(tmp_path, {"data.yaml": data, "labels/train/a.txt": "0 .5 .5 .2 .4 .4 .5 0 0"}, a=(100, 50))
        assert next(YoloReader(folder).rows()).geometry == Keypoints(
            (Keypoint("0", 40, 25), Keypoint("1", None, None, 0))
        )

    def test_poses_that_a_model_predicted_have_a_confidence_per_point(self, tmp_path: Path) -> None:
        data = "train: images/train\nnames: {0: person}\nkpt_shape: [3, 3]\n"
        line = "0 .5 .5 .2 .4 .4 .5 .875 .1 .2 1 0 0 .25"
        (row,) = YoloReader(dataset(tmp_path, {"data.yaml": data, "labels/train/a.txt": line}, a=(100, 50))).rows()
        assert isinstance(row, Prediction)
        assert row.confidence is None
        assert row.geometry == Keypoints(
            (Keypoint("0", 40, 25, 2), Keypoint("1", 10, 10, 2), Keypoint("2", None, None, 0))
        )
        assert row.metadata["point_confidences"] == [0.875, 1.0, 0.25]

    def test_left_and_right_change_places_in_a_mirror(self, tmp_path: Path) -> None:
        points = tuple(Keypoint(name, 1, 1) for name in ("nose", "left_eye", "right_eye"))
        row = Label("a", "sheep", Keypoints(points))
        YoloWriter(tmp_path / "set", task="pose").write(SHEEP, [Item("a", width=10, height=10)], [row])
        assert "flip_idx:\n- 0\n- 2\n- 1\n" in (tmp_path / "set/data.yaml").read_text()


class TestLayouts:
    def test_lists_of_images(self, tmp_path: Path) -> None:
        data = {
            "data.yaml": "train: train.txt\nnames: [sheep]",
            "train.txt": "./images/train/b.png\nimages/train/a.png\n",
        }
        folder = dataset(tmp_path, data, a=(10, 10), b=(10, 10))
        assert [item.key for item in YoloReader(folder).items()] == ["train/b.png", "train/a.png"]

    @pytest.mark.parametrize("line", ["images\\train\\a.png", ".\\images\\train\\a.png", "\ufeffimages/train/a.png"])
    def test_lists_of_images_as_windows_writes_them(self, tmp_path: Path, line: str) -> None:
        data = {"data.yaml": "train: .\\train.txt\nnames: [sheep]", "train.txt": f"{line}\r\n"}
        folder = dataset(tmp_path, data, a=(10, 10))
        assert [item.key for item in YoloReader(folder).items()] == ["train/a.png"]

    def test_labels_beside_images_below_a_folder_named_images(self, tmp_path: Path) -> None:
        data = {"data.yaml": "train: train\nnames: [sheep]", "train/a.txt": "0 .5 .5 1 1"}
        folder = dataset(tmp_path / "images/set", data)
        Image.new("L", (10, 20)).save(folder / "train/a.png")
        assert next(YoloReader(folder).rows()).geometry == Box(0, 0, 10, 20)

    def test_a_path_that_names_the_folder_of_images(self, tmp_path: Path) -> None:
        data = {"data.yaml": "path: images\ntrain: train\nnames: [sheep]", "labels/train/a.txt": "0 .5 .5 1 1"}
        reader = YoloReader(dataset(tmp_path, data, a=(10, 20)))
        assert [(row.item, row.geometry) for row in reader.rows()] == [("train/a.png", Box(0, 0, 10, 20))]

    def test_numbers_of_classes_in_quotes(self, tmp_path: Path) -> None:
        data = """train: images/train
names: {"1": dog, "0": sheep}
kpt_shape: [1, 3]
kpt_names: {"0": [nose]}
"""
        files = {"data.yaml": data, "labels/train/a.txt": "0 .5 .5 .2 .4 .4 .5 2"}
        reader = YoloReader(dataset(tmp_path, files, a=(100, 50)))
        assert [feature.name for feature in reader.ontology().features] == ["sheep", "dog"]
        assert next(reader.rows()).geometry == Keypoints((Keypoint("nose", 40, 25, 2),))

    def test_an_ontology_without_features_comes_back(self, tmp_path: Path) -> None:
        nothing = Ontology(name="nothing", features=())
        YoloWriter(tmp_path / "set").write(nothing, [Item("a", width=1, height=1)], [])
        reader = YoloReader(tmp_path / "set")
        assert reader.ontology() == nothing
        assert [item.key for item in reader.items()] == ["a"]

    def test_splits_above_images_as_roboflow_has_them(self, tmp_path: Path) -> None:
        data = "train: ../train/images\nval: ../valid/images\nnames: ['sheep']"
        folder = dataset(tmp_path, {"data.yaml": data, "train/labels/a.txt": "0 .5 .5 1 1", "valid/images/no": ""})
        (folder / "train/images").mkdir()
        Image.new("L", (10, 20)).save(folder / "train/images/a.png")
        reader = YoloReader(folder)
        assert [item.key for item in reader.items()] == ["train/images/a.png"]
        assert next(reader.rows()).geometry == Box(0, 0, 10, 20)

    def test_an_archive_reads_like_its_folder(self, tmp_path: Path) -> None:
        folder = dataset(tmp_path / "set", {"labels/train/a.txt": "0 .5 .5 1 1"}, a=(10, 20))
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            for file in sorted(folder.rglob("*")):
                archive.write(file, file.relative_to(tmp_path))
        assert next(YoloReader(tmp_path / "set.zip").rows()).geometry == Box(0, 0, 10, 20)

    def test_images_at_hand_are_copied(self, tmp_path: Path) -> None:
        Image.new("L", (10, 20)).save(tmp_path / "a.png")
        item = Item("a", uri=str(tmp_path / "a.png"), split="val")
        YoloWriter(tmp_path / "set", images="all").write(SHEEP, [item], [Label("a", "sheep", Box(0, 0, 10, 20))])
        assert (tmp_path / "set/images/val/a.png").read_bytes() == (tmp_path / "a.png").read_bytes()
        (read,) = YoloReader(tmp_path / "set").items()
        assert (read.key, read.split, read.width, read.height) == ("a", "val", 10, 20)

    def test_all_images_or_an_error(self, tmp_path: Path) -> None:
        item = Item("a", uri="https://example.org/a.png", width=1, height=1)
        with pytest.raises(InvalidData, match="no file of this machine"):
            YoloWriter(tmp_path / "set", images="all").write(SHEEP, [item], [])
        assert list(tmp_path.iterdir()) == []

    def test_recognised_by_its_data_file(self, tmp_path: Path) -> None:
        assert recognise(dataset(tmp_path / "set", {}))
        assert not recognise(tmp_path)

    def test_supervision_reads_what_is_written(self, tmp_path: Path) -> None:
        supervision: Any = pytest.importorskip("supervision")
        Image.new("RGB", (100, 50)).save(tmp_path / "a.png")
        item = Item("a.png", uri=str(tmp_path / "a.png"))
        row = Label("a.png", "ca t\u2028猫", Box(10, 5, 30, 20))
        YoloWriter(tmp_path / "set").write(SHEEP, [item], [row])
        root = tmp_path / "set"
        theirs = supervision.DetectionDataset.from_yolo(
            images_directory_path=str(root / "images/train"),
            annotations_directory_path=str(root / "labels/train"),
            data_yaml_path=str(root / "data.yaml"),
        )
        ((_, _, found),) = list(theirs)
        assert theirs.classes == [feature.name for feature in SHEEP.features]
        assert found.xyxy.tolist() == [[10, 5, 40, 25]]
        assert found.class_id.tolist() == [1]


class TestBadInput:
    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("0 .5 .5 .2", "line 1: the line has 3 numbers"),
            ("7 .5 .5 .2 .2", "class 7 has no name"),
            ("-1 .5 .5 .2 .2", "the class is '-1'"),
            (f"{'9' * 5000} .5 .5 .2 .2", "the class is '9{80}'; it must be a whole number"),
            ("0 1.5 .5 .2 .2", "lies between 0 and 1"),
            ("0 .5 .5 .2 nan", "not finite"),
            ("0 .5 .5 .2 big", "no number"),
            ("0 .5 .5 .2 .2 1.5", "confidence is 1.5"),
            ("0 .5 .5 .2 \u0664", "not text of numbers"),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path: Path, line: str, reason: str) -> None:
        with pytest.raises(InvalidData, match=reason) as caught:
            one_line(tmp_path, line, task="detect")
        assert "labels/train/a.txt, line 1" in str(caught.value)

    def test_bad_lines_are_collected(self, tmp_path: Path) -> None:
        folder = dataset(tmp_path, {"labels/train/a.txt": "9 .5 .5 1 1\n0 .5 .5 1 1\n0 2 2 2 2\n"}, a=(100, 50))
        reader = YoloReader(folder, on_error="collect")
        assert len(list(reader.rows())) == 1
        assert [error.message.split(":")[0] for error in reader.errors] == [
            "labels/train/a.txt, line 1",
            "labels/train/a.txt, line 3",
        ]

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ("names: [a", "line 1: the YAML is broken"),
            ("[]", "not keys and values"),
            ("train: x", "no names"),
            ("names: {x: a}", "no whole number"),
            ("names: [a, a]", "several classes"),
            ('names: {0: a, "0": b}', "the class number 0 is there twice"),
            ("names: [[a]]", "name of class 0"),
            ("names: [a]\nkpt_shape: [17]", "kpt_shape"),
            ("names: [a]\ntask: fly", "task is 'fly'"),
            ("names: [a]\ntrain: 3", "no path"),
            ("names: !!python/object/apply:os.getcwd []", "broken"),
        ],
    )
    def test_a_bad_data_file_is_named(self, tmp_path: Path, data: str, reason: str) -> None:
        (tmp_path / "data.yaml").write_text(data)
        with pytest.raises(InvalidData, match=reason) as caught:
            YoloReader(tmp_path)
        assert "data.yaml" in str(caught.value)

    @pytest.mark.parametrize("place", ["/etc", "../../elsewhere", "a/../../b"])
    def test_paths_out_of_the_folder(self, tmp_path: Path, place: str) -> None:
        (tmp_path / "data.yaml").write_text(f"names: [a]\ntrain: {place}")
        with pytest.raises(InvalidData, match="leads out"):
            list(YoloReader(tmp_path).items())

    def test_a_visibility_that_is_neither_flag_nor_confidence(self, tmp_path: Path) -> None:
        data = "train: images/train\nnames: {0: person}\nkpt_shape: [1, 3]\n"
        files = {"data.yaml": data, "labels/train/a.txt": "0 .5 .5 .2 .4 .4 .5 1.5"}
        with pytest.raises(InvalidData, match=r"line 1: keypoint '0' has visibility 1\.5"):
            list(YoloReader(dataset(tmp_path, files, a=(100, 50))).rows())

    def test_classes_that_were_renamed_since_are_read_as_they_are_named(self, tmp_path: Path) -> None:
        YoloWriter(tmp_path / "set").write(SHEEP, [], [])
        data = tmp_path / "set/data.yaml"
        data.write_text(data.read_text().replace("sheep", "goat"))
        assert YoloReader(tmp_path / "set").ontology().features[0] == Feature(name="goat", geometries=("box",))

    def test_labels_without_an_image(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match=r"labels/train/b\.txt: there is no image"):
            list(YoloReader(dataset(tmp_path, {"labels/train/b.txt": ""}, a=(1, 1))).items())

    def test_an_image_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match=r"a\.png is not an image"):
            list(YoloReader(dataset(tmp_path, {"images/train/a.png": b"no"})).items())

    def test_an_image_that_two_splits_name_is_refused_once(self, tmp_path: Path) -> None:
        data = {"data.yaml": "train: all.txt\nval: all.txt\nnames: [sheep]", "all.txt": "images/train/gone.png\n"}
        reader = YoloReader(dataset(tmp_path, data), on_error="collect")
        assert list(reader.items()) == []
        assert len(reader.errors) == 1

    def test_a_list_that_is_not_utf_8(self, tmp_path: Path) -> None:
        data = {"data.yaml": "train: all.txt\nnames: [sheep]", "all.txt": b"images/train/a.png\n\xff.png\n"}
        with pytest.raises(InvalidData, match=r"all\.txt, line 2: the name of an image is not UTF-8"):
            list(YoloReader(dataset(tmp_path, data, a=(1, 1))).items())

    def test_a_zip_bomb(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("data.yaml", bytes(80 << 20))
        with pytest.raises(InvalidData, match="unpacks to more than"):
            YoloReader(tmp_path / "bomb.zip")

    @pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt"])
    def test_an_archive_that_leaves_its_folder(self, tmp_path: Path, name: str) -> None:
        with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
            archive.writestr(name, "x")
        with pytest.raises(InvalidData, match="leads out"):
            YoloReader(tmp_path / "set.zip")

    def test_a_truncated_archive(self, tmp_path: Path) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("data.yaml", "names: [a]" * 100)
        broken = bytearray(content.getvalue())
        broken[60:80] = bytes(20)
        (tmp_path / "set.zip").write_bytes(broken)
        with pytest.raises(InvalidData, match="not a zip archive that can be read"):
            YoloReader(tmp_path / "set.zip")

    @pytest.mark.parametrize(
        "break_it",
        [
            lambda: [Label("nowhere", "sheep", Box(0, 0, 1, 1))],
            lambda: [Label("a", "wolf", Box(0, 0, 1, 1))],
            lambda: [Label("a", "sheep", RotatedBox(5, 5, 1, 1, 30))],
            lambda: 1 / 0,
        ],
    )
    def test_nothing_is_half_written(self, tmp_path: Path, break_it: Callable[[], Any]) -> None:
        def rows() -> Any:
            yield Label("a", "sheep", Box(0, 0, 1, 1))
            yield from break_it()

        with pytest.raises((InvalidData, ZeroDivisionError)) as caught:
            YoloWriter(tmp_path / "set").write(SHEEP, [Item("a", width=10, height=10)], rows())
        assert getattr(caught.value, "row", 1) == 1
        assert list(tmp_path.iterdir()) == []

    def test_two_items_of_one_key(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match="Two items"):
            YoloWriter(tmp_path / "set").write(SHEEP, [Item("a"), Item("a")], [])

    def test_what_is_there_is_not_overwritten(self, tmp_path: Path) -> None:
        (tmp_path / "set").mkdir()
        (tmp_path / "set/mine").touch()
        with pytest.raises(Conflict):
            YoloWriter(tmp_path / "set").write(SHEEP, [], [])
