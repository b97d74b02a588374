"""Images in folders of classes, as Ultralytics has them: each is an item with one label."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from dragoman.errors import InvalidData, NotFound
from dragoman.formats.convert import convert, recognised
from dragoman.formats.yolo import YoloClassifyReader
from dragoman.schema import Feature, Item, Label, Whole


def images(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (30, 20)).save(path)
    return folder


def test_splits_and_classes_are_folders(tmp_path: Path) -> None:
    reader = YoloClassifyReader(images(tmp_path, "train/dog/1.png", "train/cat/1.png", "valid/cat/in/2.png"))
    assert reader.ontology().features == (
        Feature(name="cat", geometries=("whole",)),
        Feature(name="dog", geometries=("whole",)),
    )
    assert list(reader.items()) == [
        Item("train/cat/1.png", uri=str(tmp_path / "train/cat/1.png"), width=30, height=20, split="train"),
        Item("train/dog/1.png", uri=str(tmp_path / "train/dog/1.png"), width=30, height=20, split="train"),
        Item("valid/cat/in/2.png", uri=str(tmp_path / "valid/cat/in/2.png"), width=30, height=20, split="val"),
    ]
    assert list(reader.rows()) == [
        Label("train/cat/1.png", "cat", Whole()),
        Label("train/dog/1.png", "dog", Whole()),
        Label("valid/cat/in/2.png", "cat", Whole()),
    ]


def test_classes_without_images_are_kept(tmp_path: Path) -> None:
    (images(tmp_path, "train/cat/1.png") / "train/empty").mkdir()
    assert [feature.name for feature in YoloClassifyReader(tmp_path).ontology().features] == ["cat", "empty"]


def test_without_splits_the_classes_stand_in_the_folder_itself(tmp_path: Path) -> None:
    reader = YoloClassifyReader(images(tmp_path, "cat/1.png", "dog/1.png", ".cache/9.png"))
    assert [(row.item, row.feature) for row in reader.rows()] == [("cat/1.png", "cat"), ("dog/1.png", "dog")]
    assert {item.split for item in reader.items()} == {None}


def test_it_is_recognised_and_converted(tmp_path: Path) -> None:
    folder = images(tmp_path / "set", "train/cat/1.png", "val/dog/2.png")
    assert recognised(folder) == ["yolo-classify"]
    done = convert(folder, tmp_path / "made.ndjson")
    assert (done.items, done.rows, done.losses) == (2, 2, ())
    with pytest.raises(NotFound, match="writer"):
        convert(folder, tmp_path / "other", write_as="yolo-classify")


def test_an_archive_reads_like_its_folder(tmp_path: Path) -> None:
    folder = images(tmp_path / "set", "train/cat/1.png")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(folder / "train/cat/1.png", "set/train/cat/1.png")
    (item,) = YoloClassifyReader(tmp_path / "set.zip").items()
    assert (item.key, item.split) == ("train/cat/1.png", "train")


def test_an_image_that_is_none_is_refused_or_passed_over_with_its_label(tmp_path: Path) -> None:
    (images(tmp_path, "train/cat/1.png") / "train/cat/2.png").write_text("no image")
    with pytest.raises(InvalidData, match=r"2\.png is not an image"):
        list(YoloClassifyReader(tmp_path).rows())
    reader = YoloClassifyReader(tmp_path, on_error="collect")
    assert [row.item for row in reader.rows()] == [item.key for item in reader.items()] == ["train/cat/1.png"]
    assert len(reader.errors) == 1


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="no folders of classes"):
        YoloClassifyReader(tmp_path)


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InvalidData, match=r"a\.json has no folders of classes"):
        YoloClassifyReader(tmp_path / "a.json")
