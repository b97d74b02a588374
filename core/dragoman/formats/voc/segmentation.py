"""The devkit's segmentation: beside the XML, images whose pixels are numbers of objects or of classes.

Source: https://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc_07-Jun-2012.pdf, section 5.2. A pixel of
SegmentationObject/ is the number of an <object> in the order of the XML, of SegmentationClass/ that of a class; 0 is
background, 255 a border that belongs to none. CVAT and Datumaro write the same without XML, in colours or numbers, with
the classes in `labelmap.txt`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dragoman.errors import InvalidData, Unsupported
from dragoman.formats.common.numbers import whole
from dragoman.formats.common.tables import at
from dragoman.schema import Mask

if TYPE_CHECKING:
    import numpy.typing as npt

OBJECTS, CLASSES, COLOURS = "SegmentationObject", "SegmentationClass", "labelmap.txt"
NAMES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog"),
    *("horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
"""The devkit's classes; the first has the number 1."""
_BACKGROUND, _VOID = 0, 255
_VOID_COLOUR = (224, 224, 192)


@dataclass(frozen=True, slots=True)
class Segmentation:
    """The segmentation images of a dataset.

    Args:
        root: The devkit's folder.
        names: Class number to name.
        numbers: Colour to class number.
    """

    root: Path
    names: dict[int, str] = field(default_factory=dict)
    numbers: dict[tuple[int, ...], int] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> Segmentation:
        """Return the segmentation of a dataset, with the classes of its `labelmap.txt` or else of the devkit.

        Raises:
            InvalidData: A line of the table is no class.
        """
        file = root / COLOURS
        listed = list(_labelmap(file)) if file.is_file() else [("background", _colour(0))]
        if not file.is_file():
            listed += [(name, _colour(number)) for number, name in enumerate(NAMES, 1)]
        names = {number: name for number, (name, _) in enumerate(listed) if number != _BACKGROUND}
        return cls(root, names, {colour: number for number, (_, colour) in enumerate(listed)})

    def stems(self) -> Iterator[str]:
        """Yield the paths of all images that are segmented, without their suffix, in order."""
        found = {
            file.relative_to(self.root / folder).with_suffix("").as_posix()
            for folder in (OBJECTS, CLASSES)
            for file in (self.root / folder).rglob("*.png")
        }
        yield from sorted(found)

    def size(self, stem: str) -> tuple[int, int]:
        """Return width and height of an image that is segmented."""
        height, width = self._pixels(OBJECTS if self._file(OBJECTS, stem).is_file() else CLASSES, stem).shape[:2]
        return width, height

    def masks(self, stem: str, size: tuple[int, int] | None) -> tuple[dict[int, Mask], dict[int, str]]:
        """Return the masks of an image by number, and the name of the class of each where its pixels say one.

        Args:
            stem: Path of the image below its folder, without its suffix.
            size: Width and height that the image should have.

        Raises:
            InvalidData: An image cannot be read, or has another size.
        """
        there = [folder for folder in (OBJECTS, CLASSES) if self._file(folder, stem).is_file()]
        if not there:
            return {}, {}
        from dragoman.geometry.rle import mask_of_array

        found = [self._numbered(folder, stem, size) for folder in there]
        if found[0].shape != found[-1].shape:
            raise InvalidData(f"{self._file(CLASSES, stem).name}: objects and classes have images of two sizes.")
        numbers = [number for number in sorted(set(found[0].ravel().tolist())) if number not in (_BACKGROUND, _VOID)]
        classes = {number: self._most(found[-1][found[0] == number]) for number in numbers} if CLASSES in there else {}
        named = {number: self.names[one] for number, one in classes.items() if one in self.names}
        return {number: mask_of_array(found[0] == number) for number in numbers}, named

    def _most(self, classes: npt.NDArray[Any]) -> int:
        import numpy as np

        inner = classes[(classes != _BACKGROUND) & (classes != _VOID)]
        return int(np.bincount(inner).argmax()) if len(inner) else _BACKGROUND

    def _numbered(self, folder: str, stem: str, size: tuple[int, int] | None) -> npt.NDArray[Any]:
        """Return the numbers of the pixels, shape (height, width), of an image of numbers or of colours."""
        import numpy as np

        pixels = self._pixels(folder, stem)
        if size is not None and pixels.shape[1::-1] != size:
            found = "{} x {}".format(*pixels.shape[1::-1])
            raise InvalidData(
                f"{folder}/{stem}.png has {found} pixels; the image has {size[0]} x {size[1]}.", field="size"
            )
        if pixels.ndim == 2:
            return pixels
        colours, places = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
        if folder == CLASSES:
            numbers = [self.numbers.get(tuple(colour), _VOID) for colour in colours.tolist()]
        else:
            # Any two colours are two objects; the devkit's colours are in the order of the objects.
            order = {_colour(number): number for number in range(256)} | {_VOID_COLOUR: _VOID}
            numbers = [order.get(tuple(colour), 256 + place) for place, colour in enumerate(colours.tolist())]
        return np.array(numbers, np.int64)[places].reshape(pixels.shape[:2])

    def _pixels(self, folder: str, stem: str) -> npt.NDArray[Any]:
        """Return an image: numbers of shape (height, width), or colours of shape (height, width, 3)."""
        try:
            import numpy as np
            from PIL import Image
        except ImportError as error:
            raise Unsupported(
                "Segmentation images need numpy and Pillow.", hint="Install dragoman[formats]."
            ) from error
        from dragoman.geometry.limits import check_pixels

        file = self._file(folder, stem)
        try:
            with at(f"{folder}/{stem}.png"), Image.open(file) as image:
                check_pixels(*image.size)
                return np.asarray(image if image.mode in ("P", "L", "I", "I;16") else image.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise InvalidData(f"{folder}/{stem}.png is not an image that can be read: {error}.") from error

    def _file(self, folder: str, stem: str) -> Path:
        return self.root / folder / f"{stem}.png"


def _labelmap(file: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and colour of each line `name:r,g,b:parts:actions`, background first whatever its place."""
    found: list[tuple[str, tuple[int, ...]]] = []
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidData(f"{file.name} is not UTF-8: {error.reason}.", hint="Save it as UTF-8.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        text = rest.partition(":")[0].strip()
        parts = [whole(part.strip()) for part in text.split(",")]
        colour = tuple(part for part in parts if part is not None) if text else _colour(len(found))
        if not name or (text and len(parts) != 3) or len(colour) != 3:
            raise InvalidData(f"{file.name}, line {number}: {line[:80]!r} is no name with a colour.")
        found.append((name, colour))
    yield from sorted(found, key=lambda entry: entry[0] != "background")


def _colour(number: int) -> tuple[int, ...]:
    """Return the devkit's colour of a number: its bits, spread over red, green and blue from the highest bit down."""
    return tuple(sum(((number >> (3 * bit + channel)) & 1) << (7 - bit) for bit in range(8)) for channel in range(3))
