"""Apply: everything arrives under its own id and is accounted for; what does not fit is refused."""

from __future__ import annotations

import msgspec
import pytest
from memory import LOSSY, LostAnswer, MemoryAdapter, open_memory
from moving import (
    COLORED,
    ITEMS,
    LABELS,
    PREDICTIONS,
    SCOPE,
    TURNED,
    dataset_of,
    is_empty,
    labels_of,
    predictions_of,
)

from dragoman import (
    Box,
    Conflict,
    Label,
    Migration,
    Point,
    Prediction,
    Provenance,
    Unavailable,
    Version,
    WouldLose,
)
from dragoman.fidelity import DatasetFidelity, dropped
from dragoman.migrate.carry import FAILURES


def test_everything_arrives_and_is_accounted_for(
    migration: Migration, source: MemoryAdapter, target: MemoryAdapter
) -> None:
    plan = migration.plan()

    applied = migration.apply(plan)

    assert applied.ok
    assert {kind: dict(report.counts) for kind, report in applied.reports.items()} == {
        "items": {"created": ITEMS},
        "labels": {"created": LABELS},
        "predictions": {"created": PREDICTIONS},
    }
    assert list(applied.problems()) == []
    assert applied.ids == {
        "dataset": dataset_of(target).id,
        "ontology": target.ontologies.get(dataset_of(target)).id,
        "model": next(iter(target.state.models)),
        "version": next(iter(target.state.versions)),
    }
    assert set(labels_of(target)) == set(labels_of(source))
    assert set(predictions_of(target)) == set(predictions_of(source))


def test_what_arrives_is_what_was_there(migration: Migration, source: MemoryAdapter, target: MemoryAdapter) -> None:
    migration.apply(migration.plan())

    for row in labels_of(source).values():
        arrived = labels_of(target)[row.id]
        assert msgspec.structs.replace(arrived, provenance=None) == row
    (there,), (here,) = target.state.models.values(), source.state.models.values()
    assert (there.name, there.key, there.task, there.features) == (here.name, here.key, here.task, here.features)
    (version,) = target.state.versions.values()
    assert (version.name, version.tags, version.model) == ("v1", ("good",), there.id)
    features = target.ontologies.get(dataset_of(target)).features
    assert [feature.name for feature in features] == ["cat", "dog"]


def test_rows_and_things_carry_where_they_came_from(
    migration: Migration, source: MemoryAdapter, target: MemoryAdapter
) -> None:
    older = Label("img-0", "cat", Box(7, 7, 7, 7), id="older", provenance=Provenance("nucleus", "ann_1", author="ann"))
    source.labels.write([older], dataset=dataset_of(source))
    (model,), (version,) = source.state.models.values(), source.state.versions.values()

    migration.apply(migration.plan())

    assert labels_of(target)["older"].provenance == older.provenance
    label = next(iter(labels_of(target).values()))
    assert label.provenance == Provenance("here", label.id)
    prediction = next(iter(predictions_of(target).values()))
    assert prediction.provenance == Provenance("here", prediction.id, version=version.id)
    assert next(iter(target.state.models.values())).metadata == {"by": "us", "source": f"here:{model.id}"}
    assert next(iter(target.state.versions.values())).metadata["source"] == f"here:{version.id}"


def test_applying_twice_changes_nothing(migration: Migration, target: MemoryAdapter) -> None:
    plan = migration.plan()
    migration.apply(plan)
    held = (dict(labels_of(target)), dict(predictions_of(target)), dict(target.state.items[dataset_of(target).id]))
    things = (dict(target.state.datasets), dict(target.state.models), dict(target.state.versions))

    again = migration.apply(plan)

    assert again.ok
    assert {kind: dict(report.counts) for kind, report in again.reports.items()} == {
        "items": {"ignored": ITEMS},
        "labels": {"ignored": LABELS},
        "predictions": {"ignored": PREDICTIONS},
    }
    assert held == (labels_of(target), predictions_of(target), target.state.items[dataset_of(target).id])
    assert things == (target.state.datasets, target.state.models, target.state.versions)
    assert migration.verify(plan).ok


