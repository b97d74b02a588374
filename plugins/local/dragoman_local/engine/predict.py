"""Prediction: images in, one result per image out, streamed in batches.

Boxes and masks are in pixels of the original image. What a result becomes on the platform is not decided here. Images
are decoded a batch ahead of the network, in threads, where there is an accelerator to keep busy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dragoman.errors import InvalidData, NotFound
from dragoman.geometry import suppress_boxes
from dragoman_local.engine.batches import images_tensor
from dragoman_local.engine.config import Precision
from dragoman_local.engine.device import autocast, cpu_threads, default_loaders
from dragoman_local.engine.images import Pixels, Placement, Source, letterbox, read_image
from dragoman_local.engine.masks import Patch, patches
from dragoman_local.engine.network import Network, RawDetections


@dataclass(frozen=True, eq=False)
class BoxResult:
    """The objects of one image, best first.

    `boxes` xyxy `[n, 4]` in absolute pixels, clipped to the image of `width` x `height`; `scores` `[n]`; `classes`
    `[n]`; `class_scores` `[n, features]`: independent scores of all classes, whose sum need not be one; `masks`, from
    a network that makes them, has one for each box.
    """

    width: int
    height: int
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    class_scores: NDArray[np.float64]
    masks: tuple[Patch, ...] | None = None


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
_Read = tuple[Pixels, Placement] | FailedImage


@dataclass(frozen=True)
class Settings:
    """How to predict.

    Args:
        batch_size: Images per pass through the network.
        confidence: Leave out boxes with a lower score. Has no effect on classification.
        iou: Of two boxes of one class that overlap more than this, the worse is left out.
        precision: As in `TrainConfig`.
        threads: CPU threads of torch.
        loaders: Threads that decode images ahead; as in `TrainConfig`.
    """

    batch_size: int = 32
    confidence: float = 0.25
    iou: float = 0.6
    precision: Precision = "auto"
    threads: int = 1
    loaders: int | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InvalidData(f"batch_size must be at least 1, not {self.batch_size}.", field="batch_size")
        for name, value in (("confidence", self.confidence), ("iou", self.iou)):
            if not 0 <= value <= 1:
                raise InvalidData(f"{name} must lie in 0..1, not {value}.", field=name)


DEFAULTS = Settings()


def predict(network: Network, images: Iterable[Source], settings: Settings = DEFAULTS) -> Iterator[Result]:
    """Yield one result per image, in order; two batches of images at most are in memory.

    Args:
        network: A network, on the device to use; it is put into evaluation mode.
        images: Paths, bytes of image files, or decoded RGB pixels `[h, w, 3]`.
        settings: How to predict.
    """
    network.eval()
    device = next(network.parameters()).device
    for read in _batches(network, images, settings, default_loaders(settings.loaders, device)):
        good = [one for one in read if not isinstance(one, FailedImage)]
        results = iter(_passed(network, good, device, settings)) if good else iter(())
        for one in read:
            yield one if isinstance(one, FailedImage) else next(results)


def suppressed(raw: RawDetections, confidence: float, iou: float) -> NDArray[np.int64]:
    """Return which candidates stay after suppression within each class, best first."""
    scores = raw.scores.cpu().numpy()
    sure = np.flatnonzero(scores >= confidence)
    corners = raw.boxes.double().cpu().numpy()[sure]
    sized = np.concatenate([corners[:, :2], np.maximum(corners[:, 2:] - corners[:, :2], 0)], axis=1)
    return sure[suppress_boxes(sized, scores[sure], iou=iou, classes=raw.classes.cpu().numpy()[sure])]


def _batches(network: Network, images: Iterable[Source], settings: Settings, loaders: int) -> Iterator[list[_Read]]:
    """Read images batch by batch; with loaders the next batch is read while this one is used."""
    sources = iter(images)

    def read(source: Source) -> _Read:
        return _read(source, network.image_size)

    if not loaders:
        while chunk := list(islice(sources, settings.batch_size)):
            yield list(map(read, chunk))
        return
    with ThreadPoolExecutor(loaders, thread_name_prefix="loader") as pool:
        coming: deque[list[Future[_Read]]] = deque()
        while True:
            while len(coming) < 2 and (chunk := list(islice(sources, settings.batch_size))):
                coming.append([pool.submit(read, source) for source in chunk])
            if not coming:
                return
            yield [one.result() for one in coming.popleft()]


def _read(source: Source, image_size: tuple[int, int]) -> _Read:
    try:
        return letterbox(read_image(source), image_size)
    except (InvalidData, NotFound) as error:
        return FailedImage(error)


def _passed(
    network: Network, read: list[tuple[Pixels, Placement]], device: torch.device, settings: Settings
) -> list[Result]:
    images, places = images_tensor([pixels for pixels, _ in read]), [place for _, place in read]
    if device.type == "cuda":
        images = images.pin_memory()
    with cpu_threads(settings.threads), torch.inference_mode():
        with autocast(device, settings.precision):
            raw = network.predict(images.to(device, non_blocking=True))
        if isinstance(raw, Tensor):
            rows = raw.double().cpu().numpy()
            return [ClassResult(p.width, p.height, row / row.sum()) for row, p in zip(rows, places, strict=True)]
        return [_box_result(one, p, network.image_size, settings) for one, p in zip(raw, places, strict=True)]


def _box_result(raw: RawDetections, place: Placement, image_size: tuple[int, int], settings: Settings) -> BoxResult:
    kept = suppressed(raw, settings.confidence, settings.iou)
    boxes = place.to_image(raw.boxes.double().cpu().numpy()[kept])
    # Grey borders are part of the network's input; a box that lies wholly in them is in no image.
    kept, boxes = kept[seen := (boxes[:, 2:] > boxes[:, :2]).all(1)], boxes[seen]
    masks = None
    if raw.masks is not None:
        made = raw.masks(torch.from_numpy(kept).to(raw.scores.device)).float().cpu().numpy()
        masks = patches(made, boxes, place, image_size)
    return BoxResult(
        place.width,
        place.height,
        boxes,
        raw.scores.double().cpu().numpy()[kept],
        raw.classes.cpu().numpy()[kept],
        raw.class_scores.double().cpu().numpy()[kept],
        masks,
    )
