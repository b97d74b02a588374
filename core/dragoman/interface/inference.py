"""Inference: run a version over items."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from dragoman.errors import InvalidData, Unsupported
from dragoman.interface.base import Facet, operation, ref
from dragoman.schema import Item, Prediction, Version
from dragoman.schema.coerce import listed, real, whole


class Inference(Facet, name="inference"):
    """Predict."""

    @operation()
    def predict(
        self,
        version: str | Version,
        items: Iterable[Item | str | Path],
        *,
        confidence: float = 0.25,
        iou: float = 0.5,
        simplify: float | None = None,
        track: bool | None = None,
        frames: tuple[int, int] | None = None,
    ) -> Iterator[Prediction]:
        """Yield the predictions of a version on items or image files, item by item, as they are made.

        Args:
            version: The version or its id.
            items: Items with a `uri` this machine can read, or paths of image files (the path becomes the item's key).
            confidence: Least confidence of a prediction, 0 to 1.
            iou: Overlap above which the weaker of two boxes of one feature is left out, 0 to 1.
            simplify: Tolerance in pixels to which outlines are simplified (Ramer, Douglas and Peucker).
            track: Whether objects keep one `track_id` over the frames of a video; the platform decides if not given.
            frames: First and last frame of a video, both included; all if not given.

        Raises:
            NotFound: There is no such version.
            Unsupported: The platform cannot do one of the last three, which its adapter does not take.
            InvalidData: A number is none of those above, or `items` is a single one; or an item is none, has no media,
                or its media cannot be decoded, and the error names the row.
        """
        if isinstance(items, str | bytes | Path | Item) or not isinstance(items, Iterable):
            # The letters of a path are paths, too, and one of them may be the root of the file system.
            raise InvalidData("items is a single one.", hint="Put it into a list.", field="items")
        confidence, iou = _share(confidence, "confidence"), _share(iou, "iou")
        if simplify is not None and real(simplify, "simplify", "simplify") < 0:
            raise InvalidData(f"simplify is {simplify}; it is a distance in pixels.", field="simplify")
        wanted = {"simplify": simplify, "track": track, "frames": _span(frames) if frames is not None else None}
        chosen = {name: value for name, value in wanted.items() if value is not None}
        self._check(chosen)
        translation = self._translation("predict")
        return self._adapter.pipeline.stream(
            self.operations["predict"], partial(translation, **chosen), ref(version), _media(items), confidence, iou
        )

    def _check(self, chosen: Mapping[str, Any]) -> None:
        taken = inspect.signature(self._translation("predict")).parameters
        for name in chosen:
            if name not in taken:
                raise Unsupported(
                    f"{name} cannot be chosen here.", platform=self._adapter.name, operation="inference.predict"
                )


def _share(value: float, field: str) -> float:
    share = real(value, field, field)
    if not 0 <= share <= 1:
        raise InvalidData(f"{field} is {value}; it lies between 0 and 1.", field=field)
    return share


def _media(items: Iterable[Item | str | Path]) -> Iterator[Item]:
    for row, item in enumerate(items):
        if not isinstance(item, Item | str | PathLike):
            raise InvalidData(f"A {type(item).__name__} is neither an item nor a path.", row=row, field="items")
        yield item if isinstance(item, Item) else Item(key=str(item), uri=str(item))


def _span(frames: tuple[int, int]) -> tuple[int, int]:
    ends = [whole(frame, "a frame", "frames") for frame in listed(frames, "frames", "frames")]
    if len(ends) != 2 or not 0 <= ends[0] <= ends[1]:
        raise InvalidData(f"frames is {frames!r}; it is the first and the last frame, from 0.", field="frames")
    return ends[0], ends[1]