def test_answers_that_are_lost_again_and_again_lose_and_double_nothing(
    migration: Migration, target: MemoryAdapter
) -> None:
    plan = migration.plan()
    target.state.fail("labels.write", LostAnswer("cut off"), applied=True, times=target.limits.attempts)

    assert migration.apply(plan).ok

    assert migration.verify(plan).ok
    assert len(labels_of(target)) == LABELS


def test_an_apply_that_broke_off_is_finished_by_the_next(migration: Migration, target: MemoryAdapter) -> None:
    plan = migration.plan()
    target.state.fail("labels.write", LostAnswer("cut off"), applied=True, times=target.limits.attempts * FAILURES)

    with pytest.raises(Unavailable):
        migration.apply(plan)
    assert not migration.apply(plan).reports["labels"].counts["rejected"]

    assert migration.verify(plan).ok
    assert len(labels_of(target)) == LABELS


def test_a_plan_whose_source_has_changed_is_refused(
    migration: Migration, source: MemoryAdapter, target: MemoryAdapter
) -> None:
    plan = migration.plan()
    source.labels.write([Label("img-0", "cat", Box(1, 1, 1, 1))], dataset=dataset_of(source))

    with pytest.raises(Conflict, match="labels changed") as caught:
        migration.apply(plan)

    assert caught.value.hint == "Plan again."
    assert is_empty(target.state)


@pytest.mark.parametrize("kind", ["items", "labels", "predictions"])
def test_any_change_of_rows_on_the_source_makes_a_plan_stale(
    migration: Migration, source: MemoryAdapter, kind: str
) -> None:
    plan = migration.plan()
    held = {
        "items": source.state.items[dataset_of(source).id],
        "labels": labels_of(source),
        "predictions": predictions_of(source),
    }[kind]
    key, row = next(iter(held.items()))
    held[key] = msgspec.structs.replace(row, metadata={"changed": True})

    with pytest.raises(Conflict, match=f"{kind} changed"):
        migration.apply(plan)


def test_a_change_on_the_target_does_not_make_a_plan_stale(migration: Migration, target: MemoryAdapter) -> None:
    plan = migration.plan()
    target.datasets.create("pets")

    assert migration.apply(plan).ok


@pytest.mark.parametrize("row", [TURNED, COLORED], ids=["approximate", "stored"])
def test_a_loss_is_refused_before_anything_is_written(source: MemoryAdapter, row: Label) -> None:
    source.labels.write([row], dataset=dataset_of(source))
    target = open_memory(name="there", fidelity=LOSSY)
    migration = Migration(source, target, SCOPE)

    with pytest.raises(WouldLose, match="1 labels would lose something") as caught:
        migration.apply(migration.plan())

    assert (caught.value.platform, caught.value.operation) == ("there", "migrate.apply")
    assert "convert" in str(caught.value)
    assert is_empty(target.state)


def test_a_drop_is_refused_even_when_losses_are_accepted(source: MemoryAdapter) -> None:
    source.labels.write([Label("img-0", "cat", Point(1, 1))], dataset=dataset_of(source))
    target = open_memory(name="there", fidelity=LOSSY)
    migration = Migration(source, target, SCOPE, on_loss="convert")

    with pytest.raises(WouldLose, match="geometry point is dropped"):
        migration.apply(migration.plan())

    assert is_empty(target.state)


def test_accepted_losses_move_and_are_lossy_not_wrong(source: MemoryAdapter) -> None:
    source.labels.write([TURNED, COLORED], dataset=dataset_of(source))
    target = open_memory(name="there", fidelity=LOSSY)
    migration = Migration(source, target, SCOPE, on_loss="convert")
    plan = migration.plan()

    assert migration.apply(plan).ok
    verification = migration.verify(plan)

    assert verification.ok
    assert list(map(str, verification.differences)) == ["lossy labels turned iou: 0.6233"]
    assert verification.counts("labels") == {"same": LABELS + 1, "lossy": 1}, "what is stored comes back"


