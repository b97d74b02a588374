"""`dragoman convert`: from any format to any other, with what it costs, and never half of it."""

from __future__ import annotations

import json
import shutil
import zipfile
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


@pytest.mark.parametrize(
    ("name", "option", "words"),
    [
        ("voc", "convention", "devkit, corners"),
        ("yolo", "task", "detect, obb, segment, pose"),
        ("yolo", "images", "present, all, none"),
        ("cvat", "images", "present, all, none"),
        ("coco", "counts", "compressed, plain"),
        ("ndjson", "layout", "file, folder"),
    ],
)
def test_an_option_of_a_writer_is_one_of_its_words(
    source: Path, tmp_path: Path, name: str, option: str, words: str
) -> None:
    with pytest.raises(InvalidData, match=f"There is no {option} 'Foo'") as caught:
        convert(source, tmp_path / "made", write_as=name, writing={option: "Foo"}, on_loss="drop")
    assert words in str(caught.value.hint)
    with pytest.raises(InvalidData, match=f"There is no {option} 'Foo'"):
        named(name).load("writer")(tmp_path / "made", **{option: "Foo"})


@pytest.mark.parametrize(
    ("name", "option"), [("voc", "convention"), ("yolo", "task"), ("labelstudio", "key"), ("coco", "shape")]
)
def test_an_option_of_a_reader_is_one_of_its_words(source: Path, tmp_path: Path, name: str, option: str) -> None:
    convert(source, tmp_path / "made", write_as=name, on_loss="drop")
    with pytest.raises(InvalidData, match=f"There is no {option} 'Foo'"):
        convert(tmp_path / "made", tmp_path / "back.ndjson", reading={option: "Foo"})
    with pytest.raises(InvalidData, match="There is no on_error 'ignore'"):
        named(name).load("reader")(tmp_path / "made", on_error="ignore")
    assert read(tmp_path / "made", name, **({"task": None} if option == "task" else {}))


def test_an_image_in_an_archive_is_copied_or_its_place_is_a_loss(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "made", write_as="yolo", on_loss="drop")
    archive = zipped(tmp_path / "made")
    with pytest.raises(WouldLose, match=r"item uri is dropped: .* unpack it yourself"):
        convert(archive, tmp_path / "back.ndjson", read_as="yolo")
    done = convert(archive, tmp_path / "back.ndjson", read_as="yolo", on_loss="drop")
    assert [(loss.what, loss.rows) for loss in done.losses] == [("item uri", 3)]
    assert {item.uri for item in read(tmp_path / "back.ndjson", "ndjson")[0]} == {None}
    convert(archive, tmp_path / "voc", read_as="yolo", write_as="voc", writing={"images": "all"}, on_loss="drop")
    assert len(list((tmp_path / "voc" / "JPEGImages").rglob("*.png"))) == 3


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return folder.with_suffix(".zip")


@pytest.mark.parametrize("names", [("data.yaml", "data.yaml/x"), ("data.yaml", "x" * 300)])
def test_an_archive_with_names_that_no_folder_can_hold_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in names:
            archive.writestr(name, "names: [a]\n")
    with pytest.raises(InvalidData, match=f"'{names[1]}' cannot be unpacked"):
        convert(tmp_path / "set.zip", tmp_path / "made.ndjson", read_as="yolo")


@pytest.mark.parametrize("name", ["yolo", "voc"])
def test_an_empty_mask_is_left_out_and_counted(source: Path, tmp_path: Path, name: str) -> None:
    empty = Label("empty.png", "car", Mask(48, 64, (48 * 64,)))
    rows = with_rows(source, empty, Label("empty.png", "car", Box(1, 2, 30, 20)))
    with pytest.raises(InvalidData, match="mask is empty"):
        convert(rows, tmp_path / "made", write_as=name, on_loss="convert")
    done = convert(rows, tmp_path / "made", write_as=name, on_loss="drop")
    assert (done.rows, done.left_out) == (1, 1)
    (loss,) = (loss for loss in done.losses if loss.what == "geometry mask")
    assert (loss.survival, loss.rows) == ("dropped", 1)
    assert "empty" in loss.how


@pytest.mark.parametrize("name", ["file/made", "file/deeper/made", "x" * 300, "x" * 300 + "/made"])
def test_where_nothing_can_be_written_one_sentence_says_so(source: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidData, match="cannot be written"):
        convert(source, tmp_path / name, write_as="coco", on_loss="drop")


def test_a_name_as_long_as_the_file_system_takes_is_written(source: Path, tmp_path: Path) -> None:
    made = tmp_path / ("x" * 248 + ".ndjson")
    convert(source, made)
    assert made.is_file()


@pytest.mark.parametrize("name", WRITABLE)
def test_the_empty_folder_that_one_stands_in_is_filled(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to("here")
    monkeypatch.chdir(tmp_path / "here")
    convert(source, Path(), write_as=name, on_loss="drop")
    assert recognised(Path()) == [name]
    with pytest.raises(Conflict):
        convert(source, tmp_path / "link", write_as=name, on_loss="drop")
    shutil.rmtree(tmp_path / "here")
    (tmp_path / "here").mkdir()
    convert(source, tmp_path / "link", write_as=name, on_loss="drop")
    assert recognised(tmp_path / "here") == [name]
    assert (tmp_path / "link").is_symlink()


def test_a_folder_is_not_replaced_by_a_file(source: Path, tmp_path: Path) -> None:
    (tmp_path / "made.json").mkdir()
    with pytest.raises(Conflict, match="is a folder"):
        convert(source, tmp_path / "made.json", on_loss="drop")
    assert list((tmp_path / "made.json").iterdir()) == []


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
