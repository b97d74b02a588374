"""Inference: run a version over items."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dragoman.errors import InvalidData, Unsupported
from dragoman.interface.base import Facet, operation, ref
from dragoman.schema import Item, Prediction, Version


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
            InvalidData: `items` is a single one; or an item has no media, or its media cannot be decoded, and the error
                names the row.
        """
        if isinstance(items, str | Path | Item):
            # The letters of a path are paths, too, and one of them may be the root of the file system.
            raise InvalidData("items is a single one.", hint="Put it into a list.", field="items")
        for field, value in (("confidence", confidence), ("iou", iou)):
            if not 0 <= value <= 1:
                raise InvalidData(f"{field} is {value}; it lies between 0 and 1.", field=field)
        media = (item if isinstance(item, Item) else Item(key=str(item), uri=str(item)) for item in items)
        wanted = {"simplify": simplify, "track": track, "frames": frames}
        chosen = {name: value for name, value in wanted.items() if value is not None}
        self._check(chosen)
        translation = self._translation("predict")
        return self._adapter.pipeline.stream(
            self.operations["predict"], partial(translation, **chosen), ref(version), media, confidence, iou
        )

    def _check(self, chosen: Mapping[str, Any]) -> None:
        taken = inspect.signature(self._translation("predict")).parameters
        for name in chosen:
            if name not in taken:
                raise Unsupported(
                    f"{name} cannot be chosen here.", platform=self._adapter.name, operation="inference.predict"
                )
