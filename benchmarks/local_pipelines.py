"""Inference against the pipelines of transformers: the same weights, files and precision, and results that are equal.

Images have the size of the network's input and lose nothing in their files: the libraries decode and resize by others.

For instance segmentation of RF-DETR there is no pipeline but a processor, and the way of use that its documentation
shows; it needs torchvision (`local_masks`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import ViTImageProcessorPil
from transformers import pipeline as make
from transformers.models.deformable_detr.image_processing_pil_deformable_detr import DeformableDetrImageProcessorPil

from dragoman_local.engine.network import Network
from dragoman_local.engine.predict import BoxResult, ClassResult, Settings, predict

SCORES, PIXELS = 1e-3, 1.0
"""How far the results may differ: the pipeline cuts boxes down to whole pixels."""
WIDE = 5.0
"""Logarithm of how much wider RF-DETR's boxes are made."""
LEAST_EQUAL = 0.99
"""Share of a mask's pixels that are equal at least: we enlarge probabilities, the processor enlarges logits."""
LEAST_ALIKE = 0.9
"""Share of our boxes or masks that are among the library's at least."""

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


def segmentation(network: Network, paths: Sequence[Path], batch: int) -> Sides:
    """Return our prediction and the library's model and processor, to be called in turn; both give every candidate."""
    from transformers import RfDetrImageProcessor
    from transformers.image_utils import load_image

    model: Any = network.model
    processor = RfDetrImageProcessor(do_resize=False, do_pad=False, **_statistics(network))
    # We draw a mask within its box only, the library on the whole image: let the boxes be the whole image too.
    torch.nn.init.constant_(model.model.bbox_embed.layers[-1].bias[2:], WIDE)

    def segmented(chunk: Sequence[str]) -> list[Any]:
        images = list(map(load_image, chunk))
        with torch.inference_mode():
            outputs = model(**processor(images=images, return_tensors="pt"))
        found: list[Any] = processor.post_process_instance_segmentation(
            outputs,
            threshold=0.0,
            # Of the logits, so that it is half of a probability.
            mask_threshold=0.0,
            target_sizes=[(image.height, image.width) for image in images],
            return_binary_maps=True,
            top_k=outputs.logits[0].numel(),
        )
        return found

    def theirs(names: Sequence[str]) -> list[Any]:
        return [one for start in range(0, len(names), batch) for one in segmented(names[start : start + batch])]

    return _sides(network, paths, batch, theirs, _same_masks)


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
    """Whether our boxes are among theirs; near-equal scores may be in another order.

    The network's weights are drawn, and where two places of an image are as good to it as one another, rounding says
    which comes first, with which it makes other boxes of both. A batch rounds otherwise than the pipeline, which takes
    one image at a time; where we do, too, all boxes are equal.
    """
    scores = np.array([entry["score"] for entry in said])
    boxes = np.array([[entry["box"][side] for side in ("xmin", "ymin", "xmax", "ymax")] for entry in said])
    boxes = np.clip(boxes, 0, [found.width, found.height] * 2)
    features = np.array([int(entry["label"].removeprefix("LABEL_")) for entry in said])
    near = (
        (np.abs(found.boxes[:, None] - boxes[None]).max(2) <= PIXELS)
        & (np.abs(found.scores[:, None] - scores[None]) <= SCORES)
        & (found.classes[:, None] == features[None])
    )
    return len(found.boxes) <= len(boxes) and float(near.any(1).mean()) >= LEAST_ALIKE


def _same_masks(found: BoxResult, said: dict[str, Any]) -> bool:
    """Whether our objects are among theirs, as boxes are; masks are compared within our boxes, beyond which none are.

    Of an object without a single pixel the library says nothing.
    """
    assert found.masks is not None
    drawn = [
        (score, kind, patch)
        for score, kind, patch in zip(found.scores, found.classes, found.masks, strict=True)
        if patch.pixels.any()
    ]
    there = [_is_among(said, *one) for one in drawn]
    return sum(there) >= LEAST_ALIKE * len(there)


def _is_among(said: dict[str, Any], score: float, kind: int, patch: Any) -> bool:
    """Whether a mask is one of theirs."""
    rows, columns = patch.pixels.shape
    place = np.s_[patch.top : patch.top + rows, patch.left : patch.left + columns]
    maps = said["segmentation"].numpy()
    near = [
        maps[number][place]
        for number, segment in enumerate(said["segments_info"])
        if segment["label_id"] == kind and abs(segment["score"] - score) <= SCORES
    ]
    return any(float((mask == patch.pixels).mean()) >= LEAST_EQUAL for mask in near)
