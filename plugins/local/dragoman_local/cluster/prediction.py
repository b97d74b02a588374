"""Prediction over many items on the cluster, by Ray Data: actors that hold the network take the items batch by batch.

Items go there as rows of a table, without their pixels, which the actors read from the files; predictions come back in
the items' order while the rest is worked on. What cannot be read ends the stream where it would end it here.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import msgspec

from dragoman.errors import DragomanError
from dragoman.schema import Item, Prediction
from dragoman_local.cluster.connection import connected, errors_of_the_cluster, gpus_of_the_cluster, ray_module
from dragoman_local.media import expanded
from dragoman_local.predicting import Asked, Predictor

BATCHES = 8
"""Batches of items in a block, which is what Ray Data gives an actor at a time and does again if that is lost."""

_encode = msgspec.json.Encoder().encode
_item = msgspec.json.Decoder(Item).decode
_predictions = msgspec.json.Decoder(list[Prediction]).decode


def predict_on_cluster(asked: Asked, items: Iterable[Item], address: str | None) -> Iterator[Prediction]:
    """Yield the predictions on items, in their order. All items are read first, and are kept by the cluster.

    Args:
        asked: What is wanted; the weights must lie below the same path on all machines, and so must the items.
        items: The items.
        address: Where the cluster is; see `connected`.

    Raises:
        DragomanError: As `Predictor`, and as `connected`.
        Lost: Processes of the cluster are gone, also when what they did was tried again.
    """
    ray = ray_module()
    with connected(address), errors_of_the_cluster():
        blocks = [ray.put(block) for block in _blocks(items, BATCHES * asked.batch_size)]
        if not blocks:
            return
        data = ray.data.from_arrow_refs(blocks)
        data.context.execution_options.preserve_order = True
        # A library does not speak of its progress by itself.
        data.context.enable_progress_bars = data.context.print_on_execution_start = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        answers = data.map_batches(
            Answers, batch_size=asked.batch_size, batch_format="pyarrow", fn_constructor_args=(asked,), **_actors(asked)
        )
        for row in answers.iter_rows():
            yield from _predictions(row["predictions"])
            if row["error"]:
                raise pickle.loads(row["error"])


class Answers:
    """Answers batches of items with their predictions, and with the error that came after these, if any. An actor."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def __call__(self, batch: Any) -> Any:
        """Return one row for a batch: its predictions as JSON, and the error as pickle, as Ray would send it.

        Both are tables of pyarrow.
        """
        items = map(_item, batch["item"].to_pylist())
        found: list[Prediction] = []
        error = b""
        try:
            found.extend(self._predictor.predictions(items, batch["row"][0].as_py()))
        except DragomanError as refused:
            error = pickle.dumps(refused)
        return _table({"predictions": [_encode(found)], "error": [error]})

    @cached_property
    def _predictor(self) -> Predictor:
        # Loaded with the first batch: of an actor that fails to begin Ray Data says nothing but that.
        return Predictor(self._asked)


def _blocks(items: Iterable[Item], size: int) -> Iterator[Any]:
    rows = enumerate(map(_sent, expanded(items)))
    while block := list(islice(rows, size)):
        yield _table({"row": [row for row, _ in block], "item": [_encode(item) for _, item in block]})


def _table(columns: dict[str, list[Any]]) -> Any:
    # Ray Data brings it.
    import pyarrow as pa

    return pa.table(columns)


def _sent(item: Item) -> Item:
    """Return what is needed of an item on another machine, where the working folder is another."""
    uri = os.path.abspath(item.uri) if item.uri and "://" not in item.uri else item.uri
    return Item(item.key, uri=uri, media=item.media, frame_rate=item.frame_rate)


def _actors(asked: Asked) -> dict[str, Any]:
    """Return how many actors there may be and what each needs: a GPU, or as many CPUs as it has threads."""
    ray = ray_module()
    gpus = gpus_of_the_cluster() if asked.device != "cpu" else 0
    most = gpus or int(ray.cluster_resources().get("CPU", 1)) // asked.threads
    needs = {"num_gpus": 1} if gpus else {"num_cpus": asked.threads}
    return {"compute": ray.data.ActorPoolStrategy(min_size=1, max_size=max(1, most)), **needs}
