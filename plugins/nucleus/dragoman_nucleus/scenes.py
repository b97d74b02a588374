"""Scenes (`scn_` ids): videos and lidar sequences, whose frames are items of a dataset of scenes; and their tracks.

A label on a frame is a label on the frame's item; `track_id` joins them. A label on the scene as a whole is a
classification whose item is the scene's key; Nucleus shows those that are predictions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal

import msgspec
import requests

from dragoman.calls.bulk import BulkWrite
from dragoman.calls.pipeline import Operation, Page
from dragoman.errors import InvalidData
from dragoman.interface.base import ref
from dragoman.schema import Dataset, Item, Report, RowResult
from dragoman.schema.base import Control, Data
from dragoman_nucleus import jobs
from dragoman_nucleus.codec import STEPS, escape, item_in, item_out
from dragoman_nucleus.datasets import REMOTE
from dragoman_nucleus.extension import Extension, carried
from dragoman_nucleus.receipts import FOUND, Counts, row_results
from dragoman_nucleus.sdk import NucleusAPIError
from dragoman_nucleus.wire import Json

SCENES_PER_PAGE = 30
"""Hard limit of Nucleus for exports by scene."""
CAMERA = "camera"
"""Sensor under which the frames of a video are."""
POINTS = (".pcd", ".ply", ".json")
"""Ends of the uris of point clouds; a frame of a lidar sequence has one of these and any number of images."""
ROUTES = {"video": "upload_video_scenes", "lidar": "upload_scenes"}
TWICE = "Another scene of this batch has the same key."
METADATA_AT_ONCE = 500
"""Most scenes whose metadata the SDK changes in one synchronous request."""


class Scene(Data, frozen=True, gc=False, omit_defaults=True):
    """A video or a lidar sequence.

    Args:
        key: Your own name for it, unique in its dataset.
        kind: `"video"` or `"lidar"`.
        uri: Where the video is, if it is one file.
        frames: The frames otherwise, each by its sensors; a video has one, `"camera"`.
        frame_rate: Frames per second of a video that is given by frames.
        metadata: JSON values kept with it.
        id: Nucleus's id; empty until it has one.
    """

    key: str
    kind: Literal["video", "lidar"] = "video"
    uri: str | None = None
    frames: tuple[dict[str, Item], ...] = ()
    frame_rate: float | None = None
    metadata: dict[str, Any] = {}
    id: str = ""

    @classmethod
    def video(cls, key: str, frames: Iterable[Item], *, frame_rate: float, **fields: Any) -> Scene:
        """Build a video of frames."""
        return cls(key, frames=tuple({CAMERA: item} for item in frames), frame_rate=frame_rate, **fields)


class Track(Control):
    """An object over the frames of scenes; `id` is the `track_id` of its rows."""

    id: str
    metadata: dict[str, Any] = {}


class Scenes(Extension):
    """Create datasets of scenes; write, read, change and delete scenes; read, change and delete tracks."""

    name = "scenes"

    @carried(repeatable=False)
    def create_dataset(self, name: str) -> Dataset:
        """Create a dataset that takes scenes, and nothing else."""
        return Dataset(name=name, id=self._client.create_dataset(name, is_scene=True).id)

    def write(self, rows: Iterable[Scene], *, dataset: str | Dataset, update: bool = False) -> Report:
        """Add scenes to a dataset of scenes and return every one's outcome.

        Args:
            rows: The scenes; all media are URLs.
            dataset: The dataset or its id.
            update: Overwrite the metadata of scenes of the same key; otherwise they are left alone and `ignored`. Their
                frames never change.
        """
        dataset_id = ref(dataset)
        return BulkWrite[Scene](
            self._adapter.pipeline,
            Operation(self.name, "write"),
            key=lambda row: row.key,
            send=lambda batch: self._send(dataset_id, batch, update),
            find=lambda batch: [FOUND if self._has(dataset_id, row.key) else None for row in batch],
        ).run(rows)

    def _send(self, dataset: str, rows: Sequence[Scene], update: bool) -> list[RowResult]:
        reasons: dict[int, str] = {}
        sent: set[str] = set()
        for place, row in enumerate(rows):
            if reason := TWICE if row.key in sent else _unusable(row):
                reasons[place] = reason
            else:
                sent.add(row.key)
        results = {place: RowResult("rejected", reason=reason) for place, reason in reasons.items()}
        for kind, route in ROUTES.items():
            places = [place for place, row in enumerate(rows) if row.kind == kind and place not in reasons]
            if not places:
                continue
            batch = [rows[place] for place in places]
            content = msgspec.json.Encoder().encode_lines(map(scene_out, batch))
            job = jobs.send_rows(self._client, dataset, f"{dataset}/{route}", content, update=update)
            with jobs.under_way():
                message = jobs.ended(self._adapter, job)
                counts = Counts.of_job(message, jobs.errors(self._client, job), "scene")
            found = row_results(batch, counts, update=update, name=lambda row: (row.key, ""))
            results |= zip(places, found, strict=True)
        return [results[place] for place in range(len(rows))]

    def _has(self, dataset: str, key: str) -> bool:
        try:
            self._scene(dataset, key)
        except NucleusAPIError as error:
            if error.status_code == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    @carried()
    def get(self, dataset: str | Dataset, key: str) -> Scene:
        """Return a scene with its frames."""
        return scene_in(self._scene(ref(dataset), key))

    @carried()
    def of_item(self, dataset: str | Dataset, item: str) -> Scene:
        """Return the scene whose frame an item is, by the item's key."""
        return scene_in(self._scene(ref(dataset), item, "?from_item=1"))

    def _scene(self, dataset: str, key: str, query: str = "") -> Json:
        route = f"dataset/{dataset}/scene/{escape(key)}{query}"
        found: Json = self._client.make_request(None, route, requests.get)
        return found

    @carried()
    def update_metadata(self, dataset: str | Dataset, metadata: Mapping[str, Mapping[str, Any]]) -> None:
        """Merge metadata into those of scenes, by key.

        Raises:
            InvalidData: A scene is not there; the others are changed.
        """
        changes = [{"reference_id": key, "metadata": dict(values)} for key, values in metadata.items()]
        later = len(changes) > METADATA_AT_ONCE
        route = f"dataset/{ref(dataset)}/metadata?async={int(later)}"
        answer = self._client.make_request({"metadata": changes, "level": "scene"}, route)
        if later:
            job = jobs.started(answer)
            jobs.ended(self._adapter, job)
            answer = {"errors": jobs.errors(self._client, job)}
        if errors := answer.get("errors"):
            raise InvalidData(f"{len(errors)} of {len(changes)} scenes were not changed; the first: {errors[0]}")

    @carried()
    def delete(self, dataset: str | Dataset, key: str) -> None:
        """Delete a scene with its items, and their labels and predictions."""
        self._client.connection.delete(f"dataset/{ref(dataset)}/scene/{escape(key)}")

    def export(
        self, dataset: str | Dataset, *, within: str | None = None, page_size: int = SCENES_PER_PAGE
    ) -> Iterator[Json]:
        """Iterate over scenes with their boxes by track, as Nucleus shows them; `within` is the id of a slice."""
        route = f"dataset/{ref(dataset)}/exportForTrainingByScene"

        def fetch(cursor: str | None, size: int) -> Page[Json]:
            wanted = {"pageToken": cursor, "pageSize": size, "sliceId": within, "onlyMostRecentTask": True}
            page = self._client.make_request(wanted, route)
            return Page(page["data"], page["nextPageToken"] or None)

        return self._pages("export", fetch, min(page_size, SCENES_PER_PAGE))

    @carried()
    def tracks(self, dataset: str | Dataset) -> Sequence[Track]:
        """Return the tracks of a dataset; rows that name a track make it."""
        answer = self._client.make_request(None, f"dataset/{ref(dataset)}/tracks", requests.get)
        return [Track(id=one["reference_id"], metadata=one.get("metadata") or {}) for one in answer["tracks"]]

    @carried()
    def update_track(
        self, dataset: str | Dataset, track: str | Track, metadata: Mapping[str, Any], *, replace: bool = False
    ) -> None:
        """Merge metadata into those of a track, or put them in their place."""
        wanted = {"reference_id": ref(track), "metadata": dict(metadata), "overwrite": replace}
        self._client.make_request(wanted, f"dataset/{ref(dataset)}/tracks")

    @carried()
    def delete_tracks(self, dataset: str | Dataset, tracks: Sequence[str | Track]) -> None:
        """Delete tracks; their rows stay, and belong to none."""
        wanted = {"track_reference_ids": list(map(ref, tracks))}
        self._client.make_request(wanted, f"dataset/{ref(dataset)}/tracks", requests.delete)

    @carried()
    def list(self, dataset: str | Dataset) -> list[Scene]:
        """Return the scenes of a dataset, without their frames."""
        answer = self._client.make_request(None, f"dataset/{ref(dataset)}/scenes_list", requests.get)
        return [scene_in(wire) for wire in answer["scenes"]]


