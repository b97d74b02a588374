"""Inference on Encord: one piece of data or one file per request, several requests at a time.

A version predicts only where its model is attached to a project and the attachment exposes it. Boxes and polygons are
taken for fractions of the image, as in labels; the SDK does not say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image, ImageOps, UnidentifiedImageError

from dragoman.errors import DragomanError, InvalidData, NotFound
from dragoman.interface import Inference
from dragoman.schema import Box, Item, Polygon, Prediction, Provenance, Task, Whole
from dragoman_encord.attachments import bindings
from dragoman_encord.ids import parts
from dragoman_encord.items import path_of
from dragoman_encord.models import TASKS
from dragoman_encord.shapes import DECIMALS


@dataclass(frozen=True)
class Request:
    """What is asked for, the same for all items.

    Args:
        version: Id of the version.
        project: The project through which it is asked.
        attachment: The attachment there.
        training: The iteration.
        task: What the model does.
        features: Hash of the ontology to the model's feature.
        confidence: Least confidence.
        iou: Overlap above which the weaker of two predictions is left out.
        simplify: Tolerance of Douglas and Peucker for outlines in pixels, None to leave them.
        track: Whether objects are to have one id over the frames of a video.
        frames: First and last frame of a video; all by default.
    """

    version: str
    project: str
    attachment: str
    training: str
    task: Task
    features: dict[str, str]
    confidence: float
    iou: float
    simplify: float | None = None
    track: bool = True
    frames: tuple[int, int] | None = None


class EncordInference(Inference):
    """Predictions through the three calls of `MlModelsClient`."""

    _adapter: Any

    def _predict(
        self,
        version: str,
        items: Iterable[Item],
        confidence: float,
        iou: float,
        *,
        simplify: float | None = None,
        track: bool = True,
        frames: tuple[int, int] | None = None,
    ) -> Iterator[Prediction]:
        bound = self._binding(version)
        request = Request(
            version=version, confidence=confidence, iou=iou, simplify=simplify, track=track, frames=frames, **bound
        )
        workers = self._adapter.settings.concurrency
        pending: deque[Future[list[Prediction]]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for number, item in enumerate(items):
                    pending.append(pool.submit(self._ask, request, number, item))
                    if len(pending) == 2 * workers:
                        yield from pending.popleft().result()
                while pending:
                    yield from pending.popleft().result()
            finally:
                for future in pending:
                    future.cancel()

    def _binding(self, version: str) -> dict[str, Any]:
        """Return through which project and attachment a version can be asked.

        Raises:
            NotFound: Through none.
        """
        model, training = parts(version, "version")
        for project in self._adapter.projects.all():
            for held in bindings(self._adapter.client, project):
                exposed = [str(iteration.training_uuid) for iteration in held.project_model_iterations]
                if str(held.project_model.model_uuid) == model and training in exposed:
                    mapping = held.project_model.features_mapping
                    return {
                        "project": project,
                        "attachment": str(held.project_model.project_model_uuid),
                        "training": training,
                        "task": TASKS[held.model_group.type.value],
                        "features": {target.feature_node_uuid: feature for feature, target in mapping.items()},
                    }
        self._adapter.versions._get(version)
        raise NotFound(
            f"No project has an attachment that exposes the version {version}.",
            hint="attachments.attach binds its model to a project.",
        )

    def _ask(self, request: Request, number: int, item: Item) -> list[Prediction]:
        """Ask for one item, as a call of its own, so that it is tried again without the others."""
        try:
            answer: list[Prediction] = self._adapter.pipeline.call(self.operations["predict"], self._one, request, item)
        except DragomanError as error:
            error.row = number
            raise
        return answer

    def _one(self, request: Request, item: Item) -> list[Prediction]:
        data, path = _media(item)
        first, last = request.frames or (None, None)
        asked: dict[str, Any] = {
            "project_uuid": request.project,
            "project_model_uuid": request.attachment,
            "training_uuid": request.training,
            "data_uuid": data,
            "data_path": path,
            "frame_range_from": first,
            "frame_range_to": last,
            "conf_thresh": request.confidence,
        }
        ml = self._adapter.client.ml
        if request.task is Task.CLASSIFICATION:
            return _classified(request, item, ml.predict_classification(**asked))
        asked |= {"allocation_enabled": request.track and item.media != "image", "iou_thresh": request.iou}
        size = self._size(request, item, data, path)
        if request.task is Task.OBJECT_DETECTION:
            found = ml.predict_object_detection(**asked)
        else:
            # Ours is in pixels; theirs is taken for a fraction of the longer side, as coordinates are fractions.
            tolerance = None if request.simplify is None else request.simplify / max(size)
            found = ml.predict_instance_segmentation(**asked, rdp_thresh=tolerance)
        return _found(request, item, size, found)

    def _size(self, request: Request, item: Item, data: str | None, path: Path | None) -> tuple[int, int]:
        if item.width and item.height:
            return item.width, item.height
        if path is not None:
            return _image_size(item, path)
        rows = self._adapter.client.project(request.project).list_label_rows(
            include_uninitialised_labels=True, data_hashes=[data]
        )
        if not rows or not rows[0].width or not rows[0].height:
            raise InvalidData(f"Encord does not know the size of {item.key!r}.", field="width")
        return rows[0].width, rows[0].height


def _media(item: Item) -> tuple[str | None, Path | None]:
    """Return Encord's id of the data, or the file of this machine.

    Raises:
        InvalidData: The item has neither.
    """
    if item.uri and path_of(item).is_file():
        return None, path_of(item)
    try:
        return str(UUID(item.id)), None
    except ValueError:
        raise InvalidData(f"{item.key!r} is no file of this machine and has no id of Encord's.", field="uri") from None


def _image_size(item: Item, path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            turned = ImageOps.exif_transpose(image)
            return turned.width, turned.height
    except (UnidentifiedImageError, OSError):
        raise InvalidData(f"{item.key!r} cannot be read as an image, and has no size.", field="width") from None


def _classified(request: Request, item: Item, answer: Any) -> list[Prediction]:
    return [
        Prediction(
            item.key,
            request.features.get(found.feature_id_child, found.name),
            Whole(),
            frame=frame if item.media != "image" else None,
            confidence=found.confidence,
            provenance=Provenance("encord", str(found.classification_uuid), found.created_by, request.version),
        )
        for frame, found in sorted(answer.items())
        if found is not None
    ]


def _found(request: Request, item: Item, size: tuple[int, int], answer: Any) -> list[Prediction]:
    moving = item.media != "image"
    return [
        Prediction(
            item.key,
            request.features.get(found.feature_id, found.name),
            _shape(found, *size),
            frame=frame if moving else None,
            track_id=found.object_id if moving and request.track else None,
            confidence=found.confidence,
            provenance=Provenance("encord", found.object_id, found.created_by, request.version),
        )
        for frame, listed in sorted(answer.items())
        for found in listed
    ]


def _shape(found: Any, width: int, height: int) -> Box | Polygon:
    if (box := getattr(found, "bounding_box", None)) is not None:
        scaled = (box.x * width, box.y * height, box.w * width, box.h * height)
        return Box(*(round(number, DECIMALS) for number in scaled))
    return Polygon.of((round(at.x * width, DECIMALS), round(at.y * height, DECIMALS)) for at in found.polygon)
