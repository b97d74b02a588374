"""Items as pictures, and pictures as the input tensor of a model. Files are read; there is no network."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from dragoman.errors import InvalidData
from dragoman.schema import Item
from dragoman_openinference.reading import CHANNELS, Reading, Size
from dragoman_openinference.tensors import BYTES, TYPES, Tensor, is_whole


def content_of(item: Item) -> bytes:
    """Return the bytes of an item's picture.

    Raises:
        InvalidData: It has none, or none that this machine can read.
    """
    if item.data is not None:
        return item.data
    uri = item.uri or ""
    if not uri or ("://" in uri and not uri.startswith("file://")):
        raise InvalidData(
            f"The item {item.key!r} is at {uri or 'no place'}; a server is sent files of this machine.", field="uri"
        )
    path = Path(unquote(urlsplit(uri).path)) if uri.startswith("file://") else Path(uri)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidData(f"{item.key!r} cannot be read: {error.strerror}.", field="uri") from error


def picture_of(content: bytes, name: str) -> Image.Image:
    """Return a picture as it is seen, its EXIF orientation applied, in red, green and blue.

    Raises:
        InvalidData: It cannot be decoded.
    """
    try:
        with Image.open(BytesIO(content)) as opened:
            return ImageOps.exif_transpose(opened).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidData(f"{name!r} is no picture that can be decoded: {error}.", field="uri") from error


def asked(reading: Reading, content: bytes, picture: Image.Image) -> tuple[Tensor, Size]:
    """Return the input tensor of a picture, and the size in pixels of what the model sees."""
    image = reading.image
    if image.datatype == BYTES:
        sent = Tensor.of_texts(image.name, [content])
        shape = [1 if length < 0 else length for length in image.shape]
        return Tensor(sent.name, sent.datatype, sent.array.reshape(shape)), picture.size
    if reading.size is not None and reading.size != picture.size:
        picture = picture.resize(reading.size, Image.Resampling.BILINEAR)
    array = _values(reading, np.asarray(picture))
    if reading.planes:
        array = np.moveaxis(array, -1, 0)
    leading = (1,) * (len(image.shape) - CHANNELS)
    return Tensor(image.name, image.datatype, array.reshape(leading + array.shape)), picture.size


def _values(reading: Reading, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
    layout, datatype = reading.layout, reading.image.datatype
    if layout.colours == "bgr":
        pixels = pixels[:, :, ::-1]
    scale = layout.scale if layout.scale is not None else 1.0 if is_whole(datatype) else 1 / 255
    if scale == 1 and datatype == "UINT8" and layout.mean == (0, 0, 0) and layout.deviation == (1, 1, 1):
        return pixels
    values = (pixels * scale - np.asarray(layout.mean)) / np.asarray(layout.deviation)
    return (np.rint(values) if is_whole(datatype) else values).astype(TYPES[datatype])
