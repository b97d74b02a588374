"""Frames of videos: the right ones, as they are shown, and what is wrong with a file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from video_clips import FRAMES, RATE, SIDE, picture, write_clip

from dragoman.errors import InvalidData, NotFound
from dragoman_local.engine.video import frames, read_frame, video_info


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4")


def number_of(pixels: np.ndarray) -> int:
    return round(float(pixels[-2].mean()) / 10)


def test_a_video_says_its_size_frames_and_rate(clip: Path) -> None:
    info = video_info(clip)
    assert (info.width, info.height, info.frames, info.rate) == (SIDE, SIDE, FRAMES, RATE)


def test_all_frames_come_in_order(clip: Path) -> None:
    found = list(frames(clip))
    assert [number_of(pixels) for pixels in found] == list(range(FRAMES))
    assert np.abs(found[3].astype(int) - picture(3)).mean() < 5


@pytest.mark.parametrize(("first", "last"), [(0, 0), (3, 3), (5, 9), (4, 4), (FRAMES - 1, FRAMES - 1)])
def test_a_range_holds_its_frames_wherever_the_key_frames_are(clip: Path, first: int, last: int) -> None:
    assert [number_of(pixels) for pixels in frames(clip, first, last)] == list(range(first, last + 1))


# With B-frames, which are decoded in another order than they are shown in. AVI keeps the one order, MPEG's program
# stream few times, and in FLV and MPEG's transport stream FFmpeg seeks beyond the frame that is asked for.
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.avi", "libx264"),
        ("clip.flv", "libx264"),
        ("clip.h264", "libx264"),
        ("clip.mkv", "libx264"),
        ("clip.mp4", "libx264"),
        ("clip.mpg", "mpeg2video"),
        ("clip.ts", "libx264"),
    ],
)
def test_frames_are_numbered_as_they_are_shown_in_every_container(name: str, codec: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / name, codec=codec)
    assert video_info(path).frames == FRAMES
    assert [number_of(pixels) for pixels in frames(path)] == list(range(FRAMES))
    assert [number_of(read_frame(path, number)) for number in range(FRAMES)] == list(range(FRAMES))


def test_frames_that_an_edit_list_cuts_off_are_not_counted(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "cut.mp4", codec="libx264", cut=5)
    assert video_info(path).frames == FRAMES - 5
    assert [number_of(pixels) for pixels in frames(path)] == list(range(5, FRAMES))
    assert number_of(read_frame(path, 2)) == 7


def test_one_frame_is_the_same_as_in_the_whole(clip: Path) -> None:
    assert np.array_equal(read_frame(clip, 7), list(frames(clip))[7])


@pytest.mark.parametrize(("first", "last"), [(0, FRAMES), (5, 4), (FRAMES, FRAMES)])
def test_frames_that_are_not_there(clip: Path, first: int, last: int) -> None:
    with pytest.raises(InvalidData, match=f"frames 0 to {FRAMES - 1}") as caught:
        list(frames(clip, first, last))
    assert caught.value.field == "frames"


def test_files_that_are_no_videos(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(NotFound, match="gone"):
        read_frame(tmp_path / "gone.mp4", 0)
    for name, data in (("empty.mp4", b""), ("text.mp4", b"no video" * 50), ("half.mp4", clip.read_bytes()[:300])):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidData, match=name):
            read_frame(tmp_path / name, 0)


def test_a_file_that_changes_is_read_anew(clip: Path) -> None:
    assert video_info(clip).frames == FRAMES
    write_clip(clip, frames=5)
    assert video_info(clip).frames == 5
