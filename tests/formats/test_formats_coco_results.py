"""COCO results: predictions on the images of a dataset that stands elsewhere."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest
from coco_files import DATASET, judge, put

from dragoman.errors import InvalidData
from dragoman.formats.coco import CocoReader, CocoResultsWriter, recognise, recognise_results
from dragoman.schema import Box, Feature, Item, Mask, Ontology, Polygon, Prediction


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
