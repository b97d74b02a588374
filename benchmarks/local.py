"""The local backend against what one would use otherwise: bare loops, transformers' pipelines, torch's import.

Each pair takes turns in one process, on the same network, images and settings, and is timed in CPU seconds of the one
thread that both use, so that a neighbour on the machine does not count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.optim import AdamW

import dragoman
from benchmarks import local_pipelines
from benchmarks.measure import report
from dragoman import Box, Dataset, Item, Label, Model, Whole
from dragoman_local.engine.architectures import build, resolved
from dragoman_local.engine.batches import training_batches
from dragoman_local.engine.config import TrainConfig
from dragoman_local.engine.device import autocast
from dragoman_local.engine.fitting import FittedSamples
from dragoman_local.engine.images import letterbox, read_image
from dragoman_local.engine.measure import on_device
from dragoman_local.engine.network import Network
from dragoman_local.engine.predict import Settings, predict
from dragoman_local.engine.targets import BoxTarget, Sample, ShapeTarget
from dragoman_local.engine.train import train

ROUNDS, STEPS, BATCH, SIDE = 16, 10, 16, 96
CPU = torch.device("cpu")
PIPELINES = {
    "classification": ("resnet", local_pipelines.classification),
    "detection": ("rf-detr", local_pipelines.detection),
}
"""Which of our architectures are the library's own, and its pipeline for them."""
TORCHVISION = "torchvision==0.28.0"
TASKS = ("classification", "detection", "segmentation")


def run() -> None:
    """Print the ratios: ours to the bare loop's, so that less than one is faster."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for task in TASKS:
            samples = _samples(Path(folder), task)
            _training(task, samples)
            _inference(task, samples)
        _start_up(Path(folder))


def _samples(folder: Path, task: str) -> list[Sample]:
    """Return noisy pictures, twice as large as the network's input, with two rectangles each."""
    random = np.random.default_rng(0)
    samples = []
    for number in range(64):
        pixels = random.integers(0, 80, (2 * SIDE, 2 * SIDE, 3)).astype(np.uint8)
        corners = random.integers(0, SIDE, (2, 2))
        boxes = np.column_stack([corners, corners + random.integers(20, SIDE, (2, 2))]).astype(np.float64)
        for x1, y1, x2, y2 in boxes.astype(int):
            pixels[y1:y2, x1:x2] += 120
        path = folder / f"{number}.jpg"
        cv2.imwrite(str(path), pixels)
        samples.append(Sample(path, _target(task, boxes, number)))
    return samples


def _target(task: str, boxes: np.ndarray, number: int) -> int | BoxTarget | ShapeTarget:
    classes = np.array([0, 1])
    if task == "classification":
        return number % 2
    if task == "detection":
        return BoxTarget(boxes, classes)
    outlines = [dragoman.Polygon.of([(a, b), (c, b), (c, d), (a, d)]) for a, b, c, d in boxes.tolist()]
    return ShapeTarget(tuple(outlines), classes)


def _training(task: str, samples: list[Sample]) -> None:
    config = resolved(
        TrainConfig(task=task, features=("a", "b"), image_size=(SIDE, SIDE), steps=STEPS, batch_size=BATCH)
    )

    def bare() -> None:
        """What a user would write over the same network and loader."""
        network = new_network(task).train()
        optimizer = AdamW(network.parameters(), lr=1e-3, fused=True)
        fitted = FittedSamples(samples, (SIDE, SIDE), 1024)
        for batch in training_batches(fitted, BATCH, range(STEPS), 0, config.augmentation):
            images, targets = on_device(CPU, batch)
            with autocast(CPU, config.precision):
                losses = network.loss(images, targets)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(torch.stack(list(losses.values())).sum())
            torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
            optimizer.step()

    def ours() -> None:
        train(config, samples, on_progress=lambda progress: None, should_stop=lambda: False)

    times = take_turns(ours, bare)
    report(
        f"training, {task}: CPU time per image / bare loop", *_per_image(times, STEPS * BATCH), limit=1.05, unit="ms"
    )


def _inference(task: str, samples: list[Sample]) -> None:
    network = new_network(task).eval()
    paths = [sample.image for sample in samples]

    def bare() -> None:
        """Decode, fit, normalise and pass through the network, batch by batch, with nothing made of the outputs."""
        for chunk in _chunks(paths):
            images = np.stack([letterbox(read_image(path), (SIDE, SIDE))[0] for path in chunk])
            with torch.inference_mode(), autocast(CPU, "auto"):
                network.dense(torch.from_numpy(images).permute(0, 3, 1, 2))

    def ours() -> None:
        for _ in predict(network, paths, Settings(batch_size=BATCH)):
            pass

    times = take_turns(ours, bare)
    what = f"inference, {task}: CPU time per image / bare forward pass"
    report(what, *_per_image(times, len(paths)), limit=1.15, unit="ms")
    _against_the_library(task, list(map(_fitted, paths)))


