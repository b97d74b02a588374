"""Reading images and mapping boxes to the network's input and back."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from dragoman.errors import InvalidData, NotFound
from dragoman_local.engine.images import GREY, image_size, letterbox, placement, read_image

SIDES = st.integers(1, 3000)
NETWORK_SIDES = st.integers(16, 640)


def encoded(extension: str = ".png", *, height: int = 20, width: int = 30) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(extension, noise)[1].tobytes()


def turned(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF block whose only entry is the orientation."""
    entry = struct.pack("<HHII", 0x0112, 3, 1, orientation)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def test_pixels_are_rgb() -> None:
    red = np.zeros((4, 6, 3), np.uint8)
    red[:, :, 2] = 255  # OpenCV writes BGR.
    image = read_image(cv2.imencode(".png", red)[1].tobytes())
    assert image.shape == (4, 6, 3)
    assert image.dtype == np.uint8
    assert image[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    "pixels", [np.full((5, 7), 9, np.uint8), np.full((5, 7, 4), 9, np.uint8), np.full((5, 7), 9, np.uint16)]
)
def test_grey_transparent_and_deep_images_become_rgb(pixels: np.ndarray) -> None:
    image = read_image(cv2.imencode(".png", pixels)[1].tobytes())
    assert image.shape == (5, 7, 3)
    assert image.dtype == np.uint8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_from_the_header_agrees_with_the_pixels_for_every_exif_orientation(orientation: int) -> None:
    data = turned(encoded(".jpg"), orientation)
    height, width = read_image(data).shape[:2]
    assert image_size(data) == (width, height)
    assert (width > height) == (orientation < 5)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["AVIF", "PNG", "TIFF", "WEBP"])
def test_image_of_every_format_is_read_as_it_is_shown(kind: str, orientation: int) -> None:
    squares = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture, exif, file = (
        Image.fromarray(squares).resize((64, 48), Image.Resampling.NEAREST),
        Image.Exif(),
        io.BytesIO(),
    )
    exif[0x0112] = orientation
    picture.save(file, kind, exif=exif)
    shown = np.asarray(ImageOps.exif_transpose(Image.open(file)))
    pixels = read_image(file.getvalue())
    assert image_size(file.getvalue()) == (pixels.shape[1], pixels.shape[0]) == (shown.shape[1], shown.shape[0])
    assert np.abs(pixels.astype(int) - shown).mean() < 12


@pytest.mark.parametrize(
    ("kind", "pixels", "options"),
    [
        ("TIFF", np.zeros((4, 6), np.float32), {}),
        ("TIFF", np.zeros((4, 6), np.int32), {}),
        ("TIFF", np.zeros((4, 6), np.uint8), {"compression": "zstd"}),
        ("PPM", np.zeros((4, 6), np.float32), {}),
        ("ICO", np.zeros((16, 16, 3), np.uint8), {}),
        ("TGA", np.zeros((4, 6, 3), np.uint8), {}),
    ],
)
def test_image_of_a_kind_that_cannot_be_read_has_no_size_either(
    kind: str, pixels: np.ndarray, options: dict[str, str]
) -> None:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    for read in (read_image, image_size):
        with pytest.raises(InvalidData, match="none of a kind that is read here"):
            read(file.getvalue())


@pytest.mark.parametrize("pixels", [np.zeros((4, 6), np.int16), np.zeros((4, 6), np.uint16)])
def test_deep_tiff_that_can_be_read_has_a_size(pixels: np.ndarray) -> None:
    data = cv2.imencode(".tif", pixels)[1].tobytes()
    assert image_size(data) == (6, 4)
    assert read_image(data).shape == (4, 6, 3)


def test_image_that_is_too_large_for_its_header_to_be_believed_says_the_way_out() -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(file, "PNG")
    with pytest.raises(InvalidData, match="so large") as caught:
        image_size(file.getvalue())
    assert "width and height" in (caught.value.hint or "")


