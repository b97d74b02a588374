"""From fitted samples to batches: random order, augmentation, tensors, prepared ahead by threads where that pays.

What a batch holds follows from the seed and the batch's number alone, so that a resumed training sees the same batches
as one that was never interrupted. Of several processes each gets its share of every batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dragoman_local.engine.augment import augmented
from dragoman_local.engine.config import Augmentation
from dragoman_local.engine.fitting import Fitted, FittedSamples
from dragoman_local.engine.images import Pixels
from dragoman_local.engine.network import MASK_STRIDE, BoxTensors, Targets
from dragoman_local.engine.targets import BoxTarget

T = TypeVar("T")


@dataclass(frozen=True)
class Batch:
    """uint8 images `[n, 3, h, w]` and their targets, on the CPU; `step` counts from zero."""

    step: int
    images: Tensor
    targets: Targets

    def parts(self, count: int) -> list[Batch]:
        """Cut the batch into so many parts of nearly equal size; empty ones are left out."""
        if count == 1:
            return [self]
        bounds = np.linspace(0, len(self.images), count + 1).round().astype(int).tolist()
        ends = pairwise(bounds)
        return [Batch(self.step, self.images[a:b], self.targets[a:b]) for a, b in ends if a < b]


@dataclass(frozen=True)
class Share:
    """Which share of each batch a process takes: number `rank` of `count`."""

    rank: int = 0
    count: int = 1

    def of(self, rows: list[int]) -> list[int]:
        """Return this share of a batch's rows."""
        return rows[self.rank :: self.count]


WHOLE = Share()


def training_batches(
    samples: FittedSamples,
    batch_size: int,
    steps: range,
    seed: int,
    switches: Augmentation,
    *,
    share: Share = WHOLE,
    loaders: int = 0,
) -> Iterator[Batch]:
    """Yield the batches of `steps`, all full: one may hold the end of an epoch and the start of the next.

    Each epoch takes every sample once, in its own order.

    Args:
        samples: What to draw from.
        batch_size: Images per batch, all shares together.
        steps: Numbers of the batches.
        seed: Where the random numbers begin.
        switches: Which random changes to make.
        share: Which of the rows to take.
        loaders: Threads that prepare batches ahead; without any they are prepared when they are asked for.
    """

    def made(step: int) -> Batch:
        rng = np.random.default_rng([seed, 1, step, share.rank] if share.rank else [seed, 1, step])
        rows = share.of(_rows(np.arange(step * batch_size, (step + 1) * batch_size), len(samples), seed))
        return _batch(step, [augmented(*samples[row], switches, rng) for row in rows])

    return ahead(made, steps, loaders)


def plain_batches(
    samples: FittedSamples, batch_size: int, *, share: Share = WHOLE, loaders: int = 0
) -> Iterator[Batch]:
    """Yield all samples of a share once, in order and unchanged."""
    mine = share.of(list(range(len(samples))))

    def made(step: int) -> Batch:
        return _batch(step, [samples[row] for row in mine[step * batch_size : (step + 1) * batch_size]])

    return ahead(made, range(-(-len(mine) // batch_size)), loaders)


def ahead(made: Callable[[int], Batch], steps: Iterable[int], loaders: int) -> Iterator[Batch]:
    """Yield `made(step)` for each step, in order; so many threads prepare those to come and pin their memory."""
    if not loaders:
        yield from map(made, steps)
        return
    numbers = iter(steps)
    with ThreadPoolExecutor(loaders, thread_name_prefix="loader") as pool:
        coming: deque[Future[Batch]] = deque(pool.submit(_pinned, made, step) for step in islice(numbers, 2 * loaders))
        try:
            while coming:
                batch = coming.popleft().result()
                coming.extend(pool.submit(_pinned, made, step) for step in islice(numbers, 1))
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)


def images_tensor(images: Sequence[Pixels]) -> Tensor:
    """Return images `[h, w, 3]` as one uint8 tensor `[n, 3, h, w]` (channels last in memory)."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


def _rows(places: NDArray[np.int64], count: int, seed: int) -> list[int]:
    """The samples at these places of the endless sequence of shuffled epochs."""
    orders = {
        int(epoch): np.random.default_rng([seed, 0, int(epoch)]).permutation(count)
        for epoch in np.unique(places // count)
    }
    return [int(orders[int(place) // count][int(place) % count]) for place in places]


def _pinned(made: Callable[[int], Batch], step: int) -> Batch:
    batch = made(step)
    # Pinned memory is what an accelerator can copy from while the processor goes on.
    return Batch(batch.step, batch.images.pin_memory(), batch.targets) if torch.cuda.is_available() else batch


def _batch(step: int, rows: Sequence[Fitted]) -> Batch:
    return Batch(step, images_tensor([pixels for pixels, _ in rows]), _target_tensors([target for _, target in rows]))


def _target_tensors(targets: Sequence[int | BoxTarget]) -> Targets:
    boxes = [target for target in targets if isinstance(target, BoxTarget)]
    if not boxes:
        return torch.tensor([target for target in targets if not isinstance(target, BoxTarget)])
    return [_box_tensors(one) for one in boxes]


def _box_tensors(target: BoxTarget) -> BoxTensors:
    boxes, classes = torch.from_numpy(target.boxes).float(), torch.from_numpy(target.classes)
    if target.masks is None:
        return BoxTensors(boxes, classes)
    height, width = (-(-side // MASK_STRIDE) for side in target.masks.shape[1:])
    # The mean of the pixels of a cell is how much of it the object covers.
    small = [cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) for mask in target.masks]
    masks = np.stack(small) if small else np.zeros((0, height, width), dtype=np.uint8)
    return BoxTensors(boxes, classes, torch.from_numpy(masks).float() / 255)
