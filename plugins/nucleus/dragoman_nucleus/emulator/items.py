"""Items and scenes of a dataset: numbered things that are found by reference id, by id and by position.

Their numbers give the order of listings and the page tokens. What is annotated on them is kept elsewhere (`rows`).
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from dragoman.emulate.app import ApiError

Json = dict[str, Any]


class Numbered(Protocol):
    """What can be listed in pages."""

    @property
    def number(self) -> int: ...


class Referenced(Numbered, Protocol):
    """What a registry holds."""

    @property
    def id(self) -> str: ...

    @property
    def reference_id(self) -> str: ...


T = TypeVar("T")
N = TypeVar("N", bound=Numbered)
R = TypeVar("R", bound=Referenced)


@dataclass(kw_only=True)
class Item:
    """One image or point cloud. `number` orders the items of a dataset and never changes."""

    number: int
    id: str
    dataset_id: str
    reference_id: str
    image_url: str | None = None
    pointcloud_url: str | None = None
    metadata: Json
    width: int | None = None
    height: int | None = None
    embedding_info: Json | None = None
    phash: str = ""
    scene_id: str | None = None

    def to_json(self, *, mirrored: bool = False) -> Json:
        """Return the item as it is shown; the platform does not give size and embedding back.

        Args:
            mirrored: Whether to add the URL of the mirrored image, which is the image itself here.
        """
        shown = {
            "id": self.id,
            "dataset_item_id": self.id,
            "reference_id": self.reference_id,
            "metadata": self.metadata,
        }
        if self.pointcloud_url is not None:
            return shown | {"type": "pointcloud", "pointcloud_url": self.pointcloud_url}
        names = ("image_url", "original_image_url", *(("processed_url",) if mirrored else ()))
        return shown | {"type": "image", **dict.fromkeys(names, self.image_url), "phash": self.phash}


@dataclass(kw_only=True)
class Scene:
    """A video, or point clouds with camera images over time. Its structure never changes."""

    number: int
    id: str
    dataset_id: str
    reference_id: str
    type: str
    """`video` or `lidar`."""
    metadata: Json
    frames: list[dict[str, str]] = field(default_factory=list)
    """Item ids by sensor, one entry per frame; the one sensor of a video is called `camera`."""
    frame_rate: int | float | None = None
    video_url: str | None = None
    track_ids: list[str] = field(default_factory=list)
    """Reference ids of the tracks that came with the scene."""

    def item_ids(self) -> list[str]:
        """Return the ids of the items of all frames, in their order."""
        return [item_id for frame in self.frames for item_id in frame.values()]

    def drop(self, item_id: str) -> None:
        """Forget an item that was deleted; a frame without items is gone, too."""
        frames = ({name: known for name, known in frame.items() if known != item_id} for frame in self.frames)
        self.frames = [frame for frame in frames if frame]

    def to_json(self) -> Json:
        """Return the scene as lists show it, without frames."""
        return {"id": self.id, "reference_id": self.reference_id, "type": self.type, "metadata": self.metadata}


class Registry(Generic[R]):
    """Things of one kind in one dataset, in the order of arrival.

    Args:
        kind: What such a thing is called in refusals.
    """

    def __init__(self, kind: str) -> None:
        self.by_reference: dict[str, R] = {}
        self.by_id: dict[str, R] = {}
        self._kind = kind
        self._ordered: list[R] = []
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        return len(self._ordered)

    def __iter__(self) -> Iterator[R]:
        return iter(self._ordered)

    def next_number(self) -> int:
        return next(self._numbers)

    def add(self, thing: R) -> None:
        self._ordered.append(thing)
        self.by_reference[thing.reference_id] = thing
        self.by_id[thing.id] = thing

    def remove(self, ids: set[str]) -> None:
        for thing_id in ids:
            del self.by_reference[self.by_id.pop(thing_id).reference_id]
        self._ordered = [thing for thing in self._ordered if thing.id not in ids]

    def reference(self, reference_id: str) -> R:
        return found(self.by_reference, reference_id, f"{self._kind} with reference id")

    def id(self, thing_id: str) -> R:
        return found(self.by_id, thing_id, f"{self._kind} with id")

    def at(self, position: int) -> R:
        if not 0 <= position < len(self._ordered):
            raise ApiError(404, f"{self._kind} number {position} does not exist.")
        return self._ordered[position]

    def ordered(self) -> list[R]:
        return self._ordered


def found(objects: dict[str, T], key: str, kind: str) -> T:
    """Return an object by its key.

    Raises:
        ApiError: 404, there is none.
    """
    if key not in objects:
        raise ApiError(404, f"{kind} {key} does not exist.")
    return objects[key]


def page_of(things: Sequence[N], token: str | None, size: int, limit: int | None) -> tuple[list[N], str | None]:
    """Cut one page out of things that are sorted by number.

    Args:
        things: All things.
        token: Where the page before ended, as returned here; `None` for the first page.
        size: Page size that the client asks for.
        limit: Largest page that the server sends.

    Returns:
        The page, and the token of the next page or `None` after the last one. The token is the number of the last
        thing, so things that are added or deleted between two pages move nothing.
    """
    start = bisect.bisect_right(things, checked_token(token, size), key=lambda thing: thing.number)
    end = start + min(size, limit or size)
    page = list(things[start:end])
    return page, str(page[-1].number) if end < len(things) else None


def page_by_position(
    things: Sequence[T], token: str | None, size: int, limit: int | None
) -> tuple[list[T], str | None]:
    """Cut one page out of a list whose members have no numbers; its token is a position."""
    start = checked_token(token, size)
    end = start + min(size, limit or size)
    return list(things[start:end]), str(end) if end < len(things) else None


def checked_token(token: str | None, size: int) -> int:
    """Return a page token as a number.

    Raises:
        ApiError: 400, the token or the page size is none.
    """
    if size < 1:
        raise ApiError(400, f"pageSize must be positive, not {size}.")
    if token is not None and not token.isdecimal():
        raise ApiError(400, f"pageToken {token} was not issued here.")
    return int(token or 0)
