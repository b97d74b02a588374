"""COCO as a specification: what is kept, in both directions, judged by pycocotools where it has an opinion."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO

from dragoman.conformance import strategies
from dragoman.errors import Conflict, InvalidData
from dragoman.fidelity import EXACT, Keeper, restore
from dragoman.formats.coco import CocoReader, CocoResultsWriter, CocoWriter, recognise, recognise_results
from dragoman.schema import (
    Attribute,
    AttributeOption,
    Box,
    Feature,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Ontology,
    Polygon,
    Prediction,
    Provenance,
    Radio,
    RotatedBox,
    Whole,
)

DATASET: dict[str, Any] = {
    "info": {"description": "pets"},
    "images": [
        {"id": 0, "file_name": "a/1.jpg", "width": 10, "height": 8, "license": 3, "date_captured": "2020-01-01"},
        {"id": 7, "file_name": "b/1.jpg", "width": 10, "height": 8},
    ],
    "annotations": [
        {"id": 0, "image_id": 0, "category_id": 0, "bbox": [1, 2, 3, 4], "area": 12, "iscrowd": 0, "segmentation": []},
        {
            "id": 9,
            "image_id": 7,
            "category_id": 2,
            "bbox": [0, 0, 4, 4],
            "area": 8.5,
            "segmentation": [[0, 0, 4, 0, 4, 4]],
        },
    ],
    "categories": [{"id": 0, "name": "cat", "supercategory": "animal"}, {"id": 2, "name": "dog"}],
}


def put(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def changed(**members: Any) -> dict[str, Any]:
    return {**DATASET, **members}


def one_annotation(tmp_path: Path, /, categories: Any = None, **members: Any) -> CocoReader:
    annotation = {"id": 5, "image_id": 0, "category_id": 0, **members}
    content = changed(annotations=[annotation], categories=categories or DATASET["categories"])
    return CocoReader(put(tmp_path / "one.json", content))


def write(path: Path, rows: list[Label], items: list[Item] | None = None, **options: Any) -> Path:
    names = dict.fromkeys(row.feature for row in rows)
    ontology = Ontology(name="o", features=tuple(Feature(name=name) for name in names))
    keys = dict.fromkeys(row.item for row in rows)
    held = items if items is not None else [Item(key, width=40, height=30) for key in keys]
    CocoWriter(path, **options).write(ontology, held, rows)
    return path


def judge(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


# -- what a file holds -----------------------------------------------------------------------------------------------


def test_a_dataset_is_read_whole(tmp_path: Path) -> None:
    reader = CocoReader(put(tmp_path / "instances_val2017.json", DATASET))
    assert reader.ontology() == Ontology(
        name="pets", features=(Feature(name="cat", id="0"), Feature(name="dog", id="2"))
    )
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


def test_boxes_outside_the_image_are_not_clamped(tmp_path: Path) -> None:
    (row,) = one_annotation(tmp_path, bbox=[-5, -5, 100, 100]).rows()
    assert row.geometry == Box(-5, -5, 100, 100)


def test_second_parts_are_kept(tmp_path: Path) -> None:
    parts = [[0, 0, 4, 0, 4, 4], [6, 6, 9, 6, 9, 7]]
    (row,) = one_annotation(tmp_path, segmentation=parts, bbox=[0, 0, 9, 7]).rows()
    assert row.geometry == Polygon((((0, 0, 4, 0, 4, 4),), ((6, 6, 9, 6, 9, 7),)))


def test_holes_are_kept(tmp_path: Path) -> None:
    ring, hole = (2, 2, 12, 2, 12, 12, 2, 12), (4, 4, 4, 8, 8, 8, 8, 4)
    row = Label("i", "f", Polygon(((ring, hole),)), "1")
    path = write(tmp_path / "out.json", [row])
    assert list(CocoReader(path).rows()) == [row]
    mask = judge(path).annToMask(judge(path).anns[1])
    assert mask.sum() == 100 - 16
    assert not mask[5, 5]


def test_attributes_are_kept_as_cvat_writes_them(tmp_path: Path) -> None:
    attributes = {"occluded": False, "breed": "Größe\u2028", "age": 0, "x": None, "tags": ["a"]}
    (row,) = one_annotation(tmp_path, bbox=[1, 1, 1, 1], attributes=attributes).rows()
    assert row.attributes == {"occluded": False, "breed": "Größe\u2028", "age": 0, "x": None}
    path = write(tmp_path / "out.json", [row])
    assert json.loads(path.read_text())["annotations"][0]["attributes"] == attributes
    assert list(CocoReader(path).rows()) == [row]


def test_rotated_boxes_of_cvat_are_not_flattened(tmp_path: Path) -> None:
    attributes = {"rotation": 30.0, "occluded": True}
    (row,) = one_annotation(tmp_path, bbox=[0, 0, 4, 2], attributes=attributes).rows()
    assert row.geometry == RotatedBox(2, 1, 4, 2, 30)
    assert row.attributes == {"occluded": True}


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
    out = tmp_path / "out.json"
    CocoWriter(out, categories=reader.categories).write(reader.ontology(), reader.items(), reader.rows())
    written = json.loads(out.read_text())
    assert written["annotations"][0]["vendor"] == {"a": [1]}
    assert written["annotations"][0]["metadata"] == {"x": 1}
    assert written["images"][0]["license"] == 3
    assert written["categories"][0]["supercategory"] == "animal"


def test_metadata_that_is_named_like_a_key_of_coco_does_not_replace_it(tmp_path: Path) -> None:
    row = Label("i", "f", Box(1, 2, 3, 4), "1", metadata={"area": "kitchen", "id": 5, "metadata": {"bbox": 1}, "y": 1})
    path = write(tmp_path / "out.json", [row])
    assert json.loads(path.read_text())["annotations"][0]["area"] == 12
    assert list(CocoReader(path).rows()) == [row]


# -- masks and keypoints ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", ["compressed", "plain"])
def test_masks_are_what_pycocotools_reads(tmp_path: Path, counts: Any) -> None:
    pixels = np.zeros((30, 40), np.uint8)
    pixels[3:9, 5:20] = 1
    pixels[10, 7] = 1
    flat = pixels.flatten(order="F")
    edges = np.flatnonzero(np.diff(flat, prepend=0))
    runs = np.diff(np.concatenate([[0], edges, [flat.size]]))
    row = Label("i", "f", Mask(30, 40, tuple(runs.tolist())), "4")
    path = write(tmp_path / "out.json", [row], counts=counts)
    coco = judge(path)
    assert (coco.annToMask(coco.anns[4]) == pixels).all()
    assert coco.anns[4]["area"] == pixels.sum()
    assert coco.anns[4]["bbox"] == [5, 3, 15, 8]
    assert list(CocoReader(path).rows()) == [row]


def test_crowds_stay_crowds(tmp_path: Path) -> None:
    segmentation = {"size": [8, 10], "counts": [3, 4, 73]}
    reader = one_annotation(tmp_path, segmentation=segmentation, iscrowd=1, area=4, bbox=[0, 3, 1, 4])
    (row,) = reader.rows()
    assert row.geometry == Mask(8, 10, (3, 4, 73))
    path = tmp_path / "out.json"
    CocoWriter(path, counts="plain").write(reader.ontology(), reader.items(), reader.rows())
    (written,) = json.loads(path.read_text())["annotations"]
    assert (written["iscrowd"], written["segmentation"], written["area"]) == (1, segmentation, 4)


def test_keypoints_come_with_names_visibility_skeleton_and_the_other_shapes(tmp_path: Path) -> None:
    categories = [{"id": 0, "name": "cat", "keypoints": ["nose", "tail", "ear"], "skeleton": [[1, 2], [2, 3]]}]
    ring = [0, 0, 4, 0, 4, 4]
    annotation = {"keypoints": [1, 2, 2, 3, 4, 1, 0, 0, 0], "num_keypoints": 2, "segmentation": [ring], "area": 7.5}
    reader = one_annotation(tmp_path, categories, bbox=[0, 0, 4, 4], **annotation)
    (row,) = reader.rows()
    points = (Keypoint("nose", 1, 2, 2), Keypoint("tail", 3, 4, 1), Keypoint("ear", None, None, 0))
    assert row.geometry == Keypoints(points, ((0, 1), (1, 2)))
    path = tmp_path / "out.json"
    CocoWriter(path).write(reader.ontology(), reader.items(), reader.rows())
    written = json.loads(path.read_text())
    assert written["annotations"][0] | annotation | {"bbox": [0, 0, 4, 4]} == written["annotations"][0]
    assert written["categories"][0]["keypoints"] == ["nose", "tail", "ear"]
    assert written["categories"][0]["skeleton"] == [[1, 2], [2, 3]]


@pytest.mark.parametrize(
    ("shape", "kind"), [("auto", Keypoints), ("box", Box), ("segmentation", Polygon), ("keypoints", Keypoints)]
)
def test_the_caller_chooses_the_shape_and_the_others_are_kept(tmp_path: Path, shape: Any, kind: type) -> None:
    annotation = {
        "keypoints": [1, 2, 2],
        "num_keypoints": 1,
        "segmentation": [[0, 0, 4, 0, 4, 4]],
        "bbox": [0, 0, 4, 4],
    }
    one_annotation(tmp_path, **annotation)
    reader = CocoReader(tmp_path / "one.json", shape=shape)
    (row,) = reader.rows()
    assert isinstance(row.geometry, kind)
    path = write(tmp_path / "out.json", [row])
    (written,) = json.loads(path.read_text())["annotations"]
    assert written | annotation == written
    assert [again.geometry for again in CocoReader(path).rows()] == [row.geometry]


def test_facts_that_no_longer_fit_the_geometry_are_not_written(tmp_path: Path) -> None:
    (row,) = one_annotation(tmp_path, bbox=[0, 0, 4, 4], area=9, segmentation=[[0, 0, 4, 0, 4, 4]]).rows()
    moved = msgspec.structs.replace(row, geometry=Polygon.of([(20, 20), (22, 20), (22, 21)]))
    (written,) = json.loads(write(tmp_path / "out.json", [moved]).read_text())["annotations"]
    assert written["bbox"] == [20, 20, 2, 1]
    assert written["area"] == 1


# -- results ---------------------------------------------------------------------------------------------------------


def test_results_are_read_with_their_dataset(tmp_path: Path) -> None:
    dataset = put(tmp_path / "dataset.json", DATASET)
    results = [
        {"image_id": 0, "category_id": 0, "bbox": [1, 2, 3, 4], "score": 0.0},
        {"image_id": 0, "category_id": 0, "bbox": [1, 2, 3, 4], "score": 0.0},
        {"image_id": 7, "category_id": 2, "segmentation": {"size": [8, 10], "counts": "34Y2"}, "score": 0.5},
    ]
    reader = CocoReader(put(tmp_path / "results.json", results), dataset=dataset)
    rows = list(reader.rows())
    assert [(row.item, row.feature) for row in rows] == [("a/1.jpg", "cat")] * 2 + [("b/1.jpg", "dog")]
    assert [row.confidence for row in rows if isinstance(row, Prediction)] == [0.0, 0.0, 0.5]
    assert rows[2].geometry == Mask(8, 10, (3, 4, 73))
    assert len({row.id for row in rows}) == 3
    assert [row.id for row in reader.rows()] == [row.id for row in rows]
    assert len(list(reader.items())) == 2


def test_results_without_their_dataset_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="dataset=PATH"):
        CocoReader(put(tmp_path / "results.json", []))


def test_pycocotools_reads_our_results(tmp_path: Path) -> None:
    dataset = put(tmp_path / "dataset.json", DATASET)
    reader = CocoReader(dataset)
    rows = [
        Prediction("a/1.jpg", "cat", Box(1, 2, 3, 4), confidence=0.0),
        Prediction("b/1.jpg", "dog", Box(0, 0, 2, 2), confidence=0.75),
    ]
    path = tmp_path / "results.json"
    CocoResultsWriter(path).write(reader.ontology(), reader.items(), rows)
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = judge(dataset).loadRes(str(path))
    assert [(one["image_id"], one["category_id"], one["score"]) for one in loaded.anns.values()] == [
        (0, 0, 0.0),
        (7, 2, 0.75),
    ]
    assert [row.geometry for row in CocoReader(path, dataset=dataset).rows()] == [row.geometry for row in rows]
    assert recognise_results(path)
    assert not recognise(path)


def test_results_hold_masks_where_rows_have_polygons(tmp_path: Path) -> None:
    reader = CocoReader(put(tmp_path / "dataset.json", DATASET))
    row = Prediction("a/1.jpg", "cat", Polygon.of([(1, 1), (5, 1), (5, 4), (1, 4)]), confidence=0.5)
    path = tmp_path / "results.json"
    CocoResultsWriter(path).write(reader.ontology(), reader.items(), [row])
    with contextlib.redirect_stdout(io.StringIO()):
        loaded = judge(tmp_path / "dataset.json").loadRes(str(path))
    assert [one["area"] for one in loaded.anns.values()] == [12]


def test_results_need_ids_of_coco(tmp_path: Path) -> None:
    row = Prediction("i", "f", Box(1, 2, 3, 4), confidence=0.5)
    ontology = Ontology(name="o", features=(Feature(name="f"),))
    with pytest.raises(InvalidData, match="dataset=PATH") as caught:
        CocoResultsWriter(tmp_path / "results.json").write(ontology, [Item("i")], [row])
    assert caught.value.row == 0
    assert not (tmp_path / "results.json").exists()


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


@pytest.mark.parametrize("bad", [{"item": "nowhere"}, {"feature": "nothing"}, {"id": "1"}])
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


# -- round trips -----------------------------------------------------------------------------------------------------

EXACT_FORMS = [form for form, kept in CocoWriter.fidelity.geometries.items() if kept == EXACT] + ["polygon with holes"]
ids = st.one_of(strategies.names, st.integers(-5, 10**12).map(str))


@st.composite
def datasets(draw: st.DrawFn) -> tuple[Ontology, list[Item], list[Label]]:
    items = draw(
        st.lists(
            st.builds(
                msgspec.structs.replace,
                strategies.items,
                id=st.one_of(strategies.texts, st.integers(0, 99).map(str)),
                width=st.integers(1, 50),
                height=st.integers(1, 50),
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda item: item.key,
        )
    )
    names = draw(st.lists(strategies.names, min_size=1, max_size=3, unique=True))
    features = tuple(
        Feature(name=name, id=draw(st.one_of(strategies.texts, st.integers(0, 9).map(str)))) for name in names
    )
    shapes = st.one_of(*(strategies.BY_FORM[form] for form in EXACT_FORMS))
    common = {
        "item": st.sampled_from([item.key for item in items]),
        "feature": st.sampled_from(names),
        "geometry": shapes,
        "id": ids,
        "track_id": st.none() | strategies.names,
        "attributes": strategies.attributes,
        "metadata": strategies.metadata,
        "provenance": st.none() | strategies.provenances,
    }
    rows = st.one_of(
        st.builds(Label, **common), st.builds(Prediction, **common, confidence=st.none() | strategies.probabilities)
    )
    made = draw(st.lists(rows, max_size=6, unique_by=lambda row: row.id))
    return Ontology(name="o", features=features), items, made


@given(datasets(), st.booleans())
def test_what_is_written_is_read_again(dataset: tuple[Ontology, list[Item], list[Label]], as_folder: bool) -> None:
    ontology, items, rows = dataset
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("out" if as_folder else "out.json")
        CocoWriter(path).write(ontology, items, rows)
        reader = CocoReader(path)
        assert reader.ontology() == ontology
        assert sorted(reader.items(), key=lambda item: item.key) == sorted(items, key=lambda item: item.key)
        assert sorted(reader.rows(), key=lambda row: row.id) == sorted(rows, key=lambda row: row.id)


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


def test_an_annotation_without_a_shape_is_about_the_whole_image(tmp_path: Path) -> None:
    (row,) = one_annotation(tmp_path).rows()
    assert row.geometry == Whole()
    path = write(tmp_path / "out.json", [row])
    assert judge(path).anns[5]["area"] == 0


def test_pycocotools_agrees_on_areas(tmp_path: Path) -> None:
    polygon = Polygon.of([(2, 2), (30, 2), (30, 20), (2, 20)])
    rows = [Label("i", "f", Box(1, 2, 3, 4), "1"), Label("i", "f", polygon, "2")]
    coco = judge(write(tmp_path / "out.json", rows))
    assert coco.anns[1]["area"] == 12
    assert coco.anns[2]["area"] == coco.annToMask(coco.anns[2]).sum() == 28 * 18


# An empty `class_pdf` says nothing, so the core lets it go.
any_rows = st.one_of(strategies.labels_with(), strategies.predictions_with()).filter(
    lambda row: getattr(row, "class_pdf", None) != {}
)


@given(st.lists(any_rows, max_size=4, unique_by=lambda row: row.id))
def test_what_coco_has_no_place_for_travels_in_the_metadata(rows: list[Label]) -> None:
    items = [Item(key, width=50, height=50) for key in dict.fromkeys(row.item for row in rows)]
    keeper = Keeper(CocoWriter.fidelity, "store")
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "out.json", [row for row in map(keeper.keep, rows) if row], items)
        assert sorted(map(restore, CocoReader(path).rows()), key=lambda row: row.id) == sorted(rows, key=lambda r: r.id)
