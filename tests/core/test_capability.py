"""What a backend says that it can do: derived from its class, refused with reasons, never more than it keeps."""

from __future__ import annotations

from typing import Any

import pytest
import strategies
from hypothesis import given
from memory import LOSSY, MemoryAdapter, MemoryModels, open_memory

from dragoman import (
    EXACT,
    Adapter,
    Box,
    Fidelity,
    FidelityTable,
    Gap,
    Label,
    Level,
    Point,
    Prediction,
    RotatedBox,
    Survival,
    Unsupported,
    WouldLose,
    facet,
)
from dragoman.adapter import LOSSLESS
from dragoman.interface import FACETS, Datasets, Evaluations, Models, Trainings
from dragoman.schema import GEOMETRIES

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


# -- fidelity ---------------------------------------------------------------------------------------------------------

TABLE = FidelityTable(
    {
        "box": EXACT,
        "polygon": EXACT,
        "polygon with holes": Fidelity(Survival.DROPPED, "rings only"),
        "rotated_box": Fidelity(Survival.APPROXIMATE, "four corners"),
        "point": Fidelity(Survival.STORED),
    },
    {
        "metadata": EXACT,
        "attributes": Fidelity(Survival.STORED, "kept in the metadata"),
        "class_pdf": Fidelity(Survival.APPROXIMATE, "two digits"),
        "track_id": Fidelity(Survival.DROPPED, "an image has no tracks"),
    },
)
TURNED = RotatedBox(5, 5, 4, 2, 30)


def losses(row: Label) -> list[str]:
    return [str(loss) for loss in TABLE.losses(row)]


@given(strategies.rows)
def test_a_lossless_platform_loses_nothing(row: Label) -> None:
    assert LOSSLESS.losses(row) == []
    LOSSLESS.check(row, "raise")


def test_a_lossless_platform_has_every_geometry() -> None:
    assert {geometry.kind for geometry in GEOMETRIES} <= set(LOSSLESS.geometries)


def test_what_is_exact_is_no_loss() -> None:
    assert losses(Label("a", "cat", Box(0, 0, 1, 1), metadata={"n": 1})) == []


def test_losses_name_the_geometry_and_how_it_changes() -> None:
    assert losses(Label("a", "cat", TURNED)) == ["geometry rotated_box is approximate: four corners"]
    assert losses(Label("a", "cat", Point(1, 1))) == ["geometry point is stored"]


def test_a_geometry_that_the_table_does_not_name_is_dropped() -> None:
    (loss,) = FidelityTable({"box": EXACT}).losses(Label("a", "cat", TURNED))

    assert loss.fidelity.survival is Survival.DROPPED
    assert str(loss) == "geometry rotated_box is dropped: the platform has no such geometry"


def test_fields_are_lost_only_where_they_hold_something() -> None:
    assert losses(Label("a", "cat", Box(0, 0, 1, 1), attributes={})) == []
    assert losses(Label("a", "cat", Box(0, 0, 1, 1), attributes={"color": "red"}, track_id="7")) == [
        "field attributes is stored: kept in the metadata",
        "field track_id is dropped: an image has no tracks",
    ]


def test_one_table_serves_labels_and_predictions() -> None:
    box = Box(0, 0, 1, 1)

    assert losses(Label("a", "cat", box)) == []
    assert losses(Prediction("a", "cat", box, class_pdf={"cat": 1.0})) == ["field class_pdf is approximate: two digits"]


def test_the_policy_raise_refuses_every_loss() -> None:
    for row in (
        Label("a", "cat", TURNED),
        Label("a", "cat", Point(1, 1)),
        Label("a", "cat", Box(0, 0, 1, 1), attributes={"color": "red"}),
    ):
        with pytest.raises(WouldLose) as caught:
            TABLE.check(row, "raise")
        assert "on_loss" in str(caught.value)


def test_the_policy_convert_lets_through_what_is_approximate_or_stored() -> None:
    TABLE.check(Label("a", "cat", TURNED, attributes={"color": "red"}), "convert")
    TABLE.check(Label("a", "cat", Point(1, 1)), "convert")


@pytest.mark.parametrize("policy", ["raise", "convert"])
def test_what_would_be_dropped_is_refused_under_every_policy(policy: Any) -> None:
    with pytest.raises(WouldLose, match="field track_id is dropped") as caught:
        TABLE.check(Label("a", "cat", Box(0, 0, 1, 1), track_id="7"), policy)

    assert caught.value.field == "field track_id"


@given(strategies.rows)
def test_no_row_passes_unless_all_its_losses_may(row: Label) -> None:
    lost = LOSSY.losses(row)
    dropped = any(loss.fidelity.survival is Survival.DROPPED for loss in lost)

    for policy, refused in (("raise", bool(lost)), ("convert", dropped)):
        try:
            LOSSY.check(row, policy)
        except WouldLose:
            passed = False
        else:
            passed = True
        assert passed is not refused
