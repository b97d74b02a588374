"""One piece of data in a project, as the codec needs to know it: how large it is and which frames it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dragoman.errors import InvalidData
from dragoman.schema import Label


@dataclass(frozen=True, slots=True)
class Place:
    """One piece of data in a project.

    Args:
        key: The user's key of the item.
        data_hash: Encord's id of the data in its dataset.
        label_hash: Id of the label row; None before it was initialised.
        kind: `"IMAGE"`, `"VIDEO"` or `"IMG_GROUP"`.
        frames: Number of frames; 1 for an image.
        width: Width in pixels, None where Encord does not know it.
        height: Height in pixels, likewise.
        images: For an image group, the hash, width and height of each image.
        edited: When the label row was last edited.
    """

    key: str
    data_hash: str
    label_hash: str | None
    kind: str
    frames: int
    width: int | None
    height: int | None
    images: tuple[tuple[str, int, int], ...] = ()
    edited: datetime | None = None

    def size(self, frame: int) -> tuple[int, int]:
        """Return width and height of a frame.

        Raises:
            InvalidData: Encord does not know them.
        """
        if self.images:
            return self.images[frame][1:]
        if not self.width or not self.height:
            raise InvalidData(f"Encord does not know the size of {self.key!r}.", field="item")
        return self.width, self.height

    def frames_of(self, row: Label) -> range:
        """Return the frames that a row is about.

        Raises:
            InvalidData: The item has no such frames, or the row has a shape and names none.
        """
        if self.kind == "IMAGE":
            if row.frame is not None or row.span is not None:
                raise InvalidData(f"{self.key!r} is an image and has no frames.", field="frame")
            return range(1)
        if row.frame is not None:
            frames = range(row.frame, row.frame + 1)
        elif row.span is not None:
            frames = range(row.span[0], row.span[1] + 1)
        elif row.geometry.form == "whole":
            return range(self.frames)
        else:
            raise InvalidData(f"{self.key!r} has frames and the row names none.", field="frame")
        if frames[-1] >= self.frames:
            raise InvalidData(
                f"{self.key!r} has {self.frames} frames; the row is on {frames[-1]}, counted from zero.", field="frame"
            )
        return frames
