"""Every ordered pair of platforms: a mixed set is planned, moved, and verified with no more lost than the plan said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import labelbox.pagination
import lbox.request_client
import pytest
from platforms import DATASET, KEYS, NAMES, fill, opened

from dragoman import Box, Feature, Item, Label, Migration, Ontology
from dragoman.migrate import Plan, Scope, Verification

ROUNDING = 1e-6


@pytest.fixture(autouse=True)
def incurious_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Labelbox's SDK from reading through the call stack, deep in a test run, to say in a header who called."""
    for module in (labelbox.pagination, lbox.request_client):
        monkeypatch.setattr(module, "call_info_as_str", lambda: "test")


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Any, str]]:
    """The platform to move from, filled, and the name of the one to move to."""
    name, other = request.param
    with opened(name, tmp_path / "source") as (backend, live):
        fill(backend, live, tmp_path / "media")
        yield backend, other


def within(verification: Verification, plan: Plan) -> bool:
    """Return whether nothing was lost that the plan did not say, and no shape suffered more than it said."""
    for step in plan.steps:
        planned = {loss.what: loss for loss in step.losses}
        for measured in verification.losses(step.kind):
            said = planned.get(measured.what)
            if said is None or measured.rows > said.rows:
                return False
            if None not in (said.worst_iou, measured.worst_iou) and measured.worst_iou < said.worst_iou - ROUNDING:  # type: ignore[operator]
                return False
    return True


PAIRS = [(here, there) for here in NAMES for there in NAMES if here != there]


@pytest.mark.parametrize("source", PAIRS, indirect=True, ids=lambda pair: " to ".join(pair))
def test_a_mixed_set_moves_and_is_verified(source: tuple[Any, str], tmp_path: Path) -> None:
    here, name = source
    model = "det" if here.capabilities()["predictions.read"].supported else None
    with opened(name, tmp_path / "target") as (there, _):
        migration = Migration(
            here, there, Scope(dataset=DATASET, model=model), on_loss="drop", media=tmp_path / "fetched"
        )
        plan = migration.plan()

        applied = migration.apply(plan)
        verification = migration.verify(plan)

        assert applied.ok, [str(outcome) for _, outcome in applied.problems()]
        assert verification.ok, list(map(str, verification.differences))
        assert within(verification, plan)
        step = plan.step("items")
        assert step is not None
        assert step.rows == len(KEYS)
        if there.capabilities()["datasets.write_items"].supported:
            assert verification.counts("items") == {"same": len(KEYS)}
        else:
            assert step.losses[0].what == "all items", "what a target does not take is said beforehand"


CLIP = Item(
    "clip 🦊", uri="https://example.com/clip.mp4", media="video", width=100, height=50, frames=10, frame_rate=5.0
)


@pytest.mark.parametrize(("name", "other"), [("encord", "labelbox"), ("labelbox", "encord")])
def test_a_video_with_a_track_moves(name: str, other: str, tmp_path: Path) -> None:
    with opened(name, tmp_path / "source") as (here, _), opened(other, tmp_path / "target") as (there, _):
        dataset = here.datasets.create(DATASET)
        here.ontologies.create(
            Ontology(name="mixed", features=(Feature(name="car", geometries=("box",)),)), dataset=dataset
        )
        here.datasets.write_items([CLIP], dataset=dataset).raise_for_problems()
        rows = [Label(CLIP.key, "car", Box(n, 2, 30, 20), frame=n, track_id="one") for n in (2, 3, 7)]
        here.labels.write(rows, dataset=dataset, on_loss="drop").raise_for_problems()
        migration = Migration(here, there, Scope(dataset=DATASET), on_loss="drop")
        plan = migration.plan()

        applied = migration.apply(plan)
        verification = migration.verify(plan)

        assert applied.ok, [str(outcome) for _, outcome in applied.problems()]
        assert verification.ok, list(map(str, verification.differences))
        moved = {row.frame: row.geometry for row in there.labels.read(there.datasets.find(DATASET))}
        assert moved == {row.frame: row.geometry for row in rows}
