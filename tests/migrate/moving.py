"""What the tests of migrations move: a source with everything on it, and short ways to what a platform holds."""

from __future__ import annotations

from pathlib import Path

from memory import MemoryAdapter, State, open_memory

from dragoman import Box, Dataset, Feature, Item, Label, Ontology, Prediction, RotatedBox
from dragoman.migrate import Scope

SCOPE = Scope(dataset="pets", model="det-1")
KINDS = ["dataset", "ontology", "items", "labels", "model", "version", "predictions"]
ITEMS, LABELS, PREDICTIONS = 7, 10, 12
TURNED = Label("img-0", "cat", RotatedBox(10, 10, 4, 2, 30), id="turned")
COLORED = Label("img-1", "cat", Box(0, 0, 9, 9), id="colored", attributes={"color": "red"})


def filled_source(folder: Path, *, name: str = "here") -> MemoryAdapter:
    """Return a platform with a dataset of media files, an ontology, labels, and a version with its predictions."""
    backend = open_memory(name=name)
    dataset = backend.datasets.create("pets")
    media = []
    for number in range(ITEMS):
        path = folder / f"{number}.png"
        path.write_bytes(bytes([number]) * 100)
        media.append(Item(f"img-{number}", uri=str(path), width=64, height=48, split="train", metadata={"n": number}))
    backend.datasets.write_items(media, dataset=dataset)
    features = (Feature(name="cat"), Feature(name="dog"))
    backend.ontologies.create(Ontology(name="kinds", features=features), dataset=dataset)
    labels = [Label(f"img-{n % ITEMS}", ("cat", "dog")[n % 2], Box(n, n, 10, 10)) for n in range(LABELS)]
    backend.labels.write(labels, dataset=dataset)
    model = backend.models.create(
        "detector", task="object_detection", features=["cat", "dog"], key="det-1", metadata={"by": "us"}
    )
    version = backend.versions.create(model, name="v1", tags=["good"])
    rows = [
        Prediction(f"img-{n % ITEMS}", "dog", Box(n, 0, 10, 10), confidence=n / PREDICTIONS) for n in range(PREDICTIONS)
    ]
    backend.predictions.write(rows, version=version, dataset=dataset)
    return backend


def dataset_of(backend: MemoryAdapter) -> Dataset:
    """Return the only dataset of a platform."""
    (dataset,) = backend.state.datasets.values()
    return dataset


def items_of(backend: MemoryAdapter) -> dict[str, Item]:
    """Return the items of the only dataset."""
    return backend.state.items[dataset_of(backend).id]


def labels_of(backend: MemoryAdapter) -> dict[str, Label]:
    """Return the labels of the only dataset."""
    return backend.state.labels[dataset_of(backend).id]


def predictions_of(backend: MemoryAdapter) -> dict[str, Prediction]:
    """Return the predictions of the only version."""
    (held,) = backend.state.predictions.values()
    return held


def is_empty(state: State) -> bool:
    """Return whether an account holds nothing."""
    return not (state.datasets or state.models or state.versions or state.ontologies or any(state.labels.values()))
