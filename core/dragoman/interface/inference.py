"""Inference: run a version over items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from dragoman.errors import InvalidData
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
    ) -> Iterator[Prediction]:
        """Yield the predictions of a version on items or image files, item by item, as they are made.

        Args:
            version: The version or its id.
            items: Items with a `uri` this machine can read, or paths of image files (the path becomes the item's key).
            confidence: Least confidence of a prediction, 0 to 1.
            iou: Overlap above which the weaker of two boxes of one feature is left out, 0 to 1.

        Raises:
            NotFound: There is no such version.
            InvalidData: An item has no media, or it cannot be decoded; the error names the row.
        """
        for field, value in (("confidence", confidence), ("iou", iou)):
            if not 0 <= value <= 1:
                raise InvalidData(f"{field} is {value}; it lies between 0 and 1.", field=field)
        media = (item if isinstance(item, Item) else Item(key=str(item), uri=str(item)) for item in items)
        return self._stream("predict", ref(version), media, confidence, iou)
