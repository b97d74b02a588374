"""Label two images on this machine, move them to an emulated Nucleus, and prove that they arrived.

Run it with `python examples/first_migration.py`; it needs the distributions dragoman, dragoman-local and
dragoman-nucleus, and neither an account nor a network. Change the second `connect` to move to the real platform.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

import dragoman
from dragoman import Box, Feature, Item, Label, Migration, Ontology
from dragoman.migrate import Scope


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        dragoman.connect("local", root=Path(folder, "state")) as source,
        emulated("nucleus") as target,
    ):
        dataset = source.datasets.create("street")
        source.ontologies.create(
            Ontology(name="street", features=(Feature(name="car", geometries=("box",)),)), dataset=dataset
        )
        source.datasets.write_items(pictures(Path(folder)), dataset=dataset).raise_for_problems()
        labels = [Label("0.png", "car", Box(10, 20, 60, 40)), Label("1.png", "car", Box(0, 0, 160, 120))]
        source.labels.write(labels, dataset=dataset).raise_for_problems()

        migration = Migration(source, target, Scope(dataset=dataset.id))
        plan = migration.plan()
        for kind, report in migration.apply(plan).reports.items():
            print(f"{kind}: {report}")
        verified = migration.verify(plan, media=True)
        print("everything arrived" if verified.ok else "something is missing or different")


def pictures(folder: Path) -> Iterator[Item]:
    """Write two grey images and yield them as items."""
    for number in range(2):
        path = folder / f"{number}.png"
        Image.new("RGB", (160, 120), (100, 100 + number, 100)).save(path)
        yield Item(path.name, uri=str(path), width=160, height=120)


@contextmanager
def emulated(platform: str) -> Iterator[dragoman.Adapter]:
    """Start the platform's emulator in a process of its own and connect to it through the platform's SDK."""
    command = [sys.executable, "-m", "dragoman", "emulate", platform, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        try:
            with dragoman.connect(platform, endpoint=ready["url"], **ready["credentials"]) as backend:
                yield backend
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
