"""CVAT's XML 1.1, for images and for video, as a file, a folder with images/, or a zip archive of both.

Source: https://docs.cvat.ai/docs/manual/advanced/xml_format/. Frames count from 0, coordinates are continuous pixels,
angles are degrees clockwise about the centre, and a mask is the row-major run lengths of a crop. What CVAT has no place
for (ids, metadata, confidences, moments that its tracks cannot say) is in attributes named `dragoman`, which CVAT's own
import passes over.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from dragoman.formats.cvat.reader import ANNOTATIONS, CvatReader
from dragoman.formats.cvat.writer import CvatWriter

__all__ = ["CvatReader", "CvatWriter", "recognise"]


def recognise(path: Path) -> bool:
    """Whether the path is, or holds, XML whose root element is <annotations>."""
    if path.is_file() and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                return ANNOTATIONS in archive.namelist()
        except zipfile.BadZipFile:
            return False  # it ends as an archive does, and is none
    file = path / ANNOTATIONS if path.is_dir() else path
    if file.suffix != ".xml" or not file.is_file():
        return False
    with file.open("rb") as opened:
        return b"<annotations>" in opened.read(1000)
