"""The models as MLServer runs them. Features are named, where those of Triton are numbered."""

from __future__ import annotations

import numpy as np
from looking import classify, detect
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Detector(MLModel):
    """Pixels in rows (UINT8, height x width x 3)."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        boxes, scores, names = detect(NumpyCodec.decode_input(payload.inputs[0]))
        outputs = [
            NumpyCodec.encode_output("boxes", boxes),
            NumpyCodec.encode_output("scores", scores),
            StringCodec.encode_output("labels", names),
        ]
        return self._answered(outputs)

    def _answered(self, outputs: list[ResponseOutput]) -> InferenceResponse:
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)


class Classifier(Detector):
    """Pixels in rows; one number per feature."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        image = NumpyCodec.decode_input(payload.inputs[0])
        return self._answered([NumpyCodec.encode_output("scores", classify(image.astype(np.uint8)))])
