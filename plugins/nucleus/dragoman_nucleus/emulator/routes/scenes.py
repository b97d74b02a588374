"""Routes about scenes: appending videos and lidar sequences, listing, reading one, export by track, deletion."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar, Literal

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.by_scene import annotations_by_track
from dragoman_nucleus.emulator.complaints import complaint
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Item, Scene
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.routes.names import delete, get, paged, post
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.uploads import ASYNC_UPLOAD, non_empty_lines, uploaded

LARGEST_PAGE = 30
"""Scenes in one page of the export."""
CAMERA = "camera"
"""The one sensor of a video."""


class NewFrameItem(msgspec.Struct):
    reference_id: str
    url: str
    type: Literal["image", "pointcloud"]
    metadata: dict[str, Any] = {}
    width: int | None = None
    height: int | None = None


class NewTrack(msgspec.Struct):
    reference_id: str
    metadata: dict[str, Any] | None = None


class NewScene(msgspec.Struct, kw_only=True):
    """What both kinds of scenes have; only a video comes with a rate or as a file."""

    kind: ClassVar[str]
    job: ClassVar[str]

    reference_id: str
    metadata: dict[str, Any] = {}
    tracks: list[NewTrack] = []
    frame_rate: int | float | None = None
    video_url: str | None = None

    def by_sensor(self) -> list[dict[str, NewFrameItem]]:
        """Return the items of each frame by their sensor.

        Raises:
            ValueError: The frames are not what a scene of this kind has.
        """
        raise NotImplementedError


class NewLidarScene(NewScene, kw_only=True):
    kind, job = "lidar", "uploadLidarScene"

    frames: list[dict[str, NewFrameItem]]

    def by_sensor(self) -> list[dict[str, NewFrameItem]]:
        for number, frame in enumerate(self.frames):
            if sum(item.type == "pointcloud" for item in frame.values()) != 1:
                raise ValueError(f"Frame {number} must have exactly one pointcloud.")
        return self.frames


class NewVideoScene(NewScene, kw_only=True):
    kind, job = "video", "uploadVideoScene"

    frames: list[NewFrameItem] = []

    def by_sensor(self) -> list[dict[str, NewFrameItem]]:
        if not self.frames and self.video_url is None:
            raise ValueError("A video needs frames or a video_url.")
        return [{CAMERA: item} for item in self.frames]


class ScenePage(msgspec.Struct, rename="camel"):
    page_token: str | None = None
    page_size: int = 10
    slice_id: str | None = None


SCENE_PAGE = msgspec.json.Decoder(ScenePage)


class Scenes:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("{dataset}/upload_scenes", partial(self.append, NewLidarScene)),
            post("{dataset}/upload_video_scenes", partial(self.append, NewVideoScene)),
            get("dataset/{dataset}/scenes_list", self.all),
            get("dataset/{dataset}/scene/{reference:text}", self.one),
            delete("dataset/{dataset}/scene/{reference:text}", self.delete),
            post("dataset/{dataset}/exportForTrainingByScene", self.export_page),
        ]

    def _named(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    async def append(self, row_type: type[NewScene], request: Request) -> object:
        dataset = self._named(request)
        if not dataset.is_scene:
            raise ApiError(400, f"Dataset {dataset.id} is no scene dataset.")
        wanted = await read_json(request, ASYNC_UPLOAD)
        lines = non_empty_lines(uploaded(self._state, [dataset.id], wanted.request_id))
        work = partial(self._append, dataset.id, row_type, lines, wanted.update)
        return self._state.jobs.submit(row_type.job, dataset.id, work)

    def _append(self, dataset_id: str, row_type: type[NewScene], lines: list[bytes], update: bool) -> Outcome:
        dataset = self._state.dataset(dataset_id)
        counts = {"epoch": 1, "total": len(lines), "errored": 0, "ignored": 0, "processed": 0}
        errors: list[str] = []
        for line in lines:
            try:
                stored = self._put(dataset, msgspec.json.decode(line, type=row_type), update)
            except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
                errors.append(complaint("scene", line, str(error)))
                counts["errored"] += 1
            else:
                counts["processed" if stored else "ignored"] += 1
        message: dict[str, object] = {"scene_upload": {**counts, "datasetId": dataset_id}}
        return Outcome(message, errors, steps=(len(lines), len(lines)))

    def _put(self, dataset: Dataset, row: NewScene, update: bool) -> bool:
        """Store a scene and say whether it was; of a known one only the metadata can be changed."""
        known = dataset.scenes.by_reference.get(row.reference_id)
        if known is None:
            self._add(dataset, row)
        elif update:
            known.metadata = row.metadata
        return known is None or update

    def _add(self, dataset: Dataset, row: NewScene) -> None:
        frames = row.by_sensor()
        references = [item.reference_id for frame in frames for item in frame.values()]
        if len(set(references)) < len(references):
            raise ValueError("A reference id occurs twice in the frames.")
        if taken := [reference for reference in references if reference in dataset.items.by_reference]:
            raise ValueError(f"Items with reference ids {taken} exist already.")
        scene = Scene(
            number=dataset.scenes.next_number(),
            id=self._state.ids.new("scn"),
            dataset_id=dataset.id,
            reference_id=row.reference_id,
            type=row.kind,
            metadata=row.metadata,
            frame_rate=row.frame_rate,
            video_url=row.video_url,
            track_ids=[track.reference_id for track in row.tracks],
        )
        for frame in frames:
            scene.frames.append({name: self._add_item(dataset, scene, item).id for name, item in frame.items()})
        dataset.scenes.add(scene)
        dataset.tracks |= {track.reference_id: track.metadata for track in row.tracks}

    def _add_item(self, dataset: Dataset, scene: Scene, row: NewFrameItem) -> Item:
        return self._state.add_item(
            dataset,
            reference_id=row.reference_id,
            metadata=row.metadata,
            width=row.width,
            height=row.height,
            scene_id=scene.id,
            **{f"{row.type}_url": row.url},
        )

    async def all(self, request: Request) -> object:
        return {"scenes": [scene.to_json() for scene in self._named(request).scenes]}

    async def one(self, request: Request) -> object:
        dataset, reference_id = self._named(request), request.path_params["reference"]
        if request.query_params.get("from_item") == "1":
            item = dataset.items.reference(reference_id)
            if item.scene_id is None:
                raise ApiError(404, f"Item {reference_id} is in no scene.")
            return self._shown(dataset, dataset.scenes.id(item.scene_id))
        return self._shown(dataset, dataset.scenes.reference(reference_id))

    def _shown(self, dataset: Dataset, scene: Scene) -> dict[str, Any]:
        items = dataset.items.by_id
        frames = [{sensor: items[item_id].to_json() for sensor, item_id in frame.items()} for frame in scene.frames]
        shown: dict[str, Any] = {**scene.to_json(), "tracks": self._tracks(dataset, scene)}
        if scene.type == "lidar":
            return shown | {"frames": frames}
        # The keys tell the SDK that the scene is a video.
        urls = {} if scene.video_url is None else {"video_url": scene.video_url}
        return shown | urls | {"frame_rate": scene.frame_rate, "frames": [frame[CAMERA] for frame in frames]}

    def _tracks(self, dataset: Dataset, scene: Scene) -> list[dict[str, Any]]:
        """Return the tracks that came with a scene, and those that rows on its frames name."""
        stores = self._state.stores_of(dataset)
        rows = (row for item_id in scene.item_ids() for store in stores for row in store.on(item_id))
        named = {*scene.track_ids, *(row.track_reference_id for row in rows)}
        return [dataset.track_json(track_id) for track_id in dataset.tracks if track_id in named]

    async def delete(self, request: Request) -> object:
        dataset = self._named(request)
        scene = dataset.scenes.reference(request.path_params["reference"])
        self._state.forget_scene(dataset, scene)
        return {"dataset_id": dataset.id, "reference_id": scene.reference_id, "status": "deleted"}

    async def export_page(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, SCENE_PAGE)
        if wanted.page_size > LARGEST_PAGE:
            raise ApiError(400, f"A page has at most {LARGEST_PAGE} scenes.")
        scenes = dataset.scenes.ordered()
        if wanted.slice_id is not None:
            scenes = self._scenes_in(dataset, wanted.slice_id)
        page, token = paged(self._state, scenes, wanted.page_token, wanted.page_size)
        return {"data": [annotations_by_track(dataset, scene) for scene in page], "nextPageToken": token}

    def _scenes_in(self, dataset: Dataset, slice_id: str) -> list[Scene]:
        """Return the scenes that have items in a slice."""
        scene_ids = {item.scene_id for item in self._state.slice_items(self._state.slice(slice_id))}
        return [scene for scene in dataset.scenes if scene.id in scene_ids]
