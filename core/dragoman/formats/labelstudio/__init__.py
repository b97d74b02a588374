"""Label Studio's JSON: tasks with annotations and predictions, and the labelling configuration that they are made with.

Source: https://labelstud.io/guide/export and /tags. Coordinates are percent of `original_width` and `original_height`,
a rotation is in degrees clockwise about the top-left corner, video frames count from 1, and a brush is a bit-packed run
length of its own (`brush`). `config` translates the configuration and `regions` the values; neither reads files, so
that a connection to a server can use them.
"""

from __future__ import annotations

from pathlib import Path

from dragoman.formats.labelstudio.reader import TASKS_FILE, LabelStudioReader
from dragoman.formats.labelstudio.writer import LabelStudioWriter

__all__ = ["LabelStudioReader", "LabelStudioWriter", "recognise"]


def recognise(path: Path) -> bool:
    """Whether the path is, or holds, a JSON array that begins with tasks."""
    file = path / TASKS_FILE if path.is_dir() else path
    if file.suffix != ".json" or not file.is_file():
        return False
    with file.open("rb") as opened:
        head = opened.read(1 << 16).removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"[") and b'"data"' in head and (b'"annotations"' in head or b'"predictions"' in head)
