"""A local backend in an empty folder, small image files, and two models that are really trained, once per run."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import dragoman
from dragoman import Box, Dataset, Item, Label, Mask, Model, Polygon, Status, Training, Version, Whole
from dragoman.adapter import Adapter
from dragoman.geometry import mask_of_polygon

SIDE = 64
SHAPES = ("square", "stripe")


def pytest_configure(config: pytest.Config) -> None:
    """Add the marker of tests against the real Ray."""
    config.addinivalue_line("markers", "ray: needs Ray, which is heavy; `make test-ray` runs these")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests against the real Ray out of a run that does not ask for them."""
    real = [item for item in items if item.get_closest_marker("ray")]
    if real and "ray" not in config.option.markexpr.split():
        config.hook.pytest_deselected(items=real)
        items[:] = [item for item in items if item not in real]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Adapter]:
    with dragoman.connect("local", root=tmp_path / "home") as backend:
        yield backend


@pytest.fixture
def image(tmp_path: Path) -> Callable[..., Path]:
    """Write a grey image file and return its path."""

    def write(name: str = "image.png", *, width: int = 32, height: int = 24) -> Path:
        path = tmp_path / name
        Image.new("RGB", (width, height), (90, 90, 90)).save(path)
        return path

    return write


@pytest.fixture
def dataset(local: Adapter, image: Callable[..., Path]) -> Dataset:
    """A dataset of three items: `a`, `b`, `c`."""
    made = local.datasets.create("pictures")
    local.datasets.write_items(
        [Item(key, uri=str(image(f"{key}.png"))) for key in "abc"], dataset=made
    ).raise_for_problems()
    return made


@pytest.fixture
def boxes(local: Adapter, dataset: Dataset) -> Dataset:
    """That dataset with a labelled box on each item: squares on `a` and `b`, a stripe on `c`."""
    rows = [Label(key, "stripe" if key == "c" else "square", Box(4, 4, 12, 12)) for key in "abc"]
    local.labels.write(rows, dataset=dataset).raise_for_problems()
    return dataset


@pytest.fixture
def detector(local: Adapter) -> Model:
    return local.models.create("detector", task="object_detection", features=SHAPES)


@pytest.fixture
def small_disk() -> Iterator[Callable[[int], None]]:
    """Let no file grow beyond so many bytes, as if the disk were full then; root is bound by it too."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@dataclass(frozen=True)
class Trained:
    """A backend with a dataset, a model, the job that trained it, and the version that came of it."""

    backend: Adapter
    dataset: Dataset
    model: Model
    training: Training
    version: Version
    reports: list[Training]

    def items(self, split: str) -> list[Item]:
        return [item for item in self.backend.datasets.read_items(self.dataset) if item.split == split]


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """A classifier of bright and dark images: `dark` is called `night` in the labels."""
    folder = tmp_path_factory.mktemp("classifier")
    random = np.random.default_rng(0)
    items, labels = [], []
    for number in range(60):
        bright = number % 2
        pixels = random.integers(150, 256, (16, 16, 3)) if bright else random.integers(0, 100, (16, 16, 3))
        items.append(_item(folder, number, pixels, "validation" if number >= 48 else None))
        labels.append(Label(items[-1].key, "bright" if bright else "night", Whole()))
    with dragoman.connect("local", root=folder / "home") as backend:
        model = backend.models.create("light", task="classification", features=["dark", "bright"])
        parameters = {"steps": 20, "batch_size": 8, "image_size": 32, "seed": 1}
        yield _trained(backend, model, items, labels, {"night": "dark"}, parameters)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """A detector of squares and flat stripes on noise."""
    folder = tmp_path_factory.mktemp("shapes")
    items, labels = _shapes(folder)
    with dragoman.connect("local", root=folder / "home") as backend:
        model = backend.models.create("shapes", task="object_detection", features=SHAPES)
        yield _trained(backend, model, items, labels, {}, {"steps": 60, "batch_size": 8, "image_size": SIDE})


@pytest.fixture(scope="session")
def outlines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """A segmenter of the same squares and stripes: squares are labelled with polygons, stripes with masks."""
    folder = tmp_path_factory.mktemp("outlines")
    items, boxes = _shapes(folder)
    labels = [Label(label.item, label.feature, _outline(label)) for label in boxes]
    with dragoman.connect("local", root=folder / "home") as backend:
        model = backend.models.create("outlines", task="instance_segmentation", features=SHAPES)
        yield _trained(backend, model, items, labels, {}, {"steps": 90, "batch_size": 8, "image_size": SIDE})


def _shapes(folder: Path) -> tuple[list[Item], list[Label]]:
    random = np.random.default_rng(0)
    items, labels = [], []
    for number in range(96):
        pixels = random.integers(0, 60, (SIDE, SIDE, 3))
        feature = SHAPES[number % 2]
        width, height = (20, 20) if feature == "square" else (40, 10)
        x, y = random.integers(SIDE - width), random.integers(SIDE - height)
        pixels[y : y + height, x : x + width] += 180
        split = "train" if number < 64 else "validation" if number < 72 else "test"
        items.append(_item(folder, number, pixels, split))
        labels.append(Label(items[-1].key, feature, Box(x, y, width, height)))
    return items, labels


def _outline(label: Label) -> Polygon | Mask:
    box = label.geometry
    assert isinstance(box, Box)
    right, bottom = box.x + box.width, box.y + box.height
    outline = Polygon.of([(box.x, box.y), (right, box.y), (right, bottom), (box.x, bottom)])
    return outline if label.feature == "square" else mask_of_polygon(outline, SIDE, SIDE)


def _item(folder: Path, number: int, pixels: np.ndarray, split: str | None) -> Item:
    path = folder / f"{number}.png"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return Item(path.stem, uri=str(path), split=split)


def _trained(
    backend: Adapter,
    model: Model,
    items: list[Item],
    labels: list[Label],
    features: dict[str, str],
    parameters: dict[str, object],
) -> Trained:
    dataset = backend.datasets.create("pictures")
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    backend.labels.write(labels, dataset=dataset).raise_for_problems()
    reports: list[Training] = []
    submitted = backend.training.submit(model, dataset=dataset, features=features, parameters=parameters)
    job = backend.training.wait(submitted, timeout=120, on_progress=reports.append)
    assert job.status is Status.SUCCEEDED
    assert job.version is not None
    return Trained(backend, dataset, model, job, backend.versions.get(job.version), reports)
