"""What the engine is to look at: the images of items, and the frames of those that are videos, with what went wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.errors import InvalidData, NotFound
from dragoman.schema import Item
from dragoman_local.media import expanded, is_video, media_path

if TYPE_CHECKING:
    from dragoman_local.engine.images import Source
    from dragoman_local.engine.predict import Result

Fault = InvalidData | NotFound


@dataclass(frozen=True, slots=True)
class Shot:
    """One image of an item; `frame` is its number in a video, and `first` that of the video's first shot."""

    item: Item
    row: int
    frame: int | None = None
    first: int = 0
    fault: Fault | None = None


class Shots:
    """Hands the engine the images of items, and remembers those whose results are still to come.

    Args:
        items: Items, folders among them.
        frames: First and last frame of videos, both included; all if not given.
        first_row: Which row of what the caller gave the first item is.
    """

    def __init__(self, items: Iterable[Item], frames: tuple[int, int] | None, first_row: int = 0) -> None:
        self._items = items
        self._frames = frames
        self._first_row = first_row
        self._pending: deque[Shot] = deque()

    def sources(self) -> Iterator[Source]:
        """Yield a source per shot; nothing at all stands for one that is not there, so that those before it come."""
        for row, item in enumerate(expanded(self._items), self._first_row):
            try:
                path = media_path(item)
                if is_video(item):
                    yield from self._of_video(item, row, path)
                    continue
            except (InvalidData, NotFound) as fault:
                self._pending.append(Shot(item, row, fault=fault))
                yield b""
            else:
                self._pending.append(Shot(item, row))
                yield path

    def next(self, result: Result) -> Shot:
        """Return the shot that the next result is of.

        Raises:
            InvalidData: Its file is missing or cannot be decoded; the error names the row.
        """
        from dragoman_local.engine.predict import FailedImage

        shot = self._pending.popleft()
        cause = shot.fault or (result.error if isinstance(result, FailedImage) else None)
        if cause is not None:
            raise InvalidData(
                f"Item {shot.item.key!r}: {cause.message}", hint=cause.hint, row=shot.row, field=cause.field or "uri"
            ) from cause
        return shot

    def _of_video(self, item: Item, row: int, path: Path) -> Iterator[Source]:
        from dragoman_local.engine.video import frames

        first, last = self._frames or (0, None)
        for number, pixels in enumerate(frames(path, first, last), start=first):
            self._pending.append(Shot(item, row, number, first))
            yield pixels
