"""What moves: kinds, conditions, limits, names of features, losses per geometry, hooks; and what is there already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from memory import LOSSY, MemoryAdapter, open_memory
from moving import (
    ITEMS,
    KINDS,
    LABELS,
    PREDICTIONS,
    SCOPE,
    TURNED,
    dataset_of,
    items_of,
    labels_of,
    predictions_of,
)

from dragoman import (
    Box,
    Conflict,
    Feature,
    InvalidData,
    Label,
    Migration,
    Ontology,
    Outcome,
    Point,
    Unsupported,
    WouldLose,
)
from dragoman.calls.limits import Limits
from dragoman.migrate import Hooks, Plan, Scope
from dragoman.migrate.conditions import parse
from dragoman.migrate.expect import Choice
from dragoman.migrate.features import FeatureNames


def scoped(source: MemoryAdapter, target: MemoryAdapter, **facts: Any) -> Migration:
    return Migration(source, target, SCOPE.model_copy(update=facts))


# -- kinds, conditions, limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("only", "kinds"),
    [
        (("items",), ["dataset", "items"]),
        (("items", "labels"), ["dataset", "items", "labels"]),
        (("ontology",), ["dataset", "ontology"]),
        (("model",), ["dataset", "model"]),
        (("items", "predictions"), ["dataset", "items", "model", "version", "predictions"]),
        ((), KINDS),
    ],
)
def test_only_some_kinds_move_with_what_they_need(
    source: MemoryAdapter, target: MemoryAdapter, only: tuple[str, ...], kinds: list[str]
) -> None:
    migration = scoped(source, target, only=only)
    plan = migration.plan()

    assert [step.kind for step in plan.steps] == kinds
    assert migration.apply(plan).ok
    assert migration.verify(plan).ok


def test_a_limit_takes_the_first_items_and_what_is_on_them(source: MemoryAdapter, target: MemoryAdapter) -> None:
    migration = scoped(source, target, limit=2)

    assert migration.apply(migration.plan()).ok

    assert set(items_of(target)) == {"img-0", "img-1"}
    assert {row.item for row in labels_of(target).values()} == {"img-0", "img-1"}
    assert {row.item for row in predictions_of(target).values()} == {"img-0", "img-1"}


@pytest.mark.parametrize(
    ("where", "items", "labels", "predictions"),
    [
        (["items.key=img-3"], 1, 1, 2),
        (["items.metadata.n>=5"], 2, 2, 2),
        (["labels.feature=cat"], ITEMS, 5, PREDICTIONS),
        (["labels.feature~d*"], ITEMS, 5, PREDICTIONS),
        (["labels.geometry=point"], ITEMS, 0, PREDICTIONS),
        (["predictions.confidence>=0.5"], ITEMS, LABELS, 6),
        (["predictions.confidence>=0.5", "predictions.confidence<0.75"], ITEMS, LABELS, 3),
        (["items.split!=train"], 0, 0, 0),
        (["items.nothing>1"], 0, 0, 0),
    ],
)
def test_conditions_choose_rows(
    source: MemoryAdapter, target: MemoryAdapter, where: list[str], items: int, labels: int, predictions: int
) -> None:
    migration = scoped(source, target, where=tuple(where))
    plan = migration.plan()

    applied = migration.apply(plan)

    assert [len(report) for report in applied.reports.values()] == [items, labels, predictions]
    assert migration.verify(plan).ok


@pytest.mark.parametrize("text", ["", "split=train", "models.name=a", "items.split", "items.=1", "items.a b=1"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(InvalidData, match="is not a condition"):
        parse(text)


def test_words_of_the_command_line_that_make_no_scope_are_refused_by_name() -> None:
    with pytest.raises(InvalidData) as caught:
        Scope.of(dataset="pets", only=["pictures"])

    assert caught.value.field == "only"


# -- features ---------------------------------------------------------------------------------------------------------


def test_features_get_the_names_that_were_chosen(source: MemoryAdapter, target: MemoryAdapter) -> None:
    migration = scoped(source, target, rename={"cat": "feline"})
    plan = migration.plan()

    assert plan.features == {"cat": "feline", "dog": "dog"}
    assert migration.apply(plan).ok
    assert {row.feature for row in labels_of(target).values()} == {"feline", "dog"}
    assert [feature.name for feature in target.ontologies.get(dataset_of(target)).features] == ["feline", "dog"]
    assert next(iter(target.state.models.values())).features == ("feline", "dog")
    assert migration.verify(plan).ok


def test_a_feature_map_may_be_edited_before_it_is_applied(migration: Migration, target: MemoryAdapter) -> None:
    plan = migration.plan()

    edited = plan.model_copy(update={"features": {**plan.features, "dog": "cat"}})
    assert migration.apply(edited).ok

    assert {row.feature for row in labels_of(target).values()} == {"cat"}
    assert migration.verify(edited).ok


def test_names_are_suggested_from_what_the_target_has(source: MemoryAdapter, target: MemoryAdapter) -> None:
    dataset = target.datasets.create("pets")
    target.ontologies.create(Ontology(name="theirs", features=(Feature(name="Cat"),)), dataset=dataset)
    migration = scoped(source, target)
    plan = migration.plan()

    assert plan.features == {"cat": "Cat", "dog": "dog"}
    assert migration.apply(plan).ok
    names = [feature.name for feature in target.ontologies.get(dataset).features]
    assert names == ["Cat", "dog"], "what was there stays"


def test_a_feature_that_the_target_cannot_have_is_left_out(
    source: MemoryAdapter, target: MemoryAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = type(target.ontologies)._create

    def refuse(facet: Any, ontology: Ontology, dataset: str) -> Ontology:
        if any(feature.name == "dog" for feature in ontology.features):
            raise Unsupported("There are no dogs here.", field="dog")
        return create(facet, ontology, dataset)

    monkeypatch.setattr(type(target.ontologies), "_create", refuse)
    migration = scoped(source, target)

    assert migration.apply(migration.plan()).ok

    assert [feature.name for feature in target.ontologies.get(dataset_of(target)).features] == ["cat"]


@pytest.mark.parametrize(
    ("name", "becomes"),
    [("traffic light", "Traffic-Light"), ("car", "car"), ("CAR", "car"), ("lorry", "truck"), ("猫", "猫"), ("-", "-")],
)
def test_a_name_is_suggested_by_its_letters(name: str, becomes: str) -> None:
    assert FeatureNames(["Traffic-Light", "car", "truck"], {"lorry": "truck"}).of(name) == becomes


def test_probabilities_of_features_that_become_one_add_up(source: MemoryAdapter, target: MemoryAdapter) -> None:
    row = next(iter(predictions_of(source).values()))
    both = msgspec.structs.replace(row, id="both", class_pdf={"cat": 0.25, "dog": 0.5})
    predictions_of(source)["both"] = both
    migration = scoped(source, target, rename={"dog": "cat"})

    migration.apply(migration.plan())

    assert predictions_of(target)["both"].class_pdf == {"cat": 0.75}


# -- losses per geometry ----------------------------------------------------------------------------------------------

DOT = Label("img-0", "cat", Point(1, 1), id="dot")


def test_one_geometry_may_be_dropped_and_another_converted(source: MemoryAdapter) -> None:
    source.labels.write([TURNED, DOT], dataset=dataset_of(source))
    target = open_memory(name="there", fidelity=LOSSY)
    migration = Migration(source, target, SCOPE, on_loss="convert", on_loss_of={"point": "drop"})
    plan = migration.plan()

    applied = migration.apply(plan)

    assert applied.ok
    assert "dot" not in labels_of(target)
    assert isinstance(labels_of(target)["turned"].geometry, Box)
    assert migration.verify(plan).ok


def test_a_policy_for_one_geometry_leaves_the_others_refused(source: MemoryAdapter) -> None:
    source.labels.write([TURNED, DOT], dataset=dataset_of(source))
    migration = Migration(source, open_memory(fidelity=LOSSY), SCOPE, on_loss_of={"point": "drop"})

    with pytest.raises(WouldLose, match="rotated_box"):
        migration.apply(migration.plan())


def test_a_choice_is_read_from_words() -> None:
    assert Choice.parse(["convert", "point=drop"]) == Choice("convert", {"point": "drop"})
    assert Choice.parse([]) == Choice("raise", {})
    with pytest.raises(InvalidData, match="'burn' is not a policy"):
        Choice.parse(["point=burn"])


def test_losses_are_counted_per_feature_and_measured_on_the_data(source: MemoryAdapter) -> None:
    source.labels.write([TURNED, DOT], dataset=dataset_of(source))

    plan = Migration(source, open_memory(fidelity=LOSSY), SCOPE).plan()

    by_what = {loss.what: loss for loss in plan.losses}
    assert by_what["geometry point"].features == {"cat": 1}
    assert by_what["geometry rotated_box"].forms == {"rotated_box": 1}
    assert plan.step("labels").shapes["cat"] == ("box", "rotated_box", "point")  # type: ignore[union-attr]


def test_an_estimate_counts_requests(migration: Migration, target: MemoryAdapter) -> None:
    step = migration.plan().step("labels")
    assert step is not None

    assert (step.estimate.reads, step.estimate.writes) == (5, 4), "pages of two, batches of three"


def test_an_estimate_keeps_to_the_rate_of_a_platform(source: MemoryAdapter) -> None:
    slow = open_memory(limits=Limits(batch_size=1, page_size=10, calls_per_second=2))

    assert Migration(source, slow, SCOPE).plan().estimate.seconds >= (ITEMS + LABELS + PREDICTIONS) / 2


# -- what is there already --------------------------------------------------------------------------------------------


@pytest.fixture
def half_full(source: MemoryAdapter, target: MemoryAdapter) -> MemoryAdapter:
    """A target with the items, one label as it is, one under another id, one that differs, and one of its own."""
    same, twin, changed = list(labels_of(source).values())[:3]
    dataset = target.datasets.create("pets")
    target.datasets.write_items(items_of(source).values(), dataset=dataset)
    rows = [
        same,
        msgspec.structs.replace(twin, id="another"),
        msgspec.structs.replace(changed, geometry=Box(1, 1, 1, 1)),
        Label("img-6", "dog", Box(3, 3, 3, 3), id="own"),
    ]
    target.labels.write(rows, dataset=dataset)
    return target


def test_a_plan_counts_what_is_there_by_key_and_by_content(source: MemoryAdapter, half_full: MemoryAdapter) -> None:
    step = scoped(source, half_full).plan().step("labels")
    assert step is not None

    assert step.present == {"same": 1, "twin": 1, "changed": 1}
    assert step.created == LABELS - 3


def test_what_is_there_is_not_sent_and_not_doubled(source: MemoryAdapter, half_full: MemoryAdapter) -> None:
    migration = scoped(source, half_full)

    applied = migration.apply(migration.plan())

    reasons = [outcome.reason for outcome in applied.reports["labels"] if outcome.status == "ignored"]
    assert sorted(map(str, reasons)) == [
        "It was there already under another id.",
        "It was there already, and it differs.",
        "It was there already.",
    ]
    assert len(labels_of(half_full)) == LABELS + 1


def test_verify_tells_a_twin_from_what_differs(source: MemoryAdapter, half_full: MemoryAdapter) -> None:
    migration = scoped(source, half_full)
    plan = migration.plan()
    migration.apply(plan)

    assert migration.verify(plan).counts("labels") == {"same": LABELS - 2, "changed": 1, "twin": 1, "extra": 1}


def test_rows_that_come_to_the_target_meanwhile_make_a_plan_stale(
    source: MemoryAdapter, half_full: MemoryAdapter
) -> None:
    migration = scoped(source, half_full)
    plan = migration.plan()
    half_full.labels.write([Label("img-0", "cat", Box(8, 8, 8, 8))], dataset=dataset_of(half_full))

    with pytest.raises(Conflict, match="on the target, labels changed"):
        migration.apply(plan)


# -- hooks ------------------------------------------------------------------------------------------------------------


class Recorder(Hooks):
    """Moves labels by a pixel, leaves dogs behind, and notes what it sees."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.outcomes: list[Outcome] = []

    def transform_row(self, kind: str, row: Any) -> Any:
        if kind != "labels":
            return row
        box = row.geometry
        moved = msgspec.structs.replace(row, geometry=Box(box.x + 1, box.y, box.width, box.height))
        return None if row.feature == "dog" else moved

    def before_batch(self, kind: str, rows: Sequence[Any]) -> None:
        self.batches.append(len(rows))

    def after_row(self, kind: str, row: Any, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def test_hooks_see_and_change_rows(source: MemoryAdapter, target: MemoryAdapter) -> None:
    hooks = Recorder()
    migration = Migration(source, target, SCOPE, hooks=hooks)
    plan = migration.plan()

    applied = migration.apply(plan)

    assert {row.feature for row in labels_of(target).values()} == {"cat"}
    assert len(hooks.outcomes) == sum(len(report) for report in applied.reports.values())
    assert sum(hooks.batches) == ITEMS + LABELS // 2 + PREDICTIONS
    assert migration.verify(plan).ok, "verify knows the hooks"
    assert not scoped(source, target).verify(plan).ok


def test_a_hook_must_leave_ids_alone(source: MemoryAdapter, target: MemoryAdapter) -> None:
    class Renaming(Hooks):
        def transform_row(self, kind: str, row: Any) -> Any:
            return msgspec.structs.replace(row, key="another") if kind == "items" else row

    with pytest.raises(InvalidData, match="the id must stay"):
        Migration(source, target, SCOPE, hooks=Renaming()).plan()


def test_an_error_of_a_hook_stops_the_run_and_the_next_goes_on(
    source: MemoryAdapter, target: MemoryAdapter, tmp_path: Path
) -> None:
    class Failing(Hooks):
        def before_batch(self, kind: str, rows: Sequence[Any]) -> None:
            if kind == "predictions":
                raise KeyError("mine")

    plan: Plan = scoped(source, target).plan()
    with pytest.raises(KeyError, match="mine"):
        Migration(source, target, SCOPE, hooks=Failing()).apply(plan, ledger=tmp_path / "ledger")

    assert scoped(source, target).apply(plan, ledger=tmp_path / "ledger").ok
    assert scoped(source, target).verify(plan).ok
