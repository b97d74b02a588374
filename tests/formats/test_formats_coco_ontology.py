"""What COCO says of categories and of the whole, and the schema has no field for, is metadata and comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from coco_files import DATASET, changed, put, rewritten

from dragoman.formats.coco import CocoReader, CocoWriter
from dragoman.schema import Feature, Item, Ontology

LICENSES = [{"id": 3, "name": "CC BY", "url": "https://example.org/by"}]


def reread(tmp_path: Path, ontology: Ontology) -> tuple[Ontology, Any]:
    """Return an ontology as COCO gives it back, and the file."""
    path = tmp_path / "out.json"
    CocoWriter(path).write(ontology, [Item("i")], [])
    return CocoReader(path).ontology(), json.loads(path.read_text())


def test_supercategories_and_keys_of_others_are_kept(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "cat", "supercategory": "animal", "isthing": 1, "vendor": {"a": [None]}}]
    reader = CocoReader(put(tmp_path / "in.json", changed(categories=categories, annotations=[])))
    (cat,) = reader.ontology().features
    assert cat.metadata == {"supercategory": "animal", "isthing": 1, "vendor": {"a": [None]}}
    assert rewritten(reader, tmp_path / "out.json")["categories"] == categories


def test_keypoints_of_a_category_without_annotations_are_kept(tmp_path: Path) -> None:
    pose = {"keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}
    categories = [{"id": 1, "name": "cat", **pose}]
    reader = CocoReader(put(tmp_path / "in.json", changed(categories=categories, annotations=[])))
    (category,) = rewritten(reader, tmp_path / "out.json")["categories"]
    assert category | pose == category


def test_info_and_licenses_are_kept(tmp_path: Path) -> None:
    info = {"description": "pets", "year": 2024, "url": "https://example.org/pets"}
    reader = CocoReader(put(tmp_path / "in.json", changed(info=info, licenses=LICENSES)))
    ontology = reader.ontology()
    assert (ontology.name, ontology.metadata["licenses"]) == ("pets", LICENSES)
    written = rewritten(reader, tmp_path / "out.json")
    assert written["info"] == {**info, "dragoman": 1}
    assert written["licenses"] == LICENSES


def test_files_that_say_different_things_of_themselves_are_all_heard(tmp_path: Path) -> None:
    for split, year in (("train", 2023), ("valid", 2024)):
        content = changed(info={"year": year}, licenses=[*LICENSES, {"id": year}])
        put(tmp_path / split / "_annotations.coco.json", content)
    metadata = CocoReader(tmp_path).ontology().metadata
    assert metadata["info"] == {"year": 2023}
    assert metadata["info_of_files"] == {"train": {"year": 2023}, "valid": {"year": 2024}}
    assert metadata["licenses"] == [*LICENSES, {"id": 2023}, {"id": 2024}]


@pytest.mark.parametrize(
    "metadata",
    [
        {"id": 7, "name": "other", "color": "x", "attributes": 1, "geometries": None, "dragoman_id": "z"},
        {"metadata": {"x": 1}, "y": 2},
        {"keypoints": "are many", "skeleton": 3},
        {"keypoints": ["a"], "skeleton": [[1, 9]]},
        {"metadata": None, "supercategory": ""},
    ],
)
def test_metadata_that_is_named_like_a_key_of_coco_does_not_replace_it(tmp_path: Path, metadata: Any) -> None:
    ontology = Ontology(name="o", features=(Feature(name="cat", id="1", metadata=metadata),))
    again, written = reread(tmp_path, ontology)
    assert again == ontology
    assert (written["categories"][0]["id"], written["categories"][0]["name"]) == (1, "cat")


@pytest.mark.parametrize(
    "metadata",
    [{"info": {"description": "x"}}, {"info": 3, "licenses": "none"}, {"licenses": []}, {"dragoman": 2, "mine": [1]}],
)
def test_metadata_of_the_whole_comes_back_whatever_it_is(tmp_path: Path, metadata: Any) -> None:
    ontology = Ontology(name="o", features=(Feature(name="cat", id="1"),), id="mine", metadata=metadata)
    assert reread(tmp_path, ontology)[0] == ontology


def test_info_that_is_nothing_is_passed_over(tmp_path: Path) -> None:
    reader = CocoReader(put(tmp_path / "in.json", {**DATASET, "info": None, "licenses": {}}))
    assert reader.ontology().metadata == {}
