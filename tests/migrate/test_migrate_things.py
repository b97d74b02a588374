"""Models and versions: weights, configs and metrics go along where both sides can; nothing is made twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from memory import LostAnswer, MemoryAdapter, MemorySettings, hook_caller
from memory import State as Account
from moving import SCOPE

import dragoman
from dragoman import Adapter, Gap, InvalidData, Migration, OutcomeUnknown, facet
from dragoman.interface import Datasets, Labels
from dragoman.migrate import Ledger, Scope, State
from dragoman_local.engine.architectures import build
from dragoman_local.engine.weights import save


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[Adapter]:
    """A local backend with a version that has weights, a config and metrics."""
    with dragoman.connect("local", root=tmp_path / "here") as local:
        local.datasets.create("street")
        model = local.models.create("detector", task="object_detection", features=["car"])
        version = local.versions.create(model, name="first", config={"epochs": 3}, tags=["good"])
        save(build("detection", "compact", 1, (64, 64), {"width": 8}), ["car"], tmp_path / "weights.safetensors")
        local.versions.upload_weights(version, tmp_path / "weights.safetensors")
        local.versions.update(version, metrics={"mAP": 0.75})
        yield local


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Adapter]:
    """An empty local backend."""
    with dragoman.connect("local", root=tmp_path / "there") as local:
        yield local


def test_weights_config_and_metrics_go_along(trained: Adapter, other: Adapter, tmp_path: Path) -> None:
    migration = Migration(trained, other, Scope(dataset="street", model="detector"))
    plan = migration.plan()
    assert [step.kind for step in plan.steps if step.name == "first"] == ["version", "weights"]

    assert migration.apply(plan, ledger=tmp_path / "ledger").ok

    model = other.models.find("detector")
    assert model is not None
    (version,) = other.versions.list(model)
    assert (version.tags, version.metrics) == (("good",), {"mAP": 0.75})
    assert version.config["epochs"] == 3
    here = trained.versions.download_weights(
        next(iter(trained.versions.list(trained.models.find("detector")))),
        tmp_path / "a",  # type: ignore[arg-type]
    )
    assert other.versions.download_weights(version, tmp_path / "b").read_bytes() == here.read_bytes()


def test_a_model_moves_without_a_dataset(trained: Adapter, other: Adapter, tmp_path: Path) -> None:
    migration = Migration(trained, other, Scope(model="detector"))
    plan = migration.plan()
    assert [step.kind for step in plan.steps] == ["model", "version", "weights"]

    assert migration.apply(plan, ledger=tmp_path / "ledger").ok

    assert migration.verify(plan).ok
    assert list(other.datasets.list()) == []
    assert migration.rollback(plan, ledger=tmp_path / "ledger").deleted == {"version": 1, "model": 1}


def test_a_platform_that_keeps_only_models_is_not_asked_for_datasets(trained: Adapter) -> None:
    class Registry(MemoryAdapter):
        datasets = facet(Datasets, gap=Gap.impossible("It keeps models only."))
        labels = facet(Labels, gap=Gap.impossible("It keeps models only."))

    registry = Registry(MemorySettings(), hook_caller())
    registry.state = Account()
    migration = Migration(trained, registry, Scope(model="detector"))
    plan = migration.plan()

    assert migration.apply(plan).ok
    assert [model.name for model in registry.models.list()] == ["detector"]


def test_a_scope_names_something() -> None:
    with pytest.raises(InvalidData, match="nothing to move"):
        Scope.of()


def test_weights_are_carried_once(
    trained: Adapter, other: Adapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = Migration(trained, other, Scope(dataset="street", model="detector"))
    plan = migration.plan()
    migration.apply(plan, ledger=tmp_path / "ledger")

    def refuse(*arguments: Any) -> Any:
        raise AssertionError("They are there.")

    monkeypatch.setattr(type(other.versions), "_upload_weights", refuse)

    assert migration.apply(plan, ledger=tmp_path / "ledger").ok


def test_weights_are_carried_again_after_a_rollback(trained: Adapter, other: Adapter, tmp_path: Path) -> None:
    migration = Migration(trained, other, Scope(dataset="street", model="detector"))
    plan = migration.plan()
    migration.apply(plan, ledger=tmp_path / "ledger")
    assert migration.rollback(plan, ledger=tmp_path / "ledger").ok

    assert migration.apply(plan, ledger=tmp_path / "ledger").ok

    model = other.models.find("detector")
    assert model is not None
    (version,) = other.versions.list(model)
    assert other.versions.download_weights(version, tmp_path / "weights").exists()


def test_a_version_without_weights_moves_without_them(trained: Adapter, other: Adapter, tmp_path: Path) -> None:
    model = trained.models.find("detector")
    assert model is not None
    trained.versions.create(model, name="bare")
    migration = Migration(trained, other, Scope(dataset="street", model="detector", version="bare"))

    assert migration.apply(migration.plan(), ledger=tmp_path / "ledger").ok

    book = Ledger(tmp_path / "ledger")
    weights = book.thing("weights")
    assert weights is not None
    assert weights.state is State.IGNORED
    book.close()


@pytest.mark.parametrize("kind", ["datasets", "models", "versions"])
@pytest.mark.parametrize("applied", [True, False], ids=["carried out", "not carried out"])
def test_a_thing_whose_answer_was_lost_is_made_once(
    migration: Migration, target: MemoryAdapter, tmp_path: Path, kind: str, applied: bool
) -> None:
    plan, ledger = migration.plan(), tmp_path / "ledger"
    target.state.fail(f"{kind}.create", LostAnswer("cut off"), applied=applied)

    try:
        migration.apply(plan, ledger=ledger)
    except OutcomeUnknown:
        assert not applied, "what is there is found"
        migration.apply(plan, ledger=ledger)

    assert len(target.state.datasets) == len(target.state.models) == len(target.state.versions) == 1
    assert migration.verify(plan).ok
    assert migration.rollback(plan, ledger=ledger).ok, "it is known to be ours"


def test_a_model_that_is_there_is_used(migration: Migration, target: MemoryAdapter) -> None:
    there = target.models.create("detector", task="object_detection", features=["cat", "dog"], key="det-1")

    applied = migration.apply(migration.plan())

    assert applied.ids["model"] == there.id
    assert len(target.state.models) == 1
    assert SCOPE.model == "det-1"
