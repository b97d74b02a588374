"""A backend in memory whose models find the bright and the dark part of a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from looking import FEATURES, classify, detect
from memory import MemoryAdapter, MemorySettings, State, hook_caller
from PIL import Image

from dragoman import Adapter, facet
from dragoman.interface import Inference
from dragoman.schema import Box, Item, Prediction, Task, Whole

__all__ = ["FEATURES", "LookingAdapter", "open_looking"]


class LookingInference(Inference):
    _adapter: Any

    def _predict(self, version: str, items: Iterable[Item], confidence: float, iou: float) -> Iterator[Prediction]:
        found = self._adapter.versions._get(version)
        task = self._adapter.models._get(found.model).task
        for item in items:
            with Image.open(item.uri or "") as opened:
                image = np.asarray(opened.convert("RGB"))
            rows = classified(item.key, image) if task is Task.CLASSIFICATION else detected(item.key, image)
            yield from (row for row in rows if (row.confidence or 0) >= confidence)


def classified(key: str, image: Any) -> list[Prediction]:
    pdf = dict(zip(FEATURES, classify(image).tolist(), strict=True))
    best = max(pdf, key=lambda name: pdf[name])
    return [Prediction(key, best, Whole(), confidence=pdf[best], class_pdf=pdf)]


def detected(key: str, image: Any) -> list[Prediction]:
    return [
        Prediction(key, name, Box(left, top, right - left, bottom - top), confidence=score)
        for (left, top, right, bottom), score, name in zip(
            *(values.tolist() if hasattr(values, "tolist") else values for values in detect(image)), strict=True
        )
    ]


class LookingAdapter(MemoryAdapter):
    inference = facet(LookingInference)


def open_looking() -> Adapter:
    """Open an account of its own."""
    adapter = LookingAdapter(MemorySettings(), hook_caller())
    adapter.state = State()
    return adapter
