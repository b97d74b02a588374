"""Inference on Synapse: a deployed plugin is asked for one item at a time, several items at once.

What a plugin is asked is its own affair. This is asked, and a plugin that wants it otherwise is not reached by it:
`{"image": <address or data URI>, "threshold": <confidence>, "iou": <overlap>}`. It answers an annotation document.
"""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from dragoman.calls.ahead import asked_ahead
from dragoman.errors import DragomanError, InvalidData, NotFound
from dragoman.interface import Inference
from dragoman.media import path_at
from dragoman.schema import Item, Prediction
from dragoman_synapse import codec
from dragoman_synapse.entries import version_in
from dragoman_synapse.notes import Json
from dragoman_synapse.runs import RUNNING

WEB = ("http://", "https://", "data:")


class SynapseInference(Inference):
    """Predictions through plugin runs of the action `inference`."""

    _adapter: Any

    def _predict(self, version: str, items: Iterable[Item], confidence: float, iou: float) -> Iterator[Prediction]:
        entry = self._adapter.entries.get(version)
        version_in(entry)
        runs, pool = self._adapter.runs, self._adapter.pool
        if not any(held.get("status") in RUNNING for held in runs.applications()):
            raise NotFound(f"The plugin {runs.plugin} is not deployed.", hint="deployments.serve brings it up.")
        choices = {"threshold": confidence, "iou": iou}
        ask = partial(self._ask, entry.weights, version, choices)
        yield from chain.from_iterable(asked_ahead(ask, enumerate(items), pool, 2 * self._adapter.settings.concurrency))

    def _ask(self, model: str, version: str, choices: Json, row: tuple[int, Item]) -> list[Prediction]:
        """Ask for one item, as a call of its own, so that it is tried again without the others."""
        number, item = row
        try:
            answer = self._adapter.pipeline.call(
                self.operations["predict"], self._adapter.runs.ask, int(model), {"image": _media(item), **choices}
            )
            size = (item.width, item.height) if item.width and item.height else None
            found = codec.predictions_in(answer, item.key, version, size=size)
        except DragomanError as error:
            error.row = number
            raise
        # A plugin may know no threshold.
        return [row for row in found if row.confidence is None or row.confidence >= choices["threshold"]]


def _media(item: Item) -> str:
    """Return an item's address, or its content as a data URI.

    Raises:
        InvalidData: It has neither, or its file cannot be read.
    """
    if item.uri and item.uri.startswith(WEB):
        return item.uri
    if item.uri and "://" in item.uri.removeprefix("file://"):
        raise InvalidData(f"{item.key!r} is at {item.uri!r}, where an agent of Synapse does not reach.", field="uri")
    path = path_at(item.uri)
    try:
        content = item.data if item.data is not None else path.read_bytes()
    except OSError as error:
        raise InvalidData(f"{item.key!r} cannot be read: {error.strerror}.", field="uri") from error
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