def test_what_was_dropped_on_purpose_is_lossy_not_missing(source: MemoryAdapter) -> None:
    source.labels.write([Label("img-0", "cat", Point(1, 1), id="p")], dataset=dataset_of(source))
    migration = Migration(source, open_memory(name="there", fidelity=LOSSY), SCOPE, on_loss="drop")
    plan = migration.plan()

    applied = migration.apply(plan)

    assert applied.ok
    assert [(loss.what, loss.rows) for loss in applied.reports["labels"].losses] == [("geometry point", 1)]
    assert list(map(str, migration.verify(plan).differences)) == ["lossy labels p"]


def test_what_an_item_would_lose_is_chosen_like_what_a_row_would(source: MemoryAdapter) -> None:
    target = open_memory(name="there", dataset_fidelity=DatasetFidelity({"item split": dropped("it has none")}))
    refused = Migration(source, target, SCOPE, on_loss="convert")
    plan = refused.plan()
    with pytest.raises(WouldLose, match=f"{ITEMS} items would lose something: item split is dropped"):
        refused.apply(plan)
    assert is_empty(target.state)

    migration = Migration(source, target, SCOPE, on_loss="drop")
    plan = migration.plan()
    applied = migration.apply(plan)

    assert [(loss.what, loss.rows) for loss in applied.reports["items"].losses] == [("item split", ITEMS)]
    verification = migration.verify(plan)
    assert verification.ok
    assert verification.counts("items") == {"same": 0, "lossy": ITEMS}


def test_a_row_that_was_dropped_on_purpose_must_not_be_there(source: MemoryAdapter) -> None:
    target = open_memory(name="there", fidelity=LOSSY)
    source.labels.write([Label("img-0", "cat", Point(1, 1), id="p")], dataset=dataset_of(source))
    migration = Migration(source, target, SCOPE, on_loss="drop")
    plan = migration.plan()
    migration.apply(plan)
    target.labels.write([Label("img-0", "cat", Box(0, 0, 1, 1), id="p")], dataset=dataset_of(target))

    assert "extra labels p" in map(str, migration.verify(plan).differences)


def test_a_row_that_the_target_rejects_is_an_outcome_and_missing(migration: Migration, source: MemoryAdapter) -> None:
    stray = Label("img-99", "cat", Box(0, 0, 1, 1), id="stray")
    labels_of(source)["stray"] = stray
    plan = migration.plan()

    applied = migration.apply(plan)

    assert not applied.ok
    ((kind, outcome),) = applied.problems()
    assert (kind, outcome.key, outcome.reason) == ("labels", "stray", "There is no item 'img-99'.")
    assert [str(difference) for difference in migration.verify(plan).differences] == ["missing labels stray"]


def test_progress_shows_every_step_that_lasts(source: MemoryAdapter, target: MemoryAdapter) -> None:
    shown: dict[str, int | None] = {}

    class Recorder:
        def track(self, rows, description, total=None):  # type: ignore
            shown[description] = total
            return rows

    migration = Migration(source, target, SCOPE, progress=Recorder())
    plan = migration.plan()
    migration.apply(plan)
    migration.verify(plan)

    assert shown.keys() >= {"read items", "read labels", "read predictions"}
    assert shown["write items"] == ITEMS
    assert shown["write labels"] == LABELS
    assert shown["write predictions"] == PREDICTIONS
    assert {"verify labels: here", "verify labels: there"} <= shown.keys()


def test_the_newest_version_moves_when_there_are_several(source: MemoryAdapter, target: MemoryAdapter) -> None:
    model = next(iter(source.state.models))
    second: Version = source.versions.create(model, name="v2")
    rows = [Prediction("img-0", "cat", Box(0, 0, 2, 2), confidence=1)]
    source.predictions.write(rows, version=second, dataset=dataset_of(source))
    newest, oldest = (
        Migration(source, target, SCOPE),
        Migration(source, target, SCOPE.model_copy(update={"version": "v1"})),
    )

    newest.apply(newest.plan())
    oldest.apply(oldest.plan())

    assert [version.name for version in target.state.versions.values()] == ["v2", "v1"]
    assert [len(held) for held in target.state.predictions.values()] == [1, PREDICTIONS]
    assert newest.verify(newest.plan()).ok
    assert oldest.verify(oldest.plan()).ok
