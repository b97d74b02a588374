"""Routes about tracks: listing, changing the metadata of one, deletion. Rows that name a track make it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import read_json
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import found
from dragoman_nucleus.emulator.routes.names import delete, get, post
from dragoman_nucleus.emulator.state import State


class TrackChange(msgspec.Struct):
    reference_id: str
    metadata: dict[str, Any] | None = None
    overwrite: bool = False


class TrackIds(msgspec.Struct):
    track_reference_ids: list[str]


TRACK_CHANGE = msgspec.json.Decoder(TrackChange)
TRACK_IDS = msgspec.json.Decoder(TrackIds)


class Tracks:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("dataset/{dataset}/tracks", self.all),
            post("dataset/{dataset}/tracks", self.change),
            delete("dataset/{dataset}/tracks", self.delete),
        ]

    def _named(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    async def all(self, request: Request) -> object:
        dataset = self._named(request)
        return {"tracks": [dataset.track_json(track_id) for track_id in dataset.tracks]}

    async def change(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, TRACK_CHANGE)
        known = found(dataset.tracks, wanted.reference_id, "Track")
        merged = (known or {}) | (wanted.metadata or {})
        dataset.tracks[wanted.reference_id] = wanted.metadata if wanted.overwrite else merged
        return dataset.track_json(wanted.reference_id)

    async def delete(self, request: Request) -> object:
        """Delete tracks; their rows stay and belong to none. Tracks that are not there are no error."""
        dataset = self._named(request)
        doomed = (await read_json(request, TRACK_IDS)).track_reference_ids
        for track_id in doomed:
            dataset.tracks.pop(track_id, None)
        for store in self._state.stores_of(dataset):
            for target in dataset.targets():
                for row in store.on(target.id):
                    if row.track_reference_id in doomed:
                        row.track_reference_id = None
        return {"dataset_id": dataset.id, "track_reference_ids": doomed}