def _unusable(scene: Scene) -> str | None:
    """Return why a scene cannot be sent, or None. Nucleus fetches its media, and no path of this machine is sent."""
    items = [item for frame in scene.frames for item in frame.values()]
    for key in (scene.key, *(item.key for item in items)):
        if key in STEPS:
            return f"The key {key!r} means another place in an address, so Nucleus could not be asked for what has it."
    if scene.kind == "video" and items and not (scene.frame_rate or 0) > 0:
        return f"A video of frames has a frame rate above 0, not {scene.frame_rate}."
    for uri in [*([scene.uri] if scene.uri else []), *(item.uri for item in items)]:
        if not (uri or "").startswith(REMOTE):
            return f"All media of a scene are URLs, which {uri!r} is not."
    return None


def scene_out(scene: Scene) -> Json:
    """Return a scene as Nucleus takes it."""
    wire: Json = {"reference_id": scene.key}
    wire |= {"metadata": scene.metadata} if scene.metadata else {}
    if scene.kind == "lidar":
        frames = [{sensor: _frame_out(item) for sensor, item in frame.items()} for frame in scene.frames]
        return wire | {"frames": frames}
    wire["upload_to_scale"] = True
    wire |= {"frame_rate": scene.frame_rate} if scene.frame_rate else {}
    wire |= {"video_url": scene.uri} if scene.uri else {}
    frames_of_video = [_frame_out(item) for frame in scene.frames for item in frame.values()]
    return wire | ({"frames": frames_of_video} if frames_of_video else {})


def _frame_out(item: Item) -> Json:
    kind = "pointcloud" if (item.uri or "").endswith(POINTS) else "image"
    return {**item_out(item), "url": item.uri, "type": kind}


def scene_in(wire: Json) -> Scene:
    """Return a scene of Nucleus; one of a listing has no frames."""
    video = wire.get("type") == "video" or "frame_rate" in wire or "video_url" in wire
    found = wire.get("frames", [])
    frames = [{CAMERA: item} for item in found] if video else found
    return Scene(
        wire["reference_id"],
        "video" if video else "lidar",
        wire.get("video_url"),
        tuple({sensor: item_in(item) for sensor, item in frame.items()} for frame in frames),
        wire.get("frame_rate"),
        wire.get("metadata") or {},
        wire.get("id") or "",
    )
