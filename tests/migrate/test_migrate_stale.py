"""What comes between a plan and its use: newer versions, other names, steps that somebody cut out of the plan."""

from __future__ import annotations

import pytest
from memory import MemoryAdapter
from moving import SCOPE, dataset_of

from dragoman import Conflict, Migration
from dragoman.migrate import Scope


def newer_version(source: MemoryAdapter) -> None:
    """Make a newer version of the source's model."""
    (model,) = source.state.models.values()
    source.versions.create(model, name="v2")


def test_another_version_than_the_planned_makes_a_plan_stale(source: MemoryAdapter, target: MemoryAdapter) -> None:
    migration = Migration(source, target, Scope(model="det-1"))
    plan = migration.plan()
    newer_version(source)

    with pytest.raises(Conflict, match="on the source, version changed"):
        migration.apply(plan)
    assert not target.state.versions


def test_another_name_of_the_dataset_makes_a_plan_stale(source: MemoryAdapter, target: MemoryAdapter) -> None:
    dataset = dataset_of(source)
    migration = Migration(source, target, SCOPE.model_copy(update={"dataset": dataset.id}))
    plan = migration.plan()
    source.state.datasets[dataset.id] = dataset.model_copy(update={"name": "cats"})

    with pytest.raises(Conflict, match="on the source, dataset changed"):
        migration.apply(plan)
    assert not target.state.datasets


@pytest.mark.parametrize("kind", ["items", "labels", "predictions", "ontology", "version"])
def test_what_was_cut_out_of_a_plan_is_not_carried_behind_its_back(
    migration: Migration, target: MemoryAdapter, kind: str
) -> None:
    plan = migration.plan()
    cut = plan.model_copy(update={"steps": tuple(step for step in plan.steps if step.kind != kind)})

    with pytest.raises(Conflict, match=f"The plan is stale: .*{kind} changed"):
        migration.apply(cut)
    assert not target.state.datasets
