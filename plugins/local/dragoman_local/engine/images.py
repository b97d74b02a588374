"""Reading images and fitting them to a network's size, with the exact way back for boxes.

Images are RGB uint8 `[h, w, 3]` with the EXIF orientation already applied. Coordinates are continuous
absolute pixels with the origin at the top-left corner, so an image covers 0,0,w,h.
"""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from dragoman.errors import InvalidData, NotFound

# Own threads of OpenCV fight with those of torch and of other workers for the same cores; what OpenCV
# would write to stderr about a bad file is said by the error that is raised.
cv2.setNumThreads(0)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]
Source = Path | bytes | Pixels

EXIF_ORIENTATION = 0x0112
SIDEWAYS = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height (Exif 2.32, tag 274)."""
IMAGE_WIDTH, IMAGE_LENGTH = 0x0100, 0x0101
GREY = 114
_AVIF = (b"ftypavif", b"ftypavis")
_READ = frozenset({"AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "SUN", "TIFF", "WEBP"})
"""What Pillow calls the formats that `read_image` knows."""
_DEEP = frozenset({"F", "I"})
"""What Pillow calls pixels of more than 16 bits."""
_COMPRESSIONS = frozenset(
    {"raw", "group3", "group4", "jpeg", "packbits", "tiff_adobe_deflate", "tiff_ccitt", "tiff_deflate", "tiff_lzw"}
)
"""Those of TIFF that `read_image` knows."""


def read_image(source: Source, *, name: str | None = None) -> Pixels:
    """Return the image as RGB uint8 `[h, w, 3]`.

    Args:
        source: A path, the bytes of an image file, or pixels that are decoded already.
        name: What messages call the image; the path by default.

    Raises:
        NotFound: There is no such file.
        InvalidData: The file is empty, truncated or no image; the message names it.
    """
    if isinstance(source, np.ndarray):
        return _checked_pixels(source, name or "the array")
    data = _bytes_of(source)
    name = name or _name_of(source)
    if not data:
        raise InvalidData(f"The image {name} is empty.", field="uri")
    if data[4:12] in _AVIF:
        return _read_avif(data, name)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise _undecodable(name) from error
    # A map of floating-point values comes as one plane.
    if pixels is None or pixels.ndim != 3:
        raise _undecodable(name)
    return np.asarray(pixels, dtype=np.uint8)


def image_size(source: Path | bytes, *, name: str | None = None) -> tuple[int, int]:
    """Return width and height after EXIF orientation, from the header alone: pixels are not decoded.

    They are, where the header leaves it open whether `read_image` knows this kind of image.

    Raises:
        NotFound: There is no such file.
        InvalidData: The header is not that of an image, or the image is none that can be read, or is very large. A file
            that is truncated later passes here.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    name = name or _name_of(source)
    try:
        with Image.open(file) as image:
            exif = image.getexif()
            # Releases of Pillow differ in whether the size of a TIFF file is turned already.
            width, height = (exif[IMAGE_WIDTH], exif[IMAGE_LENGTH]) if image.format == "TIFF" else image.size
            sideways = exif.get(EXIF_ORIENTATION) in SIDEWAYS
            known = _is_known(image)
    except FileNotFoundError as error:
        raise _missing(name) from error
    except Image.DecompressionBombError as error:
        raise InvalidData(
            f"The image {name} is so large that it may be there to fill the memory.",
            hint="If it is to be read all the same, give the item its width and height.",
            field="uri",
        ) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, KeyError) as error:
        raise _undecodable(name) from error
    if not known:
        read_image(source, name=name)
    return (height, width) if sideways else (width, height)


@dataclass(frozen=True)
class Placement:
    """Where an image lies in the network's input: `network = image * scale + shift`, per axis.

    The scale differs slightly between the axes because the resized image has whole pixels.
    """

    width: int
    height: int
    scale_x: float
    scale_y: float
    shift_x: float
    shift_y: float

    def to_network(self, boxes: Boxes) -> Boxes:
        """Map boxes xyxy `[n, 4]` from image pixels to network pixels."""
        return boxes * self._scale() + self._shift()

    def to_image(self, boxes: Boxes) -> Boxes:
        """Map boxes xyxy `[n, 4]` from network pixels back to image pixels, clipped to the image."""
        mapped = (boxes - self._shift()) / self._scale()
        return np.clip(mapped, 0.0, np.array([self.width, self.height] * 2, dtype=np.float64))

    def _scale(self) -> Boxes:
        return np.array([self.scale_x, self.scale_y] * 2)

    def _shift(self) -> Boxes:
        return np.array([self.shift_x, self.shift_y] * 2)


def placement(width: int, height: int, image_size: tuple[int, int]) -> Placement:
    """Return how an image of `width` x `height` lies, centred and undistorted, in `image_size` (h, w)."""
    net_height, net_width = image_size
    scale = min(net_width / width, net_height / height)
    new_width = min(net_width, max(1, round(width * scale)))
    new_height = min(net_height, max(1, round(height * scale)))
    return Placement(
        width,
        height,
        new_width / width,
        new_height / height,
        (net_width - new_width) // 2,
        (net_height - new_height) // 2,
    )


def letterbox(image: Pixels, image_size: tuple[int, int]) -> tuple[Pixels, Placement]:
    """Fit `image` into `image_size` (h, w) with grey borders and return it with its placement."""
    height, width = image.shape[:2]
    place = placement(width, height, image_size)
    new_width, new_height = round(width * place.scale_x), round(height * place.scale_y)
    if (new_width, new_height) != (width, height):
        # Area averaging avoids the moire that linear sampling gives when an image shrinks.
        how = cv2.INTER_AREA if new_width < width else cv2.INTER_LINEAR
        image = np.asarray(cv2.resize(image, (new_width, new_height), interpolation=how), dtype=np.uint8)
    canvas = np.full((*image_size, 3), GREY, dtype=np.uint8)
    top, left = int(place.shift_y), int(place.shift_x)
    canvas[top : top + new_height, left : left + new_width] = image
    return canvas, place


def _read_avif(data: bytes, name: str) -> Pixels:
    # OpenCV leaves out how the image is turned, which AVIF does not keep in EXIF.
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _undecodable(name) from error


def _is_known(image: Image.Image) -> bool:
    """Whether the header is enough to know that `read_image` reads an image that is whole."""
    if image.format == "TIFF" and image.info.get("compression", "raw") not in _COMPRESSIONS:
        return False
    return image.format in _READ and image.mode not in _DEEP


def _bytes_of(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source
    try:
        return source.read_bytes()
    except FileNotFoundError as error:
        raise _missing(_name_of(source)) from error
    except OSError as error:
        raise InvalidData(
            f"The image {source} cannot be read: {os.strerror(error.errno or 0)}.", field="uri"
        ) from error


def _checked_pixels(pixels: Pixels, name: str) -> Pixels:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise InvalidData(
            f"Pixels must be uint8 of the shape [height, width, 3], but {name} is {pixels.dtype} {list(pixels.shape)}.",
            field="uri",
        )
    return pixels


def _name_of(source: Path | bytes) -> str:
    return str(source) if isinstance(source, Path) else f"of {len(source)} bytes"


def _missing(name: str) -> NotFound:
    return NotFound(f"There is no image file {name}.", field="uri")


def _undecodable(name: str) -> InvalidData:
    return InvalidData(
        f"The image {name} cannot be decoded: it is truncated, corrupt, no image, or none of a kind that is read here.",
        hint="Open it in an image viewer, and export it again as JPEG or PNG.",
        field="uri",
    )
