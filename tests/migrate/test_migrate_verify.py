"""Verify: finds what is missing, extra or changed, and tells it from what was lost by agreement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from memory import MemoryAdapter, open_memory
from moving import (
    ITEMS,
    LABELS,
    PREDICTIONS,
    SCOPE,
    dataset_of,
    items_of,
    labels_of,
    predictions_of,
)

from dragoman import (
    Box,
    Label,
    Mask,
    Migration,
    Model,
    NotFound,
    Point,
)
from dragoman.fidelity import EXACT, FidelityTable, LossPolicy, approximate
from dragoman.migrate import Difference, Plan, Verification


@pytest.fixture
def moved(migration: Migration) -> Plan:
    plan = migration.plan()
    migration.apply(plan)
    return plan


def test_what_arrived_is_the_same(migration: Migration, moved: Plan) -> None:
    verification = migration.verify(moved)

    assert verification.ok
    assert list(verification.differences) == []
    assert verification.same == {"items": ITEMS, "labels": LABELS, "predictions": PREDICTIONS, "model": 1}


def test_a_target_to_which_nothing_was_applied_is_not_found(migration: Migration) -> None:
    with pytest.raises(NotFound, match="there has no dataset named 'pets'") as caught:
        migration.verify(migration.plan())

    assert caught.value.hint == "Apply the plan first."


Tamper = Callable[[MemoryAdapter], None]


def drop_a_label(backend: MemoryAdapter) -> None:
    labels_of(backend).pop(next(iter(labels_of(backend))))


def add_a_label(backend: MemoryAdapter) -> None:
    labels_of(backend)["extra"] = Label("img-0", "cat", Box(0, 0, 1, 1), id="extra")


def move_a_label(backend: MemoryAdapter) -> None:
    key, row = next(iter(labels_of(backend).items()))
    labels_of(backend)[key] = msgspec.structs.replace(row, geometry=Box(0, 0, 10, 10.5))


def round_a_confidence(backend: MemoryAdapter) -> None:
    key, row = list(predictions_of(backend).items())[1]
    predictions_of(backend)[key] = msgspec.structs.replace(row, confidence=round(row.confidence or 0, 2))


def lose_a_confidence_of_zero(backend: MemoryAdapter) -> None:
    key, row = next(iter(predictions_of(backend).items()))
    predictions_of(backend)[key] = msgspec.structs.replace(row, confidence=None)


def resize_an_item(backend: MemoryAdapter) -> None:
    held = backend.state.items[dataset_of(backend).id]
    held["img-3"] = msgspec.structs.replace(held["img-3"], width=63)


def lose_an_item(backend: MemoryAdapter) -> None:
    backend.state.items[dataset_of(backend).id].pop("img-3")


def forget_a_feature(backend: MemoryAdapter) -> None:
    key, model = next(iter(backend.state.models.items()))
    backend.state.models[key] = Model(**{**model.model_dump(), "features": ("cat",)})


@pytest.mark.parametrize(
    ("tamper", "kind", "verdict", "detail"),
    [
        (drop_a_label, "labels", "missing", ""),
        (add_a_label, "labels", "extra", ""),
        (move_a_label, "labels", "changed", "geometry: "),
        (round_a_confidence, "predictions", "changed", "confidence: 0.08333333333333333 became 0.08"),
        (lose_a_confidence_of_zero, "predictions", "changed", "confidence: 0.0 became None"),
        (resize_an_item, "items", "changed", "width: 64 became 63"),
        (lose_an_item, "items", "missing", ""),
        (forget_a_feature, "model", "changed", "features: ['cat', 'dog'] became ['cat']"),
    ],
)
def test_verify_finds_what_is_not_the_same(
    migration: Migration, moved: Plan, target: MemoryAdapter, tamper: Tamper, kind: str, verdict: str, detail: str
) -> None:
    tamper(target)

    verification = migration.verify(moved)

    assert not verification.ok
    (difference,) = verification.differences
    assert (difference.kind, difference.verdict) == (kind, verdict)
    assert difference.detail.startswith(detail)
    assert verification.counts(kind)[verdict] == 1
    assert str(difference).startswith(f"{verdict} {kind} {difference.key}")


def test_verify_finds_several_things_at_once(migration: Migration, moved: Plan, target: MemoryAdapter) -> None:
    for tamper in (add_a_label, drop_a_label, move_a_label, lose_an_item):
        tamper(target)

    verification = migration.verify(moved)

    assert verification.counts("labels") == {"same": LABELS - 2, "missing": 1, "extra": 1, "changed": 1}
    assert verification.counts("items") == {"same": ITEMS - 1, "missing": 1}
    assert len(verification.differences) == 4


def test_the_order_of_metadata_is_no_difference(migration: Migration, source: MemoryAdapter) -> None:
    source.labels.write(
        [Label("img-0", "cat", Box(0, 0, 5, 5), id="m", metadata={"a": 1, "b": {"c": 2, "d": 3}})],
        dataset=dataset_of(source),
    )
    plan = migration.plan()
    migration.apply(plan)
    there = labels_of(migration.target)  # type: ignore[arg-type]
    there["m"] = msgspec.structs.replace(there["m"], metadata={"b": {"d": 3, "c": 2}, "a": 1})

    assert migration.verify(plan).ok


def test_media_are_compared_when_asked(
    migration: Migration, moved: Plan, target: MemoryAdapter, tmp_path: Path
) -> None:
    held = target.state.items[dataset_of(target).id]
    for number in (2, 5):
        path = tmp_path / f"copy-{number}.png"
        path.write_bytes(bytes([2]) * 100)
        held[f"img-{number}"] = msgspec.structs.replace(held[f"img-{number}"], uri=path.as_uri())

    assert migration.verify(moved).ok
    verification = migration.verify(moved, media=True)

    assert not verification.ok
    (difference,) = verification.differences
    assert (difference.kind, difference.verdict, difference.key) == ("media", "changed", "img-5")
    assert verification.counts("media") == {"same": ITEMS - 1, "changed": 1}


def test_media_that_cannot_be_read_are_a_difference(migration: Migration, moved: Plan, target: MemoryAdapter) -> None:
    held = target.state.items[dataset_of(target).id]
    held["img-4"] = msgspec.structs.replace(held["img-4"], uri="/nowhere/4.png")

    (difference,) = migration.verify(moved, media=True).differences

    assert (difference.kind, difference.key) == ("media", "img-4")
    assert "cannot be read from '/nowhere/4.png'" in difference.detail


@pytest.mark.parametrize(
    "uri", ["/nowhere/4.png", "s3://bucket/4.png", "http://127.0.0.1:9/a b.png", "http://[::1/4.png", "https://"]
)
def test_media_that_cannot_be_read_on_either_side_are_not_the_same(
    source: MemoryAdapter, migration: Migration, uri: str
) -> None:
    held = items_of(source)
    held["img-4"] = msgspec.structs.replace(held["img-4"], uri=uri)
    plan = migration.plan()
    migration.apply(plan)

    verification = migration.verify(plan, media=True)

    assert not verification.ok
    assert verification.counts("media") == {"same": ITEMS - 1, "changed": 1}
    (difference,) = verification.differences
    assert "the source's cannot be read" in difference.detail


def test_a_file_whose_uri_is_quoted_is_read(source: MemoryAdapter, migration: Migration, tmp_path: Path) -> None:
    held = items_of(source)
    for name in ("a b.png", "100%25.png"):
        path = tmp_path / name
        path.write_bytes(b"x")
        uris = [path.as_uri(), f"file://{path}", str(path)]
        for number, uri in enumerate(uris):
            held[f"img-{number}"] = msgspec.structs.replace(held[f"img-{number}"], uri=uri)
        plan = migration.plan()

        target = open_memory(name="there")
        Migration(source, target, SCOPE).apply(plan)

        assert Migration(source, target, SCOPE).verify(plan, media=True).ok


def test_declared_losses_do_not_count_against_a_verification() -> None:
    verification = Verification()

    verification.add(Difference("labels", "lossy", "a"))
    assert verification.ok
    verification.add(Difference("labels", "missing", "b"))
    assert not verification.ok


OUTLINES = FidelityTable({"box": EXACT, "polygon": EXACT, "mask": approximate("its outline", to="polygon")})
EMPTY = Label("img-0", "cat", Mask(4, 4, (16,)), id="empty")
FULL = Label("img-0", "cat", Mask(4, 4, (5, 2, 9)), id="full")


def moving_masks(source: MemoryAdapter, policy: LossPolicy) -> Migration:
    """Return the move of a mask with pixels and of one without to a target that keeps outlines only."""
    source.labels.write([EMPTY, FULL], dataset=dataset_of(source))
    return Migration(source, open_memory(name="there", fidelity=OUTLINES), SCOPE, on_loss=policy)


@pytest.mark.parametrize("policy", ["convert", "store"])
def test_a_row_that_cannot_be_written_is_missing_and_verification_says_why(
    source: MemoryAdapter, policy: LossPolicy
) -> None:
    migration = moving_masks(source, policy)
    plan = migration.plan()
    applied = migration.apply(plan)

    verification = migration.verify(plan)

    assert applied.reports["labels"].counts["rejected"] == 1
    assert not verification.ok
    (difference,) = (one for one in verification.differences if one.verdict != "lossy")
    assert str(difference) == "missing labels empty The mask is empty: nothing of it has a place."


def test_a_row_whose_loss_was_refused_and_that_nothing_is_close_to_is_missing(source: MemoryAdapter) -> None:
    migration = moving_masks(source, "convert")
    migration.apply(migration.plan())
    strict = Migration(source, migration.target, SCOPE, on_loss="raise")

    verification = strict.verify(strict.plan())

    assert not verification.ok
    assert [one.key for one in verification.differences if one.verdict == "missing"] == ["empty"]


@pytest.mark.parametrize("policy", ["convert", "store"])
def test_a_row_that_cannot_be_written_is_counted_as_refused_in_every_plan(
    source: MemoryAdapter, policy: LossPolicy
) -> None:
    migration = moving_masks(source, policy)
    first = migration.plan()
    migration.apply(first)
    again = migration.plan()

    steps = [plan.step("labels") for plan in (first, again)]
    assert [step.refusals for step in steps if step] == [{"The mask is empty: nothing of it has a place.": 1}] * 2


def test_a_plan_to_drop_rows_stands_a_row_that_cannot_be_converted(source: MemoryAdapter) -> None:
    migration = moving_masks(source, "drop")
    plan = migration.plan()
    migration.apply(plan)

    assert migration.plan().identity == plan.identity
    assert "full" in labels_of(migration.target)  # type: ignore[arg-type]
    assert "empty" in [difference.key for difference in migration.verify(plan).differences]


def test_a_row_of_a_form_without_a_place_does_not_stop_a_second_plan(source: MemoryAdapter) -> None:
    migration = moving_masks(source, "convert")
    migration.apply(migration.plan())
    source.labels.write([Label("img-1", "cat", Point(1, 1))], dataset=dataset_of(source))

    assert [(loss.what, loss.rows) for loss in migration.plan().losses] == [("geometry mask", 2), ("geometry point", 1)]
