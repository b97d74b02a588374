"""Prediction: images in, one result per image out, streamed in batches.

Boxes are absolute pixels of the original image. What a result becomes on the platform is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dragoman.errors import InvalidData, NotFound
from dragoman_local.engine.batches import images_tensor
from dragoman_local.engine.config import Precision
from dragoman_local.engine.device import autocast, cpu_threads
from dragoman_local.engine.images import Pixels, Placement, Source, letterbox, read_image
from dragoman_local.engine.network import Network, RawDetections


@dataclass(frozen=True, eq=False)
class BoxResult:
    """The objects of one image, best first.

    `boxes` xyxy `[n, 4]` in absolute pixels, clipped to the image of `width` x `height`; `scores` `[n]`; `classes`
    `[n]`; `class_scores` `[n, features]`: independent scores of all classes, whose sum need not be one.
    """

    width: int
    height: int
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    class_scores: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ClassResult:
    """The probability of every feature `[features]`, summing to one, for one image of `width` x `height`."""

    width: int
    height: int
    probabilities: NDArray[np.float64]


@dataclass(frozen=True)
class FailedImage:
    """An image that could not be read; the caller decides whether that ends its work."""

    error: InvalidData | NotFound


Result = BoxResult | ClassResult | FailedImage


def predict(
    network: Network,
    images: Iterable[Source],
    *,
    batch_size: int = 32,
    confidence: float = 0.25,
    iou: float = 0.6,
    precision: Precision = "auto",
    threads: int = 1,
) -> Iterator[Result]:
    """Yield one result per image, in order; at most `batch_size` images are in memory.

    Args:
        network: A network in evaluation mode, on the device to use.
        images: Paths, bytes of image files, or decoded RGB pixels `[h, w, 3]`.
        batch_size: Images per pass through the network.
        confidence: Leave out boxes with a lower score. Has no effect on classification.
        iou: Of two boxes of one class that overlap more than this, the worse is left out.
        precision: As in `TrainConfig`.
        threads: CPU threads of torch.

    Raises:
        InvalidData: `confidence` or `iou` lies outside 0..1, or `batch_size` is below one.
    """
    _check_settings(batch_size, confidence, iou)
    network.eval()
    return _stream(network, images, batch_size, confidence, iou, precision, threads)


def suppressed(raw: RawDetections, confidence: float, iou: float) -> NDArray[np.int64]:
    """Return which candidates stay after suppression within each class, best first."""
    corners = raw.boxes.cpu().numpy().astype(np.float64)
    # OpenCV moves each class apart by the largest coordinate, which keeps classes apart only from zero on.
    corners -= corners.min(initial=0.0)
    sized = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(sized.tolist(), raw.scores.tolist(), raw.classes.tolist(), confidence, iou)
    return np.asarray(kept, dtype=np.int64).reshape(-1)


def _check_settings(batch_size: int, confidence: float, iou: float) -> None:
    if batch_size < 1:
        raise InvalidData(f"batch_size must be at least 1, not {batch_size}.", field="batch_size")
    for name, value in (("confidence", confidence), ("iou", iou)):
        if not 0 <= value <= 1:
            raise InvalidData(f"{name} must lie in 0..1, not {value}.", field=name)


def _stream(
    network: Network,
    images: Iterable[Source],
    batch_size: int,
    confidence: float,
    iou: float,
    precision: Precision,
    threads: int,
) -> Iterator[Result]:
    device = next(network.parameters()).device
    sources = iter(images)
    while chunk := list(islice(sources, batch_size)):
        read = [_read(source, network.image_size) for source in chunk]
        good = [one for one in read if not isinstance(one, FailedImage)]
        results: Iterator[Result] = iter(())
        if good:
            with cpu_threads(threads), torch.inference_mode(), autocast(device, precision):
                raw = network.predict(images_tensor([pixels for pixels, _ in good]).to(device))
            results = _results(raw, [place for _, place in good], confidence, iou)
        for one in read:
            yield one if isinstance(one, FailedImage) else next(results)


def _read(source: Source, image_size: tuple[int, int]) -> tuple[Pixels, Placement] | FailedImage:
    try:
        return letterbox(read_image(source), image_size)
    except (InvalidData, NotFound) as error:
        return FailedImage(error)


def _results(
    raw: Tensor | list[RawDetections], places: list[Placement], confidence: float, iou: float
) -> Iterator[Result]:
    if isinstance(raw, Tensor):
        for row, place in zip(raw.double().cpu().numpy(), places, strict=True):
            yield ClassResult(place.width, place.height, row / row.sum())
        return
    for one, place in zip(raw, places, strict=True):
        kept = suppressed(one, confidence, iou)
        boxes = place.to_image(one.boxes.double().cpu().numpy()[kept])
        # Grey borders are part of the network's input; a box that lies wholly in them is in no image.
        kept, boxes = kept[seen := (boxes[:, 2:] > boxes[:, :2]).all(1)], boxes[seen]
        yield BoxResult(
            place.width,
            place.height,
            boxes,
            one.scores.double().cpu().numpy()[kept],
            one.classes.cpu().numpy()[kept],
            one.class_scores.double().cpu().numpy()[kept],
        )
