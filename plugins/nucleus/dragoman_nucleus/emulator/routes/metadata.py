"""The route that merges metadata into that of items or scenes, at once or as a job."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import read_json
from dragoman_nucleus.emulator.items import Item, Scene
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.routes.names import post
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.uploads import is_async

METADATA_JOB = "metadataUpdate"


class MetadataChange(msgspec.Struct):
    """New keys for one item or scene; camera parameters come a second time beside the metadata."""

    reference_id: str
    metadata: dict[str, Any]


class MetadataChanges(msgspec.Struct):
    metadata: list[MetadataChange]
    level: Literal["item", "scene"]


CHANGES = msgspec.json.Decoder(MetadataChanges)


class Metadata:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [post("dataset/{dataset}/metadata", self.update)]

    async def update(self, request: Request) -> object:
        dataset = self._state.dataset(request.path_params["dataset"])
        wanted = await read_json(request, CHANGES)
        work = partial(self._update, dataset.id, wanted)
        if is_async(request):
            return self._state.jobs.submit(METADATA_JOB, dataset.id, work)
        outcome = work()
        return outcome.message | ({"errors": outcome.errors} if outcome.errors else {})

    def _update(self, dataset_id: str, wanted: MetadataChanges) -> Outcome:
        dataset = self._state.dataset(dataset_id)
        known: dict[str, Item] | dict[str, Scene]
        known = dataset.items.by_reference if wanted.level == "item" else dataset.scenes.by_reference
        errors: list[str] = []
        for change in wanted.metadata:
            target = known.get(change.reference_id)
            if target is None:
                errors.append(f"{wanted.level.capitalize()} with id {change.reference_id} does not exist.")
            else:
                target.metadata = target.metadata | change.metadata
        return Outcome({"dataset_id": dataset_id, "updated": len(wanted.metadata) - len(errors)}, errors)
