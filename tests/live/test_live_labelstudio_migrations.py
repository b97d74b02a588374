"""Data moves to Label Studio and on from it, and arrives once though the server is killed while it writes."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import labelbox.pagination
import lbox.request_client
import msgspec
import pytest
from labelstudio_ground import VERSION, connected
from labelstudio_ground import fill as fill_studio
from labelstudio_server import labelstudio
from memory import hook_caller, open_memory
from platforms import DATASET, KEYS, fill, opened
from servers import Server

from dragoman import Box, Feature, Item, Label, Migration, Ontology
from dragoman.errors import DragomanError
from dragoman.migrate import Scope
from dragoman.migrate.files import open_file
from dragoman.migrate.hooks import Hooks

pytestmark = pytest.mark.live_labelstudio


@pytest.fixture(autouse=True)
def incurious_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Labelbox's SDK from reading through the call stack, deep in a test run, to say in a header who called."""
    for module in (labelbox.pagination, lbox.request_client):
        monkeypatch.setattr(module, "call_info_as_str", lambda: "test")


def moved(migration: Migration) -> dict[str, dict[str, int]]:
    """Plan, apply and verify, and return what verification counted of each kind."""
    plan = migration.plan()
    applied = migration.apply(plan)
    assert applied.ok, [str(outcome) for _, outcome in applied.problems()]
    verification = migration.verify(plan)
    assert verification.ok, list(map(str, verification.differences))
    return {step.kind: dict(verification.counts(step.kind)) for step in plan.steps}


def test_labelbox_moves_to_label_studio_and_on_to_coco(studio: Any, tmp_path: Path) -> None:
    with opened("labelbox", tmp_path / "labelbox") as (labelbox_, live):
        fill(labelbox_, live, tmp_path / "media")
        counts = moved(Migration(labelbox_, studio, Scope(dataset=DATASET), on_loss="store"))
    assert counts["items"] == {"same": len(KEYS)}
    assert counts["labels"]["same"] > 0

    path = tmp_path / "coco.json"
    moved(Migration(studio, open_file("coco", path, hook_caller()), Scope(dataset=DATASET), on_loss="drop"))
    written = json.loads(path.read_text(encoding="utf-8"))
    assert len(written["images"]) == len(KEYS)
    assert {category["name"] for category in written["categories"]} >= {"a box", "a polygon"}
    assert len(written["annotations"]) >= 3


def test_label_studio_moves_to_nucleus_predictions_included(studio: Any, tmp_path: Path) -> None:
    project = fill_studio(studio, tmp_path / "media")
    (model,) = studio.models.list()
    assert (model.id, model.name) == (project, DATASET)
    with opened("nucleus", tmp_path / "nucleus") as (nucleus, _):
        scope = Scope(dataset=DATASET, model=model.id)
        counts = moved(Migration(studio, nucleus, scope, on_loss="drop", media=tmp_path / "fetched"))
        assert counts["items"] == {"same": len(KEYS)}
        (version,) = nucleus.versions.list(nucleus.models.find(model.key))
        assert version.name == VERSION
        there = list(nucleus.predictions.read(version, dataset=nucleus.datasets.find(DATASET)))
        assert len(there) >= 3


ITEMS = 1200


def plentiful() -> Any:
    """A source with thousands of items, each with a label."""
    source = open_memory(name="here")
    dataset = source.datasets.create("plenty")
    source.ontologies.create(Ontology(name="kinds", features=(Feature(name="car"),)), dataset=dataset)
    items = [Item(f"img-{n}", uri=f"https://example.com/{n}.png", width=64, height=48) for n in range(ITEMS)]
    source.datasets.write_items(items, dataset=dataset)
    source.labels.write([Label(item.key, "car", Box(n % 50, 1, 5, 5)) for n, item in enumerate(items)], dataset=dataset)
    return source


class Killer(Hooks):
    """Kills a server while a batch of a kind is on its way, some seconds after it was sent."""

    def __init__(self, server: Server, kind: str, seconds: float) -> None:
        self.server = server
        self.kind = kind
        self.seconds = seconds
        self.killed = threading.Event()
        self._batches = 0

    def before_batch(self, kind: str, rows: Sequence[msgspec.Struct]) -> None:
        self._batches += kind == self.kind
        if self._batches == 2 and not self.killed.is_set():
            self.killed.set()
            threading.Timer(self.seconds, self.server.kill).start()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("kind", "seconds"), [("items", 0.3), ("labels", 2.5)])
def test_a_server_that_is_killed_while_it_imports_ends_with_everything_once(
    kind: str, seconds: float, tmp_path: Path
) -> None:
    source, scope = plentiful(), Scope(dataset="plenty")
    with labelstudio(tmp_path / "server") as server:
        killer = Killer(server, kind, seconds)
        with connected(server, tmp_path / "first") as target:
            migration = Migration(source, target, scope, on_loss="drop", hooks=killer)
            plan = migration.plan()
            with pytest.raises(DragomanError):
                migration.apply(plan)
        assert killer.killed.is_set()
        server.start()

        with connected(server, tmp_path / "second") as target:
            migration = Migration(source, target, scope, on_loss="drop")
            applied = migration.apply(plan)
            assert applied.ok, [str(outcome) for _, outcome in applied.problems()]
            verification = migration.verify(plan)
            assert verification.ok, list(map(str, verification.differences))[:5]
            assert verification.counts("items") == {"same": ITEMS}
            assert verification.counts("labels") == {"same": ITEMS}
            project = target.datasets.find("plenty")
            assert project.items == ITEMS
            assert list(target.models.list()) == [], "no draft is left"