def _against_the_library(task: str, paths: list[Path]) -> None:
    if task in PIPELINES:
        architecture, sides = PIPELINES[task]
        times = take_turns(*sides(new_network(task, architecture).eval(), paths, BATCH))
        peer = "transformers' pipeline"
    else:
        times = _of_a_process_with_torchvision([sys.executable, "-m", "benchmarks.local_masks", *map(str, paths)])
        peer = "transformers' model and processor"
    what = f"inference, {task}: CPU time per image / {peer}"
    report(what, *_per_image(times, len(paths)), limit=1.0, unit="ms")


def _of_a_process_with_torchvision(command: list[str]) -> tuple[float, float]:
    """Run a command that finds torchvision, and return the two times that it prints.

    It lies in a folder of its own, without torch: its wheels depend on the CUDA build of torch, which is not ours, and
    in the environment of all it would be a torchvision that does not load.
    """
    folder = Path(__file__).parents[1] / ".venv-peers" / "torchvision"
    if not folder.exists():
        install = ["install", "--quiet", "--no-deps", "--target", str(folder), TORCHVISION]
        subprocess.run([sys.executable, "-m", "pip", *install], check=True)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    ours, theirs = json.loads(said)
    return ours, theirs


def _fitted(path: Path) -> Path:
    """Write an image again, in the size of the network's input and without loss."""
    image = cv2.imread(str(path))
    assert image is not None
    cv2.imwrite(str(path.with_suffix(".png")), cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    return path.with_suffix(".png")


def _start_up(folder: Path) -> None:
    """From the submission of a job to its first step, less what torch's own import takes: wall-clock seconds.

    The networks are the engine's own; one from transformers takes what the import of transformers takes besides.
    """
    alone = _seconds(lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True))
    for task, geometry in (("classification", Whole()), ("object_detection", Box(1, 1, 50, 50))):
        with dragoman.connect("local", root=folder / task) as backend:
            dataset = backend.datasets.create("d")
            items = [Item(str(n), uri=str(folder / f"{n}.jpg")) for n in range(2)]
            backend.datasets.write_items(items, dataset=dataset)
            backend.labels.write([Label(str(n), "xy"[n], geometry) for n in range(2)], dataset=dataset)
            model = backend.models.create("m", task=task, features=["x", "y"])
            taken = _seconds(partial(_one_step, backend, dataset, model))
        what = f"a job of one step of {task}, less torch's import / two seconds"
        report(what, taken - alone, 2.0, limit=1.0, unit="s")


def _one_step(backend: Any, dataset: Dataset, model: Model) -> None:
    parameters = {"steps": 1, "batch_size": 2, "image_size": 32}
    backend.training.poll_seconds = 0.01
    backend.training.wait(backend.training.submit(model, dataset=dataset, parameters=parameters))


def new_network(task: str, architecture: str = "compact") -> Network:
    torch.manual_seed(0)
    made: Any = build
    network: Network = made(task, architecture, 2, (SIDE, SIDE), {})
    return network.placed(torch.device("cpu"))


def _chunks(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for start in range(0, len(paths), BATCH):
        yield paths[start : start + BATCH]


def take_turns(ours: Callable[[], object], peer: Callable[[], object]) -> tuple[float, float]:
    """Return the least CPU seconds of both, after one uncounted round; each goes first in every second round.

    The least, since what neighbours cost (caches, a core that is shared) only ever adds.
    """
    times: tuple[list[float], list[float]] = ([], [])
    sides = [(ours, times[0]), (peer, times[1])]
    for turn in range(ROUNDS + 1):
        for call, taken in sides if turn % 2 else reversed(sides):
            start = time.process_time()
            call()
            if turn:
                taken.append(time.process_time() - start)
    return min(times[0]), min(times[1])


def _per_image(times: tuple[float, float], images: int) -> tuple[float, float]:
    ours, peer = (1000 * seconds / images for seconds in times)
    return ours, peer


def _seconds(call: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        start = time.monotonic()
        call()
        taken.append(time.monotonic() - start)
    return min(taken)


if __name__ == "__main__":
    run()
