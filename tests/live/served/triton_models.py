"""The models as Triton's Python backend runs them; it looks for a class `TritonPythonModel` in a model's folder."""

from __future__ import annotations

from typing import Any

import numpy as np
import triton_python_backend_utils as pb
from looking import FEATURES, classify, detect


class Detector:
    """Pixels in rows (UINT8, height x width x 3); features are numbers."""

    def execute(self, requests: list[Any]) -> list[Any]:
        return [self._answer(pb.get_input_tensor_by_name(request, "image").as_numpy()) for request in requests]

    def _answer(self, image: Any) -> Any:
        boxes, scores, names = detect(image)
        labels = np.asarray([FEATURES.index(name) for name in names], np.int64)
        return _response(boxes=boxes, scores=scores, labels=labels)


class SquareDetector(Detector):
    """Planes of colour (FP32 between 0 and 1, 1 x 3 x 32 x 32); boxes are fractions of the picture."""

    def _answer(self, image: Any) -> Any:
        pixels = (np.moveaxis(image[0], 0, 2) * 255).round().astype(np.uint8)
        boxes, scores, names = detect(pixels)
        labels = np.asarray([FEATURES.index(name) for name in names], np.int64)
        return _response(boxes=(boxes / 32)[None], scores=scores[None], labels=labels[None])


class Classifier:
    """Pixels in rows; one number per feature."""

    def execute(self, requests: list[Any]) -> list[Any]:
        images = [pb.get_input_tensor_by_name(request, "image").as_numpy() for request in requests]
        return [_response(scores=classify(image)) for image in images]


def _response(**tensors: Any) -> Any:
    return pb.InferenceResponse(output_tensors=[pb.Tensor(name, value) for name, value in tensors.items()])
