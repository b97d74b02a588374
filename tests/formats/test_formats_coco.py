"""COCO as a specification: what a dataset's files hold is kept, in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from coco_files import DATASET, changed, one_annotation, put, rewritten, write

from dragoman.errors import Conflict, InvalidData
from dragoman.formats.coco import CocoReader, CocoWriter, recognise
from dragoman.schema import (
    Attribute,
    AttributeOption,
    Box,
    Feature,
    Item,
    Label,
    Ontology,
    Polygon,
    Prediction,
    Provenance,
    Radio,
)


def test_a_dataset_is_read_whole(tmp_path: Path) -> None:
    reader = CocoReader(put(tmp_path / "instances_val2017.json", DATASET))
    cat = Feature(name="cat", id="0", metadata={"supercategory": "animal"})
    assert reader.ontology() == Ontology(name="pets", features=(cat, Feature(name="dog", id="2")))
    first, second = reader.items()
    assert first == Item(
        "a/1.jpg", "0", width=10, height=8, split="val", metadata={"license": 3, "date_captured": "2020-01-01"}
    )
    assert second.key == "b/1.jpg"
    box, polygon = reader.rows()
    assert box == Label("a/1.jpg", "cat", Box(1, 2, 3, 4), "0")
    assert polygon == Label(
        "b/1.jpg",
        "dog",
        Polygon.of([(0, 0), (4, 0), (4, 4)]),
        "9",
        metadata={"coco": {"bbox": (0.0, 0.0, 4.0, 4.0), "area": 8.5}},
    )


def test_category_id_0_and_annotation_id_0_and_image_id_0_are_ids(tmp_path: Path) -> None:
    reader = CocoReader(put(tmp_path / "in.json", DATASET))
    CocoWriter(tmp_path / "out.json").write(reader.ontology(), reader.items(), reader.rows())
    again = json.loads((tmp_path / "out.json").read_text())
    assert [category["id"] for category in again["categories"]] == [0, 2]
    assert [image["id"] for image in again["images"]] == [0, 7]
    assert [(one["id"], one["image_id"], one["category_id"]) for one in again["annotations"]] == [(0, 0, 0), (9, 7, 2)]


def test_confidence_0_is_a_confidence(tmp_path: Path) -> None:
    (row,) = one_annotation(tmp_path, bbox=[1, 1, 1, 1], score=0.0).rows()
    assert isinstance(row, Prediction)
    assert row.confidence == 0.0
    (again,) = CocoReader(write(tmp_path / "out.json", [row])).rows()
    assert again == row


def test_the_same_file_name_in_two_folders_stays_two_items(tmp_path: Path) -> None:
    assert [item.key for item in CocoReader(put(tmp_path / "x.json", DATASET)).items()] == ["a/1.jpg", "b/1.jpg"]


def test_the_same_file_name_in_two_files_stays_two_items_and_equal_ids_stay_two_rows(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        put(tmp_path / split / "_annotations.coco.json", DATASET)
    reader = CocoReader(tmp_path)
    items = list(reader.items())
    assert [item.key for item in items] == ["train/a/1.jpg", "train/b/1.jpg", "valid/a/1.jpg", "valid/b/1.jpg"]
    assert [item.split for item in items] == ["train", "train", "valid", "valid"]
    assert [(row.id, row.item) for row in reader.rows()] == [
        ("0", "train/a/1.jpg"),
        ("9", "train/b/1.jpg"),
        ("valid/0", "valid/a/1.jpg"),
        ("valid/9", "valid/b/1.jpg"),
    ]


def test_items_without_annotations_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "out.json", [], [Item("empty.jpg", width=3, height=4)])
    assert [item.key for item in CocoReader(path).items()] == ["empty.jpg"]


def test_attributes_are_kept_as_cvat_writes_them(tmp_path: Path) -> None:
    attributes = {"occluded": False, "breed": "Größe\u2028", "age": 0, "x": None, "tags": ["a"]}
    (row,) = one_annotation(tmp_path, bbox=[1, 1, 1, 1], attributes=attributes).rows()
    assert row.attributes == {"occluded": False, "breed": "Größe\u2028", "age": 0, "x": None}
    path = write(tmp_path / "out.json", [row])
    assert json.loads(path.read_text())["annotations"][0]["attributes"] == attributes
    assert list(CocoReader(path).rows()) == [row]


def test_tracks_are_kept(tmp_path: Path) -> None:
    (row,) = one_annotation(tmp_path, bbox=[1, 1, 1, 1], track_id=3).rows()
    assert row.track_id == "3"
    path = write(tmp_path / "out.json", [row])
    assert json.loads(path.read_text())["annotations"][0]["track_id"] == 3


@pytest.mark.parametrize("text", ["line\u2028separator", "next\u0085line", "Größe 猫 🦊", '"{[\\'])
def test_unicode_names_are_kept(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "out.json", [Label(f"{text}.jpg", text, Box(1, 2, 3, 4), "1")])
    assert [(row.item, row.feature) for row in CocoReader(path).rows()] == [(f"{text}.jpg", text)]


def test_keys_that_others_added_come_back_where_they_were(tmp_path: Path) -> None:
    (row,) = (reader := one_annotation(tmp_path, bbox=[1, 1, 1, 1], vendor={"a": [1]}, metadata={"x": 1})).rows()
    assert row.metadata == {"vendor": {"a": [1]}, "metadata": {"x": 1}}
    written = rewritten(reader, tmp_path / "out.json")
    assert written["annotations"][0]["vendor"] == {"a": [1]}
    assert written["annotations"][0]["metadata"] == {"x": 1}
    assert written["images"][0]["license"] == 3


def test_metadata_that_is_named_like_a_key_of_coco_does_not_replace_it(tmp_path: Path) -> None:
    row = Label("i", "f", Box(1, 2, 3, 4), "1", metadata={"area": "kitchen", "id": 5, "metadata": {"bbox": 1}, "y": 1})
    path = write(tmp_path / "out.json", [row])
    assert json.loads(path.read_text())["annotations"][0]["area"] == 12
    assert list(CocoReader(path).rows()) == [row]


def test_what_a_feature_asks_is_kept(tmp_path: Path) -> None:
    breed = Attribute(
        name="breed",
        kind="radio",
        options=(AttributeOption(name="other", attributes=(Attribute(name="which", kind="text"),)),),
        required=True,
    )
    feature = Feature(name="f", geometries=("box",), color="#A0b0C0", attributes=(breed,), id="x")
    row = Label("i", "f", Box(1, 2, 3, 4), "1", attributes={"breed": Radio.of("other")}, provenance=Provenance("p"))
    ontology = Ontology(name="o", features=(feature,))
    CocoWriter(tmp_path / "out.json").write(ontology, [Item("i")], [row])
    reader = CocoReader(tmp_path / "out.json")
    assert reader.ontology() == ontology
    assert list(reader.rows()) == [row]


# -- files -----------------------------------------------------------------------------------------------------------


def test_a_folder_gets_a_file_per_split_and_reads_as_one_dataset(tmp_path: Path) -> None:
    items = [Item("1.jpg", "1", split="train"), Item("2.jpg", "2", split="val"), Item("3.jpg", "3")]
    rows = [Label(f"{n}.jpg", "f", Box(n, n, n, n), str(n)) for n in (1, 2, 3)]
    root = write(tmp_path / "out", rows, items)
    names = sorted(path.name for path in (root / "annotations").iterdir())
    assert names == ["instances_default.json", "instances_train.json", "instances_val.json"]
    reader = CocoReader(root)
    assert sorted(reader.items(), key=lambda item: item.key) == items
    assert sorted(reader.rows(), key=lambda row: row.id) == rows
    assert recognise(root)


@pytest.mark.parametrize(
    "splits", [(None, "default"), (None, ""), ("Train", "train", "TRAIN"), (None, "Default", "a/b.c")]
)
def test_every_split_has_a_file_of_its_own_and_comes_back(tmp_path: Path, splits: tuple[str | None, ...]) -> None:
    items = [Item(f"{n}.jpg", str(n), split=split) for n, split in enumerate(splits)]
    rows = [Label(item.key, "f", Box(n, n, n, n), str(n)) for n, item in enumerate(items)]
    root = write(tmp_path / "out", rows, items)
    assert len({path.name.casefold() for path in (root / "annotations").iterdir()}) == len(splits)
    reader = CocoReader(root)
    assert sorted(reader.items(), key=lambda item: item.key) == items
    assert sorted(reader.rows(), key=lambda row: row.id) == rows


def test_ids_that_no_other_row_has_are_kept_over_several_files(tmp_path: Path) -> None:
    items = [Item("1.jpg", split="train"), Item("2.jpg", split="val")]
    rows = [Label("1.jpg", "f", Box(1, 2, 3, 4), "uuid-a"), Label("2.jpg", "f", Box(1, 2, 3, 4), "1")]
    assert [row.id for row in CocoReader(write(tmp_path / "out", rows, items)).rows()] == ["uuid-a", "1"]


def test_an_id_that_rows_of_several_items_have_is_kept(tmp_path: Path) -> None:
    rows = [Label(f"{n}.jpg", "f", Box(n, 2, 3, 4), "1") for n in range(3)]
    path = write(tmp_path / "out.json", rows)
    assert [one["id"] for one in json.loads(path.read_text())["annotations"]] == [1, 2, 3]
    assert list(CocoReader(path).rows()) == rows


def _in_order(count: int, start: int, order: tuple[str, ...]) -> dict[str, Any]:
    numbers = range(start, start + count)
    whole: dict[str, Any] = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 10, "height": 8} for n in numbers],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 2, 3, 4]} for n in numbers],
    }
    return {name: whole[name] for name in order}


@pytest.mark.parametrize(
    "order",
    [
        ("images", "categories", "annotations"),
        ("annotations", "categories", "images"),
        ("categories", "images", "annotations"),
    ],
)
@pytest.mark.parametrize("name", ["instances_train.json", "mine.json"])
def test_a_long_file_is_known_whatever_the_order_of_its_tables(
    tmp_path: Path, order: tuple[str, ...], name: str
) -> None:
    path = put(tmp_path / "annotations" / name, _in_order(3000, 0, order))
    put(path.with_name("instances_val.json" if name.startswith("i") else "other.json"), _in_order(3, 9000, order))
    assert recognise(path)
    reader = CocoReader(tmp_path)
    assert len(list(reader.items())) == len(list(reader.rows())) == 3003


@pytest.mark.parametrize("broken", ["", '{"images": [{"id"', "{}"])
def test_a_file_of_cocos_name_that_is_broken_is_not_passed_over(tmp_path: Path, broken: str) -> None:
    for folder, name in (("annotations", "instances_train.json"), ("train", "_annotations.coco.json")):
        root = tmp_path / folder
        put(root / folder / name.replace("train", "val"), DATASET)
        (root / name).write_text(broken)
        with pytest.raises(InvalidData, match=name):
            list(CocoReader(root).rows())


def test_results_beside_a_dataset_are_no_part_of_it(tmp_path: Path) -> None:
    put(tmp_path / "annotations" / "instances_val.json", DATASET)
    put(tmp_path / "results" / "instances_val_results.json", [{"image_id": 0, "category_id": 0, "score": 1}])
    assert len(list(CocoReader(tmp_path).rows())) == 2


@pytest.mark.parametrize(
    "foreign", [{"annotations": [], "data": {"image_id": 1}}, {"images": ["a.png"]}, {"categories": ["x"]}]
)
def test_json_with_one_table_of_cocos_name_is_no_coco(tmp_path: Path, foreign: dict[str, Any]) -> None:
    assert not recognise(put(tmp_path / "x.json", foreign))


@pytest.mark.parametrize("pattern", ["**", "annotations"])
def test_a_pattern_finds_files_and_no_folders(tmp_path: Path, pattern: str) -> None:
    put(tmp_path / "annotations" / "instances_val.json", DATASET)
    with pytest.raises(InvalidData, match="holds no COCO file"):
        CocoReader(tmp_path, pattern=pattern)


def test_what_is_no_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="is no pattern"):
        CocoReader(tmp_path, pattern="a**b")


@pytest.mark.parametrize("name", ["x" * 300 + ".jpg", "https://host/a.jpg?signature=" + "f" * 300])
def test_a_file_name_may_be_longer_than_the_file_system_takes(tmp_path: Path, name: str) -> None:
    image = {"id": 0, "file_name": name, "width": 10, "height": 8}
    (item,) = CocoReader(put(tmp_path / "in.json", changed(images=[image], annotations=[]))).items()
    assert item.key == name


@pytest.mark.parametrize("key", ["..", ".", "../a.jpg", "/", "a/../../..", "%2E%2E"])
def test_keys_that_are_no_file_names_come_back(tmp_path: Path, key: str) -> None:
    (item,) = CocoReader(write(tmp_path / "out.json", [], [Item(key, "1")])).items()
    assert item == Item(key, "1")


def test_images_are_found_beside_their_file(tmp_path: Path) -> None:
    put(tmp_path / "annotations" / "instances_train2017.json", DATASET)
    (tmp_path / "train2017" / "a").mkdir(parents=True)
    (tmp_path / "train2017" / "a" / "1.jpg").touch()
    first, _ = CocoReader(tmp_path).items()
    assert first.uri == str(tmp_path / "train2017" / "a" / "1.jpg")
    assert first.split == "train"


def test_a_folder_with_several_kinds_of_annotations_asks_which(tmp_path: Path) -> None:
    for name in ("instances_val2017.json", "person_keypoints_val2017.json"):
        put(tmp_path / "annotations" / name, DATASET)
    with pytest.raises(InvalidData, match="several kinds"):
        CocoReader(tmp_path)
    assert len(list(CocoReader(tmp_path, pattern="person_keypoints_*.json").items())) == 2


def test_nothing_is_written_over(tmp_path: Path) -> None:
    path = put(tmp_path / "there.json", {})
    with pytest.raises(Conflict):
        write(path, [])
    assert path.read_text() == "{}"


@pytest.mark.parametrize("bad", [{"item": "nowhere"}, {"feature": "nothing"}])
def test_a_bad_row_leaves_no_file_behind(tmp_path: Path, bad: dict[str, str]) -> None:
    good = Label("i", "f", Box(1, 2, 3, 4), "1")
    ontology = Ontology(name="o", features=(Feature(name="f"),))
    with pytest.raises(InvalidData) as caught:
        CocoWriter(tmp_path / "out.json").write(
            ontology, [Item("i")], [good, msgspec.structs.replace(good, **({"id": "2"} | bad))]
        )
    assert caught.value.row == 1
    assert caught.value.field == next(iter(bad))
    assert list(tmp_path.iterdir()) == []
