"""Inference on Labelbox is Foundry's: an app, which stands for the version, runs over data rows and makes a model run.

An app is a model that Labelbox hosts, with parameters and features; people make it on the platform. What it finds
stays there as a run and is read from it. The thresholds of a call are applied to what the app found by its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from dragoman.errors import InvalidData, PlatformError, Unsupported
from dragoman.interface import Inference
from dragoman.schema import Box, Item, Prediction
from dragoman_labelbox.exports import Images, of_run, predictions_on
from dragoman_labelbox.jobs import Waiter
from dragoman_labelbox.lookup import ids_of
from dragoman_labelbox.sdk import DataRowIds, FoundryClient

RUN_NAME = "Dragoman"
"""Name of the model runs that predicting leaves on the platform."""


class LabelboxInference(Inference):
    """Predictions through `client.run_foundry_app`. The version is the id of a Foundry app; the items are data rows.

    Each call makes one model run per batch of items, which stays on the platform and costs what Labelbox asks for it.
    """

    _adapter: Any

    def _predict(self, version: str, items: Iterable[Item], confidence: float, iou: float) -> Iterator[Prediction]:
        adapter, again = self._adapter, self.operations["predict"]
        # A run costs money: one whose answer was lost is not made a second time.
        once = replace(again, repeatable=False)
        # The SDK keeps this to itself; it alone knows how a missing app is told.
        adapter.pipeline.call(again, FoundryClient(adapter.client)._get_app, version)
        stream = enumerate(items)
        while batch := list(islice(stream, adapter.limits.batch_size)):
            keys: Mapping[str, str] = adapter.pipeline.call(again, self._data_rows, batch)
            task = adapter.pipeline.call(once, self._started, version, list(keys))
            run = adapter.pipeline.call(again, self._run_of, task)
            masks, export = Images(adapter), of_run(adapter, run, predictions=True)
            for line in adapter.pipeline.pages(again, export.page, None):
                row_id = line.data_row.id
                if row_id in keys:
                    yield from _chosen(predictions_on(keys[row_id], line, run, masks), confidence, iou)

    def _data_rows(self, batch: Sequence[tuple[int, Item]]) -> dict[str, str]:
        """Return the keys of items by the id of their data rows.

        Raises:
            InvalidData: An item is none; the error names its row.
        """
        # An item does not say of which dataset it is, so a key without an id is the global key itself.
        known = ids_of(self._adapter, (item.key for _, item in batch if not item.id))
        found: dict[str, str] = {}
        for number, item in batch:
            row_id = item.id or known.get(item.key)
            if row_id is None:
                raise InvalidData(
                    f"Labelbox has no data row of the global key {item.key!r}.",
                    hint="Foundry runs over data rows: write the item to a dataset first.",
                    row=number,
                    field="key",
                )
            found[row_id] = item.key
        return found

    def _started(self, app: str, row_ids: Sequence[str]) -> Any:
        return self._adapter.client.run_foundry_app(RUN_NAME, DataRowIds(row_ids), app)

    def _run_of(self, task: Any) -> str:
        """Return the id of the model run that a task has made, once it is done."""
        done = Waiter(self._adapter).task(task, "Foundry run")
        run = (done.metadata or {}).get("modelRunId")
        if run is None:
            raise PlatformError(f"Labelbox's Foundry run {done.uid} is done and names no model run.")
        return str(run)


def _chosen(found: Iterable[Prediction], confidence: float, iou: float) -> Iterator[Prediction]:
    """Yield the predictions on one item that are certain enough, without boxes that a better one of the kind covers."""
    certain = [row for row in found if row.confidence is None or row.confidence >= confidence]
    boxes = [place for place, row in enumerate(certain) if isinstance(row.geometry, Box) and row.frame is None]
    covered = _covered([certain[place] for place in boxes], iou) if len(boxes) > 1 and iou < 1 else set()
    left_out = {boxes[place] for place in covered}
    yield from (row for place, row in enumerate(certain) if place not in left_out)


def _covered(boxes: Sequence[Prediction], iou: float) -> set[int]:
    """Return the places of the boxes that a more certain one of their feature covers beyond a threshold."""
    try:
        from dragoman.geometry import suppress_boxes
    except ImportError as error:
        reason = "Leaving out boxes that overlap needs shapely."
        raise Unsupported(reason, hint="Install dragoman[geometry], or choose iou=1.") from error
    shapes: Any = [row.geometry for row in boxes]
    corners = [(box.x, box.y, box.width, box.height) for box in shapes]
    scores = [1.0 if row.confidence is None else row.confidence for row in boxes]
    features = list(dict.fromkeys(row.feature for row in boxes))
    kept = suppress_boxes(corners, scores, iou=iou, classes=[features.index(row.feature) for row in boxes])
    return set(range(len(boxes))) - {int(place) for place in kept}
