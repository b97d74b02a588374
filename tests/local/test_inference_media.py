"""Prediction on what is no single image: folders, and videos with frame ranges and tracked objects."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dragoman import Box, InvalidData, Item, Prediction, Unsupported
from dragoman_local.tracking import VideoTracker

from .conftest import Trained
from .video_clips import FRAMES, SQUARE, place, write_clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


@pytest.fixture
def predicted(shapes: Trained) -> Callable[..., list[Prediction]]:
    def predict(*items: object, **options: object) -> list[Prediction]:
        return list(shapes.backend.inference.predict(shapes.version, items, **options))  # type: ignore[arg-type]

    return predict


class TestFolders:
    def test_each_image_and_video_below_a_folder_is_an_item(
        self, predicted: Callable[..., list[Prediction]], tmp_path: Path
    ) -> None:
        (tmp_path / "deep" / "er").mkdir(parents=True)
        for name in ("b.png", "deep/a.JPG", "deep/er/c.webp"):
            Image.new("RGB", (64, 64), (200, 200, 200)).save(tmp_path / name)
        write_clip(tmp_path / "deep" / "z.mp4", frames=2)
        (tmp_path / "notes.txt").write_text("no image")
        rows = predicted(tmp_path, confidence=0.0)
        names = ["b.png", "deep/a.JPG", "deep/er/c.webp", "deep/z.mp4"]
        assert list(dict.fromkeys(row.item for row in rows)) == [str(tmp_path / name) for name in names]
        assert {row.frame for row in rows} == {None, 0, 1}

    def test_folder_without_an_image(self, predicted: Callable[..., list[Prediction]], tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("no image")
        with pytest.raises(InvalidData, match="no image or video below the folder"):
            predicted(tmp_path)


class TestVideos:
    def test_predictions_name_their_frames(self, predicted: Callable[..., list[Prediction]], clip: Path) -> None:
        rows = predicted(Item("film", uri=str(clip), media="video"), confidence=0.3)
        assert {row.item for row in rows} == {"film"}
        assert [row.frame for row in rows] == sorted(row.frame or 0 for row in rows)
        found = {row.frame: row.geometry for row in rows}
        assert set(found) == set(range(FRAMES))
        for frame, box in found.items():
            x, y = place(frame or 0)
            assert isinstance(box, Box)
            assert abs(box.x - x) + abs(box.y - y) < SQUARE / 2
        assert len({row.id for row in rows}) == len(rows)

    @pytest.mark.parametrize("batch_size", [1, 3])
    def test_range_of_frames(self, shapes: Trained, clip: Path, batch_size: int) -> None:
        import dragoman

        root = shapes.backend.settings.root  # type: ignore[attr-defined]
        with dragoman.connect("local", root=root, batch_size=batch_size) as backend:
            rows = list(backend.inference.predict(shapes.version, [clip], confidence=0.0, frames=(3, 5)))
        assert {row.frame for row in rows} == {3, 4, 5}

    def test_range_beyond_the_end_names_the_item(self, predicted: Callable[..., list[Prediction]], clip: Path) -> None:
        with pytest.raises(InvalidData, match=f"frames 0 to {FRAMES - 1}") as caught:
            predicted(clip, frames=(0, FRAMES))
        assert (caught.value.row, caught.value.field) == (0, "frames")

    def test_video_that_is_damaged_in_its_midst_gives_the_frames_before(
        self, shapes: Trained, clip: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "bad.mp4").write_bytes(clip.read_bytes()[:-2000])
        with pytest.raises(InvalidData, match=r"bad\.mp4"):
            list(shapes.backend.inference.predict(shapes.version, [tmp_path / "bad.mp4"]))


class TestTracking:
    def test_moving_square_keeps_its_id(self, predicted: Callable[..., list[Prediction]], clip: Path) -> None:
        rows = [row for row in predicted(clip, confidence=0.3, track=True) if row.feature == "square"]
        assert len(rows) >= FRAMES
        ids = [row.track_id for row in rows if row.track_id]
        assert max(map(ids.count, ids)) >= FRAMES - 2
        assert all(row.track_id is None for row in predicted(clip, confidence=0.3))

    def test_object_of_another_call_is_another_object(
        self, predicted: Callable[..., list[Prediction]], clip: Path
    ) -> None:
        early, late = (predicted(clip, track=True, frames=frames) for frames in ((0, 3), (4, 7)))
        assert not {row.track_id for row in early} & {row.track_id for row in late if row.track_id}
        assert [row.track_id for row in early] == [row.track_id for row in predicted(clip, track=True, frames=(0, 3))]

    def test_two_objects_that_pass_each_other_and_a_pause(self) -> None:
        tracker = VideoTracker(("v", "item", 0), 0.25, 30.0)
        said: dict[str, set[str | None]] = {"left": set(), "right": set()}
        for frame in range(30):
            boxes = np.array([[10 + 2 * frame, 10, 30 + 2 * frame, 30], [90 - 2 * frame, 50, 110 - 2 * frame, 70.0]])
            # The second one is hidden for three frames.
            seen = [0] if 10 <= frame < 13 else [1, 0]
            ids = tracker.track(boxes[seen], np.full(len(seen), 0.9), np.zeros(len(seen), np.int64))
            for row, id in zip(seen, ids, strict=True):
                said["left" if row == 0 else "right"].add(id)
        # The library is sure of an object when it sees it a second time.
        assert all(len(ids - {None}) == 1 for ids in said.values())
        assert said["left"] != said["right"]

    def test_one_place_of_two_features_is_two_objects(self) -> None:
        tracker = VideoTracker(("v", "item", 0), 0.25, None)
        boxes = np.array([[10.0, 10, 30, 30]] * 2)
        _, second, third = (tracker.track(boxes, np.array([0.9, 0.8]), np.array([0, 1])) for _ in range(3))
        assert second == third
        assert None not in second
        assert second[0] != second[1]
        assert tracker.track(np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)) == []

    def test_without_the_library_it_says_what_to_install(
        self, shapes: Trained, clip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dragoman_local.tracking.find_spec", lambda name: None)
        with pytest.raises(Unsupported, match=r"dragoman-local\[track\]"):
            list(shapes.backend.inference.predict(shapes.version, [clip], track=True))


def test_image_among_videos_has_no_frame(shapes: Trained, clip: Path) -> None:
    picture = shapes.items("test")[0]
    rows = list(shapes.backend.inference.predict(shapes.version, [clip, picture], confidence=0.0, frames=(0, 0)))
    assert {(row.item, row.frame) for row in rows} == {(str(clip), 0), (picture.key, None)}


@pytest.mark.slow
def test_predicting_images_loads_no_tracker(shapes: Trained) -> None:
    home, version = shapes.backend.settings.root, shapes.version.id  # type: ignore[attr-defined]
    image = shapes.items("test")[0].uri
    code = (
        "import sys, dragoman\n"
        f"backend = dragoman.connect('local', root={str(home)!r})\n"
        f"list(backend.inference.predict({version!r}, [{image!r}], confidence=0.0))\n"
        "print(sorted({'trackers', 'supervision', 'transformers', 'av'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    assert found == "[]"
