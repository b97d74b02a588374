"""`dragoman convert`: from any format to any other, with what it costs, and never half of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from dragoman import Box, Feature, Item, Keypoint, Keypoints, Label, Mask, Ontology, Polygon, RotatedBox, WouldLose
from dragoman.cli.app import build
from dragoman.errors import Conflict, InvalidData, NotFound
from dragoman.formats.convert import convert, named, recognised
from dragoman.plugins import installed

runner = CliRunner()
FEATURES = ("zero", "car", "Größe\u2028🦊")
HOLED = Polygon((((5, 5, 45, 5, 45, 40, 5, 40), (15, 15, 25, 15, 25, 25, 15, 25)),))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A dataset in our own format: three images, two of one name, one of them without labels."""
    items = []
    for key in ("a/0001.png", "b/0001.png", "empty.png"):
        path = tmp_path / "images" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 48), (90, 90, 90)).save(path)
        items.append(Item(key, uri=str(path), width=64, height=48))
    rows = [
        Label("a/0001.png", "zero", Box(1, 2, 30, 20)),
        Label("b/0001.png", "car", Box(0, 0, 64, 48), metadata={"night": True}),
    ]
    return write(tmp_path / "source.ndjson", items, rows)


def write(path: Path, items: list[Item], rows: list[Label]) -> Path:
    ontology = Ontology(name="street", features=tuple(Feature(name=name) for name in FEATURES))
    named("ndjson").load("writer")(path).write(ontology, items, rows)
    return path


def read(path: Path, name: str, **options: Any) -> tuple[list[Item], list[Label]]:
    reader = named(name).load("reader")(path, **options)
    return list(reader.items()), list(reader.rows())


def with_rows(source: Path, *rows: Label) -> Path:
    items, _ = read(source, "ndjson")
    return write(source.parent / "other.ndjson", items, list(rows))


WRITABLE = sorted(name for name, one in installed().formats().items() if one.writer and name != "coco-results")


@pytest.mark.parametrize("name", WRITABLE)
def test_items_without_annotations_and_same_file_names_survive_every_format(
    source: Path, tmp_path: Path, name: str
) -> None:
    done = convert(source, tmp_path / "made", write_as=name, on_loss="drop")
    assert (done.items, done.rows) == (3, 2)
    items, rows = read(tmp_path / "made", name)
    assert len(items) == 3
    assert len({item.key for item in items}) == 3
    assert len({row.item for row in rows}) == 2


@pytest.mark.parametrize("name", WRITABLE)
def test_every_format_is_recognised_in_what_it_writes(source: Path, tmp_path: Path, name: str) -> None:
    convert(source, tmp_path / "made", write_as=name, on_loss="drop")
    assert recognised(tmp_path / "made") == [name]


@pytest.mark.parametrize("name", WRITABLE)
def test_boxes_come_back_from_every_format(source: Path, tmp_path: Path, name: str) -> None:
    convert(source, tmp_path / "made", write_as=name, on_loss="drop")
    convert(tmp_path / "made", tmp_path / "back.ndjson", read_as=name)
    _, rows = read(tmp_path / "back.ndjson", "ndjson")
    found = {(row.feature, *(round(number, 3) for number in vars_of(row.geometry))) for row in rows}
    assert found == {("zero", 1, 2, 30, 20), ("car", 0, 0, 64, 48)}


def vars_of(box: Any) -> tuple[float, ...]:
    return (box.x, box.y, box.width, box.height)


def test_rotated_boxes_are_not_flattened_without_a_word(source: Path, tmp_path: Path) -> None:
    rotated = with_rows(source, Label("empty.png", "car", RotatedBox(30, 20, 20, 10, 30)))
    with pytest.raises(WouldLose, match="rotated_box") as caught:
        convert(rotated, tmp_path / "yolo", write_as="yolo")
    assert caught.value.row == 0
    assert not (tmp_path / "yolo").exists(), "nothing is left of a conversion that stopped"
    done = convert(rotated, tmp_path / "yolo", write_as="yolo", on_loss="drop")
    (loss,) = (loss for loss in done.losses if loss.what.startswith("geometry"))
    assert loss.rows == 1
    assert loss.worst_iou is not None
    assert loss.worst_iou == pytest.approx(200 / ((20 * 0.8660254 + 5) * (10 + 8.660254)), rel=1e-3)


