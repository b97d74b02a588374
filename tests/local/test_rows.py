"""Items, labels and predictions of the local backend: one outcome per row, nothing altered, nothing doubled."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from dragoman import (
    Box,
    Cuboid,
    Dataset,
    InvalidData,
    Item,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Model,
    NotFound,
    PlatformError,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Provenance,
    Report,
    RotatedBox,
    Version,
    Whole,
)
from dragoman.adapter import Adapter

from .video_clips import FRAMES, RATE, write_clip

GEOMETRIES = [
    Box(0.1, 0.2, 3, 4),
    RotatedBox(5, 5, 2, 3, 45),
    Polygon((((0, 0, 4, 0, 4, 4), (1, 1, 2, 1, 2, 2)),)),
    Polyline((0, 0, 1, 1)),
    Point(1, 2),
    Keypoints((Keypoint("nose", 1, 2), Keypoint("ear", None, None, 0)), ((0, 1),)),
    Mask(2, 3, (1, 5)),
    Cuboid((0, 0, 0), (1, 2, 3)),
    Whole(),
]


def statuses(report: Report) -> list[str]:
    return [outcome.status for outcome in report]


@pytest.fixture
def version(local: Adapter, detector: Model) -> Version:
    return local.versions.create(detector, name="v")


class TestItems:
    def test_size_comes_from_the_header_turned_as_exif_says(self, local: Adapter, tmp_path: Path) -> None:
        picture, exif = Image.new("RGB", (40, 30)), Image.Exif()
        exif[0x0112] = 6  # A quarter turn clockwise.
        picture.save(tmp_path / "turned.jpg", exif=exif)
        dataset = local.datasets.create("d")
        local.datasets.write_items([Item("t", uri=str(tmp_path / "turned.jpg"))], dataset=dataset).raise_for_problems()
        (item,) = local.datasets.read_items(dataset)
        assert (item.width, item.height) == (30, 40)

    def test_item_keeps_what_the_user_gave(self, local: Adapter, image: Callable[..., Path]) -> None:
        dataset = local.datasets.create("d")
        given = Item("k", uri=str(image()), width=7, height=9, split="train", metadata={"camera": {"iso": 100}})
        (outcome,) = local.datasets.write_items([given], dataset=dataset)
        (kept,) = local.datasets.read_items(dataset)
        assert outcome.id == kept.id != ""
        digest = f"sha256:{sha256(Path(given.uri or '').read_bytes()).hexdigest()}"
        assert kept == msgspec.structs.replace(given, id=kept.id, content_hash=digest)

    def test_relative_path_and_file_address_become_absolute_paths(
        self, local: Adapter, image: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        path = image("with space.png")
        dataset = local.datasets.create("d")
        rows = [Item("r", uri=path.name), Item("f", uri=path.as_uri())]
        assert local.datasets.write_items(rows, dataset=dataset).ok
        assert {item.uri for item in local.datasets.read_items(dataset)} == {str(path)}

    @pytest.mark.parametrize("name", ["a#b?c.png", "100%.png", "a%20b.png"])
    def test_file_address_that_was_never_quoted_is_taken_as_it_stands(
        self, local: Adapter, image: Callable[..., Path], name: str
    ) -> None:
        path = image(name)
        dataset = local.datasets.create("d")
        rows = [Item("plain", uri=f"file://{path}"), Item("quoted", uri=path.as_uri())]
        local.datasets.write_items(rows, dataset=dataset).raise_for_problems()
        assert {item.uri for item in local.datasets.read_items(dataset)} == {str(path)}

    def test_bad_rows_are_rejected_with_their_reason_and_the_others_kept(
        self, local: Adapter, image: Callable[..., Path], tmp_path: Path
    ) -> None:
        (tmp_path / "corrupt.png").write_bytes(b"no image at all")
        (tmp_path / "empty.png").touch()
        dataset = local.datasets.create("d")
        not_json = Item("nan", uri=str(image()), metadata={"x": 1.0})
        not_json.metadata["x"] = float("nan")
        rows = [
            Item("good", uri=str(image())),
            Item("missing", uri=str(tmp_path / "missing.png")),
            Item("corrupt", uri=str(tmp_path / "corrupt.png")),
            Item("empty", uri=str(tmp_path / "empty.png")),
            Item("folder", uri=str(tmp_path)),
            Item("remote", uri="https://example.com/image.png"),
            Item("nowhere"),
            Item("film", uri=str(image()), media="video"),
            not_json,
            Item("fine", uri=str(image())),
        ]
        report = local.datasets.write_items(rows, dataset=dataset)
        assert statuses(report) == ["created", *["rejected"] * 8, "created"]
        reasons = {outcome.key: outcome.reason or "" for outcome in report.problems()}
        assert "no file" in reasons["missing"]
        assert "cannot be decoded" in reasons["corrupt"]
        assert "export it again as JPEG or PNG" in reasons["corrupt"]
        assert "https://example.com" in reasons["remote"]
        assert "no uri" in reasons["nowhere"]
        assert "video" in reasons["film"]
        assert "JSON" in reasons["nan"]
        assert [item.key for item in local.datasets.read_items(dataset)] == ["good", "fine"]

    def test_path_that_no_file_can_have_or_no_row_can_keep_is_rejected_alone(
        self, local: Adapter, image: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # An item's own uri is text, but the folder that it is relative to need not have a name that is.
        latin = tmp_path / os.fsdecode(b"caf\xe9")
        latin.mkdir()
        (latin / "in.png").write_bytes(image().read_bytes())
        monkeypatch.chdir(latin)
        dataset = local.datasets.create("d")
        uris = [str(image()), str(tmp_path / ("x" * 300)), "in.png", "missing.png", str(image())]
        report = local.datasets.write_items([Item(str(n), uri=uri) for n, uri in enumerate(uris)], dataset=dataset)
        assert statuses(report) == ["created", *["rejected"] * 3, "created"]
        too_long, *others = [outcome.reason or "" for outcome in report.problems()]
        assert "File name too long" in too_long
        assert all("half of a character" in reason for reason in others)

    def test_video_says_its_size_and_frames(self, local: Adapter, tmp_path: Path) -> None:
        dataset = local.datasets.create("d")
        item = Item("film", uri=str(write_clip(tmp_path / "clip.mp4")), media="video")
        local.datasets.write_items([item], dataset=dataset).raise_for_problems()
        (kept,) = local.datasets.read_items(dataset)
        assert (kept.media, kept.width, kept.height, kept.frames, kept.frame_rate) == ("video", 64, 64, FRAMES, RATE)
        assert kept.content_hash is not None

    def test_known_key_is_left_alone_or_updated(self, local: Adapter, dataset: Dataset) -> None:
        before = list(local.datasets.read_items(dataset))
        changed = [msgspec.structs.replace(item, split="test", metadata={"n": 1}) for item in before]
        assert statuses(local.datasets.write_items(changed, dataset=dataset)) == ["ignored"] * 3
        assert list(local.datasets.read_items(dataset)) == before
        assert statuses(local.datasets.write_items(changed, dataset=dataset, update=True)) == ["updated"] * 3
        assert list(local.datasets.read_items(dataset)) == changed

    def test_same_key_twice_in_one_batch(self, local: Adapter, image: Callable[..., Path]) -> None:
        dataset = local.datasets.create("d")
        rows = [Item("k", uri=str(image()), split=split) for split in ("one", "two")]
        assert statuses(local.datasets.write_items(rows, dataset=dataset)) == ["created", "ignored"]
        assert statuses(local.datasets.write_items(rows, dataset=dataset, update=True)) == ["updated", "updated"]
        assert local.datasets.splits(dataset) == {"two": 1}

    def test_update_keeps_the_labels(self, local: Adapter, boxes: Dataset) -> None:
        before = list(local.labels.read(boxes))
        local.datasets.write_items(list(local.datasets.read_items(boxes)), dataset=boxes, update=True)
        assert list(local.labels.read(boxes)) == before

    def test_splits_are_counted(self, local: Adapter, image: Callable[..., Path]) -> None:
        dataset = local.datasets.create("d")
        splits = ["train", "train", "test", None]
        rows = [Item(str(n), uri=str(image()), split=split) for n, split in enumerate(splits)]
        local.datasets.write_items(rows, dataset=dataset)
        assert local.datasets.splits(dataset) == {"": 1, "test": 1, "train": 2}

    def test_pages_give_each_item_once(self, local: Adapter, dataset: Dataset) -> None:
        assert [item.key for item in local.datasets.read_items(dataset, page_size=1)] == ["a", "b", "c"]

    def test_unknown_dataset_is_not_found(self, local: Adapter, image: Callable[..., Path]) -> None:
        with pytest.raises(NotFound, match="no dataset"):
            local.datasets.write_items([Item("k", uri=str(image()))], dataset="nobody")


class TestLabels:
    def test_every_geometry_and_field_comes_back_as_it_was_written(self, local: Adapter, dataset: Dataset) -> None:
        rows = [
            Label(
                "a",
                "thing",
                geometry,
                frame=3,
                track_id="t",
                attributes={"occluded": True},
                metadata={"é": [1, None]},
                provenance=Provenance("elsewhere", id="7", author="me"),
            )
            for geometry in GEOMETRIES
        ]
        assert local.labels.write(rows, dataset=dataset).ok
        assert list(local.labels.read(dataset, page_size=2)) == rows

    def test_unknown_item_is_rejected_by_name_and_the_others_written(self, local: Adapter, dataset: Dataset) -> None:
        rows = [Label(key, "x", Whole()) for key in ("a", "nobody", "b")]
        report = local.labels.write(rows, dataset=dataset)
        assert statuses(report) == ["created", "rejected", "created"]
        (problem,) = report.problems()
        assert (problem.row, problem.key) == (1, rows[1].id)
        assert "'nobody'" in (problem.reason or "")

    def test_known_id_is_left_alone_or_updated(self, local: Adapter, dataset: Dataset) -> None:
        first, second = Label("a", "x", Whole(), id="1"), Label("b", "y", Point(1, 1), id="1")
        assert statuses(local.labels.write([first, second], dataset=dataset)) == ["created", "ignored"]
        assert list(local.labels.read(dataset)) == [first]
        assert statuses(local.labels.write([second], dataset=dataset, update=True)) == ["updated"]
        assert list(local.labels.read(dataset)) == [second]
        assert list(local.labels.read(dataset, items=["a"])) == []
        assert list(local.labels.read(dataset, items=["b"])) == [second]

    def test_reading_some_items(self, local: Adapter, boxes: Dataset) -> None:
        assert [label.item for label in local.labels.read(boxes, items=["c", "a"], page_size=1)] == ["a", "c"]
        assert list(local.labels.read(boxes, items=[])) == []

    def test_reading_an_unknown_item_is_not_found(self, local: Adapter, boxes: Dataset) -> None:
        with pytest.raises(NotFound, match="'nobody'"):
            list(local.labels.read(boxes, items=["a", "nobody"]))

    def test_value_that_json_cannot_hold_is_rejected(self, local: Adapter, dataset: Dataset) -> None:
        label = Label("a", "x", Whole(), attributes={"n": 1.0})
        # A row is checked when it is made; what its user does with the dictionary later is not.
        label.attributes["n"] = float("inf")
        assert statuses(local.labels.write([label], dataset=dataset)) == ["rejected"]

    def test_rows_come_from_an_iterator_and_go_in_batches(self, local: Adapter, dataset: Dataset) -> None:
        count = 2 * local.limits.batch_size + 1
        rows = (Label("abc"[n % 3], "x", Box(n, 0, 1, 1)) for n in range(count))
        report = local.labels.write(rows, dataset=dataset)
        assert report.to_dict() == {"rows": count, "created": count}
        assert sum(1 for _ in local.labels.read(dataset)) == count


class TestPredictions:
    def test_prediction_comes_back_as_it_was_written(self, local: Adapter, dataset: Dataset, version: Version) -> None:
        rows = [
            Prediction("a", "square", Box(1, 2, 3, 4), confidence=0.0),
            Prediction("b", "stripe", Whole(), confidence=0.25, class_pdf={"square": 0.75, "stripe": 0.25}),
            Prediction("c", "stripe", Whole()),
        ]
        assert local.predictions.write(rows, version=version, dataset=dataset).ok
        assert list(local.predictions.read(version, dataset=dataset)) == rows
        assert list(local.predictions.read(version, dataset=dataset, items=["b"])) == rows[1:2]

    def test_feature_that_the_model_does_not_know_is_named(
        self, local: Adapter, dataset: Dataset, version: Version
    ) -> None:
        rows = [Prediction("a", "square", Whole()), Prediction("a", "circle", Whole())]
        with pytest.raises(InvalidData, match="'circle'") as caught:
            local.predictions.write(rows, version=version, dataset=dataset)
        assert (caught.value.row, caught.value.field) == (1, "feature")

    def test_versions_do_not_see_each_other(self, local: Adapter, dataset: Dataset, version: Version) -> None:
        other = local.versions.create(version.model, name="w")
        row = Prediction("a", "square", Whole(), confidence=0.5)
        for one in (version, other):
            assert statuses(local.predictions.write([row], version=one, dataset=dataset)) == ["created"]
        local.predictions.delete(version, dataset=dataset)
        assert list(local.predictions.read(version, dataset=dataset)) == []
        assert list(local.predictions.read(other, dataset=dataset)) == [row]

    def test_only_the_named_rows_are_deleted(self, local: Adapter, dataset: Dataset, version: Version) -> None:
        rows = [Prediction(key, "square", Whole()) for key in "abc"]
        local.predictions.write(rows, version=version, dataset=dataset)
        local.predictions.delete(version, dataset=dataset, ids=[rows[0].id, "nobody"])
        assert list(local.predictions.read(version, dataset=dataset)) == rows[1:]

    def test_unknown_item_is_rejected(self, local: Adapter, dataset: Dataset, version: Version) -> None:
        report = local.predictions.write([Prediction("nobody", "square", Whole())], version=version, dataset=dataset)
        assert statuses(report) == ["rejected"]

    @pytest.mark.parametrize("missing", ["version", "dataset"])
    def test_unknown_version_or_dataset_is_not_found(
        self, local: Adapter, dataset: Dataset, version: Version, missing: str
    ) -> None:
        ids = {"version": version.id, "dataset": dataset.id, missing: "nobody"}
        with pytest.raises(NotFound, match=f"no {missing}"):
            list(local.predictions.read(ids["version"], dataset=ids["dataset"]))


def test_disk_that_takes_no_more_is_one_error_and_loses_no_row_written_before(
    local: Adapter, boxes: Dataset, tmp_path: Path, small_disk: Callable[[int], None]
) -> None:
    before = list(local.labels.read(boxes))
    small_disk(os.path.getsize(tmp_path / "home" / "state.sqlite3-wal"))
    with pytest.raises(PlatformError) as caught:
        local.labels.write((Label("a", "x", Box(n, 0, 1, 1)) for n in range(20_000)), dataset=boxes)
    assert caught.value.report is not None
    small_disk(-1)
    assert list(local.labels.read(boxes)) == before
    assert local.labels.write([Label("a", "y", Whole())], dataset=boxes).ok
