"""What the migrations of this folder share: emulated platforms, a small dataset to move, and the move itself.

Nothing here needs an account or a network. To move real data, open the two sides with `dragoman.connect(name)` and keep
only `move`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

import dragoman
from dragoman import Adapter, Box, Feature, Item, Label, Migration, Ontology, Prediction, testing
from dragoman.migrate import Scope

DATASET = "street"
SIZE = 160, 120
MORE = {"synapse": {"plugin": "detector"}}
"""Settings that a platform needs besides those that lead to its emulator."""


@contextmanager
def emulated(platform: str) -> Iterator[Adapter]:
    """Connect to a platform whose emulator runs in this process; the local backend gets a folder instead."""
    if platform == "local":
        with tempfile.TemporaryDirectory() as folder, dragoman.connect("local", root=folder) as backend:
            yield backend
        return
    with testing.emulated(platform, **MORE.get(platform, {})) as live:
        if platform == "synapse":
            review(live)
        yield live.backend


def fill(backend: Adapter) -> None:
    """Put three pictures on a platform, with boxes on two of them, and predictions where it keeps them."""
    dataset = backend.datasets.create(DATASET)
    if backend.capabilities()["ontologies.create"].supported:
        features = (Feature(name="car", geometries=("box",)),)
        backend.ontologies.create(Ontology(name=DATASET, features=features), dataset=dataset)
    with tempfile.TemporaryDirectory() as folder:
        # The local backend reads files where they are, so there they have to stay.
        place = Path(folder) if backend.name != "local" else Path(tempfile.mkdtemp(prefix="dragoman-example-"))
        backend.datasets.write_items(pictures(place), dataset=dataset).raise_for_problems()
    labels = [Label("0.png", "car", Box(10, 20, 60, 40)), Label("1.png", "car", Box(0, 0, 160, 120))]
    backend.labels.write(labels, dataset=dataset).raise_for_problems()
    if backend.capabilities()["predictions.write"].supported:
        model = backend.models.create("detector", task="object_detection", features=["car"])
        version = backend.versions.create(model, name="first", dataset=dataset)
        rows = [Prediction("2.png", "car", Box(5, 6, 70, 80), confidence=0.75)]
        backend.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()


def pictures(folder: Path) -> Iterator[Item]:
    """Write three grey pictures and yield them as items."""
    for number in range(3):
        path = folder / f"{number}.png"
        Image.new("RGB", SIZE, (100, 100 + number, 100)).save(path)
        yield Item(path.name, uri=str(path), width=SIZE[0], height=SIZE[1])


def review(live: Any) -> None:
    """Put the dataset on Synapse as its reviewers would: no client can write ground truth there."""
    from dragoman_synapse.codec import marks_of, v1

    home = live.state.home
    made = home.add_dataset(DATASET)
    with tempfile.TemporaryDirectory() as folder:
        for item in pictures(Path(folder)):
            media = home.media.add(item.key, Path(item.uri or "").read_bytes())
            size = {"width": SIZE[0], "height": SIZE[1]}
            unit = home.add_unit({"image_1": media}, sizes={"image_1": size})
            home.add_truth(made.id, unit, v1.write(marks_of(Label(item.key, "car", Box(1, 2, 30, 40)), SIZE)))
    home.add_version(made.id, "1")


def move(source: Adapter, target: Adapter, *, on_loss: Any = "raise") -> None:
    """Move the dataset, and the model with its predictions where both sides have them, and say what arrived."""
    able = all(side.capabilities()["predictions.write"].supported for side in (source, target))
    scope = Scope(dataset=DATASET, model="detector" if able else None)
    with tempfile.TemporaryDirectory() as folder:
        # The local backend takes files only, so what lies behind links is fetched for it.
        media = Path(tempfile.mkdtemp(prefix="dragoman-example-")) if target.name == "local" else None
        migration = Migration(source, target, scope, on_loss=on_loss, media=media)
        plan = migration.plan()
        for loss in plan.losses:
            print(f"{loss.rows} rows: {loss.declared()}")
        for kind, report in migration.apply(plan, ledger=Path(folder) / "ledger").reports.items():
            print(f"{source.name} -> {target.name} {kind}: {report}")
        verified = migration.verify(plan)
    print("everything arrived" if verified.ok else "something is missing or different")
