"""`viam.app.mlinference.v1.MLInferenceService`. Predictions come from the labels of the image, moved a little.

What a prediction shows is decided by a digest of the version and the label: the same request always gets the same
answer, and another version another one. So geometry can be checked from end to end.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any

from dragoman_viam.emulator.catalog import find_item, find_package, labels_of
from dragoman_viam.emulator.records import Image
from dragoman_viam.emulator.refusals import invalid
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.emulator.routes.data import image_id
from dragoman_viam.messages import name_of

SHIFT = 0.02
"""Largest distance that a corner is moved, as a fraction of the image."""
DECODED = ("MODEL_FRAMEWORK_TFLITE", "MODEL_FRAMEWORK_TENSORFLOW")
"""Frameworks whose results come as annotations, too."""


class Inference(Routes):
    """The one method."""

    service = "inference"

    def GetInference(self, request: Any) -> Answer:
        """Return what a version says of a stored image: tensors, and annotations where they can be decoded."""
        self.state.check_organization(request.organization_id)
        item = find_item(self.state, request.registry_item_id)
        if item.WhichOneof("metadata") != "ml_model_metadata":
            raise invalid("the registry item is no model", "registry_item_id")
        name = item.item_id.replace(":", "/", 1)
        package = find_package(self.state, name, request.registry_item_version)
        image = self.state.image(image_id(request))
        labels = labels_of(package) or self._in_use()
        kind = name_of("training", "ModelType", item.ml_model_metadata.model_type)
        seed = f"{name} {request.registry_item_version}"
        if kind == "MODEL_TYPE_OBJECT_DETECTION":
            boxes = _detected(image, labels, seed)
            answer = {"output_tensors": _boxes_out(boxes, labels), "annotations": {"bboxes": boxes}}
        else:
            classes = _classified(image, labels, seed)
            answer = {"output_tensors": _scores(classes, labels), "annotations": {"classifications": classes}}
        if name_of("training", "ModelFramework", item.ml_model_metadata.model_framework) not in DECODED:
            del answer["annotations"]
        return answer

    def _in_use(self) -> list[str]:
        images = self.state.images.values()
        boxes = {box.label for image in images for box in image.metadata.annotations.bboxes}
        return sorted(boxes | {tag for image in images for tag in image.metadata.capture_metadata.tags})


def _detected(image: Image, labels: list[str], seed: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for box in image.metadata.annotations.bboxes:
        if box.label not in labels:
            continue
        confidence, dx, dy = _draw(seed, box.id)
        found.append(
            {
                "id": f"{box.id}-{len(found)}",
                "label": box.label,
                "confidence": confidence,
                "x_min_normalized": _inside(box.x_min_normalized + dx),
                "y_min_normalized": _inside(box.y_min_normalized + dy),
                "x_max_normalized": _inside(box.x_max_normalized + dx),
                "y_max_normalized": _inside(box.y_max_normalized + dy),
            }
        )
    return found


def _classified(image: Image, labels: list[str], seed: str) -> list[dict[str, Any]]:
    held = [tag for tag in image.metadata.capture_metadata.tags if tag in labels]
    return [{"id": f"{number}", "label": tag, "confidence": _draw(seed, tag)[0]} for number, tag in enumerate(held)]


def _draw(seed: str, thing: str) -> tuple[float, float, float]:
    """Return a confidence between a half and one, and two small shifts."""
    digest = hashlib.blake2b(f"{seed}\0{thing}".encode(), digest_size=12).digest()
    first, second, third = (number / 2**32 for number in struct.unpack(">III", digest))
    return 0.5 + first / 2, (second - 0.5) * SHIFT, (third - 0.5) * SHIFT


def _inside(value: float) -> float:
    return min(1.0, max(0.0, value))


def _boxes_out(found: list[dict[str, Any]], labels: list[str]) -> Answer:
    """Return the tensors of a detection: coordinates are y before x, as the platform's stock models have them."""
    count = len(found)
    order = ("y_min_normalized", "x_min_normalized", "y_max_normalized", "x_max_normalized")
    return {
        "tensors": {
            "location": {
                "shape": [1, count, 4],
                "float_tensor": {"data": [box[corner] for box in found for corner in order]},
            },
            "category": {
                "shape": [1, count],
                "float_tensor": {"data": [labels.index(box["label"]) for box in found]},
            },
            "score": {"shape": [1, count], "float_tensor": {"data": [box["confidence"] for box in found]}},
        }
    }


def _scores(classes: list[dict[str, Any]], labels: list[str]) -> Answer:
    by_label = {one["label"]: one["confidence"] for one in classes}
    data = [by_label.get(label, 0.0) for label in labels]
    return {"tensors": {"probability": {"shape": [1, len(labels)], "float_tensor": {"data": data}}}}
