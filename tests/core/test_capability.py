"""What a backend says that it can do: derived from its class, refused with reasons."""

from __future__ import annotations

from typing import Any

import pytest
from memory import MemoryAdapter, MemoryModels, open_memory

from dragoman import Adapter, Gap, Level, Unsupported, facet
from dragoman.interface import FACETS, Datasets, Evaluations, Models, Trainings

OPERATIONS = sorted(str(operation) for base in FACETS for operation in base.operations.values())


# -- gaps -------------------------------------------------------------------------------------------------------------


def test_a_gap_refuses_with_the_reason_and_the_way_out() -> None:
    with pytest.raises(Unsupported) as caught:
        open_memory().versions.download_weights("version_1", "weights.bin")

    error = caught.value
    assert (error.platform, error.operation) == ("memory", "versions.download_weights")
    assert error.message == "Memory keeps no weights."
    assert error.hint == "Use a backend that trains instead."


def test_a_gap_without_a_way_out_gives_no_hint() -> None:
    with pytest.raises(Unsupported) as caught:
        open_memory().versions.data("version_1")

    assert caught.value.hint is None


def test_a_gap_for_a_whole_facet_refuses_each_of_its_operations() -> None:
    backend = open_memory()

    for call in (
        lambda: backend.training.submit("m", dataset="d"),
        lambda: backend.training.list(),
        lambda: backend.training.wait("t"),
        lambda: backend.inference.predict("v", []),
        lambda: backend.attachments.list("p"),
        lambda: backend.handoff.send_items("d", project="p"),
    ):
        with pytest.raises(Unsupported):
            call()


def test_what_an_adapter_says_nothing_about_is_refused_as_undeclared() -> None:
    class Silent(Adapter):
        name = "silent"

    backend = open_memory()
    silent = Silent(backend.settings, None)

    with pytest.raises(Unsupported, match="does not say") as caught:
        silent.models.get("m")
    assert (caught.value.platform, caught.value.operation) == ("silent", "models.get")


def test_a_refusal_comes_at_once_and_sends_nothing() -> None:
    backend = open_memory()

    with pytest.raises(Unsupported):
        backend.labels.export("d")
    with pytest.raises(Unsupported):
        backend.versions.data("v")

    assert not backend.state.calls


# -- capabilities -----------------------------------------------------------------------------------------------------


def test_every_operation_has_a_capability() -> None:
    assert sorted(MemoryAdapter.capabilities()) == OPERATIONS


@pytest.mark.parametrize(
    ("operation", "level"),
    [
        ("models.create", Level.FULL),
        ("versions.upload_weights", Level.IMPOSSIBLE),
        ("versions.data", Level.UNWRITTEN),
        ("training.submit", Level.IMPOSSIBLE),
        ("training.wait", Level.IMPOSSIBLE),
        ("handoff.send_items", Level.UNWRITTEN),
        ("datasets.splits", Level.COMPOSED),
        ("evaluations.evaluate", Level.COMPOSED),
        ("evaluations.get", Level.IMPOSSIBLE),
    ],
)
def test_capabilities_follow_from_what_the_class_contains(operation: str, level: Level) -> None:
    capability = MemoryAdapter.capabilities()[operation]

    assert capability.level is level
    assert capability.supported is (level in (Level.FULL, Level.COMPOSED))
    assert bool(capability.reason) is (level is not Level.FULL)


def test_a_composed_operation_says_of_what_it_is_made() -> None:
    assert MemoryAdapter.capabilities()["evaluations.evaluate"].reason == "made of labels.read, predictions.read"


def test_an_operation_is_composed_only_of_what_is_there() -> None:
    class Blind(MemoryAdapter):
        labels = facet(MemoryAdapter.labels.kind, gap=Gap.impossible("nobody looks"))

    assert Blind.capabilities()["evaluations.evaluate"].level is Level.UNDECLARED
    assert Blind.capabilities()["labels.read"].level is Level.IMPOSSIBLE


def test_an_operation_that_the_platform_has_itself_is_not_composed() -> None:
    class Counting(MemoryAdapter.datasets.kind):  # type: ignore[name-defined,misc]
        def _splits(self, dataset: str) -> dict[str, int]:
            return {"train": 7}

    class WithSplits(MemoryAdapter):
        datasets = facet(Counting)

    assert WithSplits.capabilities()["datasets.splits"].level is Level.FULL
    assert WithSplits(open_memory().settings, open_memory().pipeline._hooks).datasets.splits("d") == {"train": 7}


def test_a_bare_adapter_declares_nothing() -> None:
    assert {capability.level for capability in Adapter.capabilities().values()} == {Level.UNDECLARED}


def test_a_method_of_a_subclass_closes_a_gap_of_its_base() -> None:
    class Gapped(Models):
        _get = Gap.unwritten("later")

    class Written(Gapped):
        def _get(self, model: str) -> Any: ...

    assert Gapped.declared("get").level is Level.UNWRITTEN
    assert Written.declared("get").level is Level.FULL


def test_a_facet_shows_what_it_supports() -> None:
    backend = open_memory()

    assert repr(backend.models) == "<memory models: create, get, list, update, delete>"
    assert repr(backend.training) == "<memory training: not supported>"
    assert repr(backend) == "<dragoman backend 'memory'>"
    assert backend.models.supports("create")
    assert not backend.labels.supports("export")
    assert not backend.training.supports("submit")


def test_a_facet_is_made_once_per_backend() -> None:
    backend = open_memory()

    assert backend.models is backend.models
    assert backend.models is not open_memory().models
    assert MemoryAdapter.models.kind is MemoryModels


def test_every_operation_is_documented() -> None:
    for base in FACETS:
        assert base.__doc__
        for name in base.operations:
            assert getattr(base, name).__doc__, f"{base.name}.{name}"


def test_what_makes_things_without_a_key_is_not_repeated_blindly() -> None:
    repeated = [str(operation) for base in FACETS for operation in base.operations.values() if operation.repeatable]

    assert not {
        "models.create",
        "versions.create",
        "datasets.create",
        "training.submit",
        "attachments.attach",
        "handoff.send_items",
        "handoff.send_predictions",
    } & set(repeated)


@pytest.mark.parametrize("base", [Datasets, Evaluations, Trainings])
def test_composed_operations_name_operations_that_exist(base: Any) -> None:
    parts = [part for operation in base.operations.values() for part in operation.composed_of]

    assert parts
    assert set(parts) <= set(OPERATIONS)