def test_holes_and_second_parts_are_not_dropped(source: Path, tmp_path: Path) -> None:
    parts = Polygon((((2, 2, 12, 2, 12, 12, 2, 12),), ((30, 20, 50, 20, 50, 40, 30, 40),)))
    rows = (Label("empty.png", "car", HOLED, id="holed"), Label("empty.png", "car", parts, id="parts"))
    convert(with_rows(source, *rows), tmp_path / "coco.json", on_loss="drop")
    _, back = read(tmp_path / "coco.json", "coco")
    from dragoman.geometry import iou

    assert [iou(before.geometry, after.geometry) for before, after in zip(rows, back, strict=True)] == pytest.approx(
        [1.0, 1.0]
    )


def test_a_dry_run_counts_all_losses_and_writes_nothing(source: Path, tmp_path: Path) -> None:
    pose = Keypoints((Keypoint("nose", 1, 2),))
    rows = (Label("empty.png", "car", RotatedBox(30, 20, 20, 10, 30)), Label("empty.png", "car", pose))
    done = convert(with_rows(source, *rows), tmp_path / "yolo", write_as="yolo", dry_run=True)
    assert {loss.what for loss in done.losses if loss.what.startswith("geometry")} == {
        "geometry rotated_box",
        "geometry keypoints",
    }
    assert not (tmp_path / "yolo").exists()


def test_masks_come_back_pixel_by_pixel(source: Path, tmp_path: Path) -> None:
    mask = Mask(48, 64, (48 * 10 + 5, 12, 36, 12, 48 * 64 - 48 * 10 - 5 - 60))
    convert(with_rows(source, Label("empty.png", "car", mask)), tmp_path / "made.json", on_loss="drop")
    _, (row,) = read(tmp_path / "made.json", "coco")
    assert row.geometry == mask


def test_what_is_there_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "made.json"
    target.write_text("precious")
    with pytest.raises(Conflict):
        convert(source, target, on_loss="drop")
    assert target.read_text() == "precious"


def test_no_source_no_format_no_option(source: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no"):
        convert(tmp_path / "none", tmp_path / "made.json")
    with pytest.raises(NotFound, match="no format named 'koko'"):
        convert(source, tmp_path / "made.json", write_as="koko")
    with pytest.raises(InvalidData, match="does not tell a format"):
        convert(source, tmp_path / "made.unknown")
    with pytest.raises(InvalidData, match="no option 'colour'"):
        convert(source, tmp_path / "made.json", writing={"colour": "red"})
    (tmp_path / "prose.txt").write_text("a story")
    with pytest.raises(InvalidData, match="looks like no format"):
        convert(tmp_path / "prose.txt", tmp_path / "made.json")


def test_bad_rows_are_passed_over_only_when_asked(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "made.json", on_loss="drop")
    content = json.loads((tmp_path / "made.json").read_text())
    content["annotations"][0]["image_id"] = 999
    (tmp_path / "bad.json").write_text(json.dumps(content))
    with pytest.raises(InvalidData, match="999"):
        convert(tmp_path / "bad.json", tmp_path / "strict.ndjson")
    assert not (tmp_path / "strict.ndjson").exists()
    done = convert(tmp_path / "bad.json", tmp_path / "lenient.ndjson", on_error="collect")
    assert done.rows == 1
    assert "999" in str(done.errors[0])


def test_the_command_line_prints_what_was_lost(source: Path, tmp_path: Path) -> None:
    rotated = with_rows(source, Label("empty.png", "car", RotatedBox(30, 20, 20, 10, 30)))
    arguments = ["convert", str(rotated), str(tmp_path / "yolo"), "--to", "yolo", "--on-loss", "drop"]
    shown = runner.invoke(build(), [*arguments, "--dry-run"])
    assert shown.exit_code == 0, shown.output
    assert "Would write 3 items and 1 rows" in shown.output
    printed = json.loads(runner.invoke(build(), [*arguments, "--json"]).stdout)
    assert (printed["from"], printed["to"], printed["items"], printed["rows"]) == ("ndjson", "yolo", 3, 1)
    assert [loss["what"] for loss in printed["losses"]].count("geometry rotated_box") == 1


def test_the_command_line_lists_the_formats() -> None:
    listed = json.loads(runner.invoke(build(), ["formats", "--json"]).stdout)
    assert {"coco", "yolo", "voc", "cvat", "labelstudio", "ndjson", "parquet"} <= set(listed)
