"""From samples to batches: fitted images from a bounded memory cache, random order, augmentation.

What a batch holds follows from the seed and the batch's number alone, so that a resumed training sees
the same batches as one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dragoman.errors import InvalidData
from dragoman_local.engine.augment import augmented
from dragoman_local.engine.config import Augmentation, BoxTarget, Sample
from dragoman_local.engine.images import Pixels, letterbox, read_image
from dragoman_local.engine.network import BoxTensors, Targets


@dataclass(frozen=True)
class Batch:
    """uint8 images `[n, 3, h, w]` and their targets, on the CPU; `step` counts from zero."""

    step: int
    images: Tensor
    targets: Targets


class FittedSamples:
    """Samples whose images are fitted to the network's size; as many stay in memory as `cache_mb` holds."""

    def __init__(self, samples: Sequence[Sample], image_size: tuple[int, int], cache_mb: int) -> None:
        self._samples = samples
        self._image_size = image_size
        self._cache: dict[int, tuple[Pixels, int | BoxTarget]] = {}
        self._room = cache_mb * 2**20 // (image_size[0] * image_size[1] * 3)

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, row: int) -> tuple[Pixels, int | BoxTarget]:
        """Return the image `[h, w, 3]` and its target in network pixels."""
        fitted = self._cache.get(row)
        if fitted is None:
            fitted = self._fitted(row)
            if len(self._cache) < self._room:
                self._cache[row] = fitted
        return fitted

    def _fitted(self, row: int) -> tuple[Pixels, int | BoxTarget]:
        sample = self._samples[row]
        pixels, place = letterbox(read_image(sample.image), self._image_size)
        if not isinstance(sample.target, BoxTarget):
            return pixels, sample.target
        image = np.array([place.width, place.height] * 2, dtype=np.float64)
        boxes = np.clip(np.asarray(sample.target.boxes, dtype=np.float64), 0.0, image)
        if (boxes[:, 2:] <= boxes[:, :2]).any():
            raise InvalidData(
                f"A box lies outside its image {sample.image} of {place.width} x {place.height} pixels.",
                hint="Boxes are absolute pixels of the image as it is shown, after its EXIF orientation.",
                row=row,
                field="target.boxes",
            )
        return pixels, BoxTarget(place.to_network(boxes), sample.target.classes)


def training_batches(
    samples: FittedSamples, batch_size: int, steps: range, seed: int, switches: Augmentation
) -> Iterator[Batch]:
    """Yield the batches of `steps`, all full: one may hold the end of an epoch and the start of the next.

    Each epoch takes every sample once, in its own order.
    """
    for step in steps:
        rng = np.random.default_rng([seed, 1, step])
        rows = _rows(np.arange(step * batch_size, (step + 1) * batch_size), len(samples), seed)
        yield _batch(step, [augmented(*samples[row], switches, rng) for row in rows])


def _rows(places: NDArray[np.int64], count: int, seed: int) -> list[int]:
    """The samples at these places of the endless sequence of shuffled epochs."""
    orders = {
        int(epoch): np.random.default_rng([seed, 0, int(epoch)]).permutation(count)
        for epoch in np.unique(places // count)
    }
    return [int(orders[int(place) // count][int(place) % count]) for place in places]


def plain_batches(samples: FittedSamples, batch_size: int) -> Iterator[Batch]:
    """Yield all samples once, in order and unchanged."""
    for step, start in enumerate(range(0, len(samples), batch_size)):
        rows = range(start, min(start + batch_size, len(samples)))
        yield _batch(step, [samples[row] for row in rows])


def one_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the same batches while a thread already prepares the next one and pins its memory."""
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as pool:
        coming = pool.submit(_next_pinned, batches)
        while (batch := coming.result()) is not None:
            coming = pool.submit(_next_pinned, batches)
            yield batch


def images_tensor(images: Sequence[Pixels]) -> Tensor:
    """Return images `[h, w, 3]` as one uint8 tensor `[n, 3, h, w]` (channels last in memory)."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def _next_pinned(batches: Iterator[Batch]) -> Batch | None:
    batch = next(batches, None)
    if batch is None or not torch.cuda.is_available():
        return batch
    return Batch(batch.step, batch.images.pin_memory(), batch.targets)


def _batch(step: int, rows: Sequence[tuple[Pixels, int | BoxTarget]]) -> Batch:
    targets = [target for _, target in rows]
    return Batch(step, images_tensor([pixels for pixels, _ in rows]), _target_tensors(targets))


def _target_tensors(targets: Sequence[int | BoxTarget]) -> Targets:
    boxes = [target for target in targets if isinstance(target, BoxTarget)]
    if not boxes:
        return torch.tensor([target for target in targets if not isinstance(target, BoxTarget)])
    return [BoxTensors(torch.from_numpy(one.boxes).float(), torch.from_numpy(one.classes)) for one in boxes]
