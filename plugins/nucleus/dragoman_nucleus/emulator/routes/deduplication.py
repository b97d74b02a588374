"""The route that finds images which are nearly the same, as a job."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Item
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.phash import BITS, distance
from dragoman_nucleus.emulator.routes.names import post
from dragoman_nucleus.emulator.state import State

JOB = "deduplication"


class Deduplicate(msgspec.Struct):
    threshold: Annotated[int, Meta(ge=0, le=BITS)]
    reference_ids: list[str] | None = None
    dataset_item_ids: list[str] | None = None


DEDUPLICATE = msgspec.json.Decoder(Deduplicate)


class Deduplication:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [post("dataset/{dataset}/deduplicate_async", self.deduplicate)]

    async def deduplicate(self, request: Request) -> object:
        dataset = self._state.dataset(request.path_params["dataset"])
        wanted = await read_json(request, DEDUPLICATE)
        items = _chosen(dataset, wanted)
        if without := [item.reference_id for item in items if not item.phash]:
            raise ApiError(400, f"Items {without} have no perceptual hash.")
        work = partial(_deduplicated, items, wanted.threshold)
        return self._state.jobs.submit(JOB, dataset.id, work)


def _chosen(dataset: Dataset, wanted: Deduplicate) -> list[Item]:
    if wanted.reference_ids is not None:
        return [dataset.items.reference(reference_id) for reference_id in wanted.reference_ids]
    if wanted.dataset_item_ids is not None:
        return [dataset.items.id(item_id) for item_id in wanted.dataset_item_ids]
    return [item for item in dataset.items if item.image_url is not None]


def _deduplicated(items: Sequence[Item], threshold: int) -> Outcome:
    """Keep the first of all items that are alike, in their order."""
    unique: list[Item] = []
    for item in items:
        if all(distance(item.phash, kept.phash) > threshold for kept in unique):
            unique.append(item)
    stats = {"threshold": threshold, "original_count": len(items), "deduplicated_count": len(unique)}
    return Outcome(
        {
            "unique_item_ids": [item.id for item in unique],
            "unique_reference_ids": [item.reference_id for item in unique],
            "stats": stats,
        }
    )
