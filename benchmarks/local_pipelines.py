"""Inference against the pipelines of transformers: the same weights, files and precision, and results that are equal.

Images have the size of the network's input and lose nothing in their files: the libraries decode and resize by others.

There is none for instance segmentation: transformers' processor of RF-DETR needs torchvision, whose wheels need CUDA.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import ViTImageProcessorPil
from transformers import pipeline as make
from transformers.models.deformable_detr.image_processing_pil_deformable_detr import DeformableDetrImageProcessorPil

from dragoman_local.engine.network import Network
from dragoman_local.engine.predict import BoxResult, ClassResult, Settings, predict

SCORES, PIXELS = 1e-3, 1.0
"""How far the results may differ: the pipeline cuts boxes down to whole pixels."""

Sides = tuple[Callable[[], list[Any]], Callable[[], list[Any]]]


def classification(network: Network, paths: Sequence[Path], batch: int) -> Sides:
    """Return our prediction and `image-classification`, to be called in turn."""
    processor = ViTImageProcessorPil(do_resize=False, **_statistics(network))
    theirs = _pipeline("image-classification", network, processor, batch_size=batch)
    return _sides(network, paths, batch, theirs, _same_classes)


def detection(network: Network, paths: Sequence[Path], batch: int) -> Sides:
    """Return our prediction and `object-detection`, to be called in turn; both give every candidate.

    The processor is that of Deformable DETR, whose candidates are chosen like RF-DETR's. The pipeline takes one image
    at a time, as by default: it cannot cut a batch of RF-DETR's outputs into images.
    """
    processor = DeformableDetrImageProcessorPil(do_resize=False, do_pad=False, **_statistics(network))
    theirs = _pipeline("object-detection", network, processor, threshold=0.0)
    return _sides(network, paths, batch, theirs, _same_boxes)


def _pipeline(task: str, network: Network, processor: Any, **options: Any) -> Any:
    made: Any = make
    return made(task, model=network.model, image_processor=processor, device="cpu", **options)


def _sides(network: Network, paths: Sequence[Path], batch: int, theirs: Any, same: Callable[[Any, Any], bool]) -> Sides:
    settings = Settings(batch_size=batch, confidence=0.0, iou=1.0, precision="fp32")
    names = list(map(str, paths))

    def ours() -> list[Any]:
        return list(predict(network, paths, settings))

    def peer() -> list[Any]:
        return list(theirs(names))

    for found, said in zip(ours(), peer(), strict=True):
        assert same(found, said), (found, said)
    return ours, peer


def _statistics(network: Network) -> dict[str, list[float]]:
    return {
        "image_mean": (network._mean.flatten() / 255).tolist(),
        "image_std": (network._std.flatten() / 255).tolist(),
    }


def _same_classes(found: ClassResult, said: list[dict[str, Any]]) -> bool:
    by_name = {entry["label"]: entry["score"] for entry in said}
    scores = [by_name[f"LABEL_{index}"] for index in range(len(found.probabilities))]
    return np.allclose(found.probabilities, scores, atol=SCORES)


def _same_boxes(found: BoxResult, said: list[dict[str, Any]]) -> bool:
    """Whether each of our boxes is among theirs; near-equal scores may be in another order."""
    scores = np.array([entry["score"] for entry in said])
    boxes = np.array([[entry["box"][side] for side in ("xmin", "ymin", "xmax", "ymax")] for entry in said])
    boxes = np.clip(boxes, 0, [found.width, found.height] * 2)
    features = np.array([int(entry["label"].removeprefix("LABEL_")) for entry in said])
    near = (
        (np.abs(found.boxes[:, None] - boxes[None]).max(2) <= PIXELS)
        & (np.abs(found.scores[:, None] - scores[None]) <= SCORES)
        & (found.classes[:, None] == features[None])
    )
    return len(found.boxes) <= len(boxes) and bool(near.any(1).all())
