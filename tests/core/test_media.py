"""Image files as items: what is seen is what counts, and no two files become one item."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from dragoman.errors import InvalidData, NotFound
from dragoman.media import item_from_file, items_from_folder, path_at


def image(path: Path, *, orientation: int | None = None) -> Path:
    """Write a 30 x 20 image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_resolved_once(tmp_path: Path, orientation: int, suffix: str) -> None:
    item = item_from_file(image(tmp_path / f"a.{suffix}", orientation=orientation))
    assert (item.width, item.height) == ((30, 20) if orientation < 5 else (20, 30))
    assert item.orientation == orientation


@pytest.mark.parametrize("orientation", [None, 0, 9])
def test_an_orientation_that_is_none_is_upright(tmp_path: Path, orientation: int | None) -> None:
    item = item_from_file(image(tmp_path / "a.jpg", orientation=orientation))
    assert (item.width, item.height, item.orientation) == (30, 20, 1)


def test_the_content_hash_is_of_the_bytes(tmp_path: Path) -> None:
    path = image(tmp_path / "a.png")
    assert item_from_file(path).content_hash == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_the_same_file_name_in_two_folders_stays_two_items(tmp_path: Path) -> None:
    image(tmp_path / "x" / "a.png")
    image(tmp_path / "y" / "a.png")
    (tmp_path / "notes.txt").write_text("no image")
    assert [item.key for item in items_from_folder(tmp_path)] == ["x/a.png", "y/a.png"]


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InvalidData, match=r"a\.png"):
        list(items_from_folder(tmp_path))


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        item_from_file(tmp_path / "none.png")
    with pytest.raises(NotFound):
        list(items_from_folder(tmp_path / "none"))


def test_a_key_cannot_lead_out_of_its_root(tmp_path: Path) -> None:
    path = image(tmp_path / "a.png")
    with pytest.raises(InvalidData, match="not below"):
        item_from_file(path, root=tmp_path / "other")


@pytest.mark.parametrize("name", ["a b.png", "a%20b.png", "ü#?.png"])
def test_a_file_is_found_by_its_path_and_by_its_uri(tmp_path: Path, name: str) -> None:
    path = image(tmp_path / name)

    for uri in (str(path), path.as_uri(), f"file://{path}"):
        assert path_at(uri) == path


def test_a_uri_of_a_file_that_is_not_there_names_it_all_the_same(tmp_path: Path) -> None:
    assert path_at((tmp_path / "no such.png").as_uri()) == tmp_path / "no such.png"
    assert path_at(None) == Path()