def test_path_and_bytes_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(turned(encoded(".jpg"), 6))
    assert np.array_equal(read_image(path), read_image(path.read_bytes()))
    assert image_size(path) == image_size(path.read_bytes()) == (20, 30)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no image", id="text"),
        pytest.param(encoded(".png")[:-40], id="truncated png"),
        pytest.param(encoded(".jpg")[:-40], id="truncated jpeg"),
        pytest.param(encoded(".png")[:20], id="header only"),
    ],
)
def test_bad_image_is_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.img"
    path.write_bytes(data)
    with pytest.raises(InvalidData, match=r"bad\.img") as caught:
        read_image(path)
    assert caught.value.field == "uri"


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_size_of_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidData):
        image_size(data)


def test_missing_file(tmp_path: Path) -> None:
    for read in (read_image, image_size):
        with pytest.raises(NotFound, match="gone"):
            read(tmp_path / "gone.png")


def test_folder_in_place_of_an_image(tmp_path: Path) -> None:
    with pytest.raises(InvalidData):
        read_image(tmp_path)


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_decoded_pixels_of_another_kind_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(InvalidData, match="uint8"):
        read_image(pixels)  # type: ignore[arg-type]


@given(width=SIDES, height=SIDES, net=st.tuples(NETWORK_SIDES, NETWORK_SIDES), data=st.data())
def test_boxes_come_back_where_they_were(width: int, height: int, net: tuple[int, int], data: st.DataObject) -> None:
    xs = sorted(data.draw(st.lists(st.floats(0, width), min_size=2, max_size=2)))
    ys = sorted(data.draw(st.lists(st.floats(0, height), min_size=2, max_size=2)))
    boxes = np.array([[xs[0], ys[0], xs[1], ys[1]]])
    place = placement(width, height, net)
    there = place.to_network(boxes)
    assert np.allclose(place.to_image(there), boxes, atol=1e-6 * max(width, height))
    assert there.min() >= 0
    assert (there[:, [0, 2]] <= net[1] + 1e-6).all()
    assert (there[:, [1, 3]] <= net[0] + 1e-6).all()


@given(width=SIDES, height=SIDES, net=st.tuples(NETWORK_SIDES, NETWORK_SIDES))
def test_the_image_fills_one_side_and_is_centred(width: int, height: int, net: tuple[int, int]) -> None:
    whole = placement(width, height, net).to_network(np.array([[0.0, 0.0, width, height]]))[0]
    margins = whole[0], whole[1], net[1] - whole[2], net[0] - whole[3]
    assert min(margins[0] + margins[2], margins[1] + margins[3]) < 1
    assert abs(margins[0] - margins[2]) <= 1 + 1e-6
    assert abs(margins[1] - margins[3]) <= 1 + 1e-6


def test_boxes_beyond_the_image_are_clipped_to_it() -> None:
    place = placement(200, 100, (64, 64))
    assert place.to_image(np.array([[-50.0, -50.0, 500.0, 500.0]])).tolist() == [[0.0, 0.0, 200.0, 100.0]]


@pytest.mark.parametrize(("width", "height"), [(200, 100), (37, 90), (30, 20)])
def test_pixels_move_as_boxes_do(width: int, height: int) -> None:
    box = np.array([[width * 0.2, height * 0.3, width * 0.6, height * 0.8]]).round()
    image = np.zeros((height, width, 3), np.uint8)
    x1, y1, x2, y2 = box[0].astype(int)
    image[y1:y2, x1:x2] = (255, 0, 0)
    fitted, place = letterbox(image, (96, 128))
    assert fitted.shape == (96, 128, 3)
    rows, columns = np.nonzero(fitted[:, :, 0].astype(int) - fitted[:, :, 1] > 127)
    painted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.abs(place.to_network(box)[0] - painted).max() <= 1
    assert (fitted[0, 0] == GREY).all() or (fitted[0, 0] == 0).all()
