"""Migration between two platforms in memory: the plan says what will happen, apply does it, verify proves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from memory import LOSSY, LostAnswer, MemoryAdapter, State, open_memory

from dragoman import (
    Box,
    Conflict,
    Dataset,
    Feature,
    InvalidData,
    Item,
    Label,
    Migration,
    Model,
    NotFound,
    Ontology,
    Point,
    Prediction,
    Provenance,
    RotatedBox,
    Survival,
    Unavailable,
    Version,
    WouldLose,
    facet,
)
from dragoman.interface import Ontologies
from dragoman.migrate import Difference, Plan, PlannedStep, Scope, Verification
from dragoman.migrate.plan import Survey

SCOPE = Scope(dataset="pets", model="det-1")
KINDS = ["dataset", "ontology", "items", "labels", "model", "version", "predictions"]
ITEMS, LABELS, PREDICTIONS = 7, 10, 12
TURNED = Label("img-0", "cat", RotatedBox(10, 10, 4, 2, 30), id="turned")
COLORED = Label("img-1", "cat", Box(0, 0, 9, 9), id="colored", attributes={"color": "red"})


@pytest.fixture
def source(tmp_path: Path) -> MemoryAdapter:
    """A dataset with media files, an ontology, labels, and a model with one version and its predictions."""
    backend = open_memory(name="here")
    dataset = backend.datasets.create("pets")
    media = []
    for number in range(ITEMS):
        path = tmp_path / f"{number}.png"
        path.write_bytes(bytes([number]) * 100)
        media.append(Item(f"img-{number}", uri=str(path), width=64, height=48, split="train", metadata={"n": number}))
    backend.datasets.write_items(media, dataset=dataset)
    features = (Feature(name="cat"), Feature(name="dog"))
    backend.ontologies.create(Ontology(name="kinds", features=features), dataset=dataset)
    labels = [Label(f"img-{n % ITEMS}", ("cat", "dog")[n % 2], Box(n, n, 10, 10)) for n in range(LABELS)]
    backend.labels.write(labels, dataset=dataset)
    model = backend.models.create(
        "detector", task="object_detection", features=["cat", "dog"], key="det-1", metadata={"by": "us"}
    )
    version = backend.versions.create(model, name="v1", tags=["good"])
    rows = [
        Prediction(f"img-{n % ITEMS}", "dog", Box(n, 0, 10, 10), confidence=n / PREDICTIONS) for n in range(PREDICTIONS)
    ]
    backend.predictions.write(rows, version=version, dataset=dataset)
    return backend


@pytest.fixture
def target() -> MemoryAdapter:
    return open_memory(name="there")


@pytest.fixture
def migration(source: MemoryAdapter, target: MemoryAdapter) -> Migration:
    return Migration(source, target, SCOPE)


def dataset_of(backend: MemoryAdapter) -> Dataset:
    (dataset,) = backend.state.datasets.values()
    return dataset


def labels_of(backend: MemoryAdapter) -> dict[str, Label]:
    return backend.state.labels[dataset_of(backend).id]


def predictions_of(backend: MemoryAdapter) -> dict[str, Prediction]:
    (held,) = backend.state.predictions.values()
    return held


def is_empty(state: State) -> bool:
    return not (state.datasets or state.models or state.versions or state.ontologies or any(state.labels.values()))


# -- plan -------------------------------------------------------------------------------------------------------------


def test_a_plan_lists_everything_in_order_with_its_count(migration: Migration) -> None:
    plan = migration.plan()

    assert (plan.source, plan.target, plan.scope, plan.on_loss) == ("here", "there", SCOPE, "raise")
    assert [(step.kind, step.rows) for step in plan.steps] == list(
        zip(KINDS, [1, 2, ITEMS, LABELS, 1, 1, PREDICTIONS], strict=True)
    )
    assert [plan.step(kind).name for kind in ("dataset", "ontology", "model", "version")] == [  # type: ignore
        "pets",
        "kinds",
        "detector",
        "v1",
    ]
    labels = plan.step("labels")
    assert labels is not None
    assert (labels.geometries, labels.features) == ({"box": 10}, {"cat": 5, "dog": 5})
    assert plan.losses == []


def test_a_plan_writes_nothing(migration: Migration, source: MemoryAdapter, target: MemoryAdapter) -> None:
    before = msgspec.json.encode(list(labels_of(source).values()))

    migration.plan()

    assert is_empty(target.state)
    assert not [call for call in target.state.calls if call.endswith(("create", "write", "write_items"))]
    assert msgspec.json.encode(list(labels_of(source).values())) == before


def test_a_plan_says_what_is_there_already(migration: Migration, target: MemoryAdapter) -> None:
    target.datasets.create("pets")

    exists = {step.kind: step.exists for step in migration.plan().steps}

    assert exists == {
        "dataset": True,
        "ontology": None,
        "items": None,
        "labels": None,
        "model": False,
        "version": False,
        "predictions": None,
    }


@pytest.mark.parametrize("named", ["pets", None], ids=["by name", "by id"])
def test_the_scope_names_things_by_id_key_or_name(source: MemoryAdapter, target: MemoryAdapter, named: str) -> None:
    (model,), (version,) = source.state.models.values(), source.state.versions.values()

    for model_name in (model.id, "det-1", "detector"):
        for version_name in (version.id, "v1", None):
            scope = Scope(dataset=named or dataset_of(source).id, model=model_name, version=version_name)
            step = Migration(source, target, scope).plan().step("version")
            assert step is not None
            assert step.name == "v1"


def test_without_a_version_the_newest_is_taken(source: MemoryAdapter, migration: Migration) -> None:
    source.versions.create(next(iter(source.state.models)), name="v2")

    assert [(step.kind, step.name, step.rows) for step in migration.plan().steps][-2:] == [
        ("version", "v2", 1),
        ("predictions", "", 0),
    ]


def test_without_a_model_only_data_moves(source: MemoryAdapter, target: MemoryAdapter) -> None:
    migration = Migration(source, target, Scope(dataset="pets"))
    plan = migration.plan()

    assert [step.kind for step in plan.steps] == KINDS[:4]
    assert set(migration.apply(plan).reports) == {"items", "labels"}
    assert not target.state.models
    assert migration.verify(plan).ok


@pytest.mark.parametrize(
    "scope",
    [
        Scope(dataset="nope"),
        Scope(dataset="pets", model="nope"),
        Scope(dataset="pets", model="det-1", version="nope"),
    ],
)
def test_what_the_source_does_not_have_is_not_found(source: MemoryAdapter, target: MemoryAdapter, scope: Scope) -> None:
    with pytest.raises(NotFound, match="'nope'"):
        Migration(source, target, scope).plan()

    assert is_empty(target.state)


def test_losses_are_counted_per_geometry_and_field(source: MemoryAdapter) -> None:
    dataset = dataset_of(source)
    rows = [TURNED, COLORED, Label("img-2", "dog", Point(1, 1)), Label("img-3", "dog", Point(2, 2))]
    source.labels.write(rows, dataset=dataset)

    plan = Migration(source, open_memory(fidelity=LOSSY), SCOPE).plan()

    assert [(loss.what, loss.survival, loss.rows) for loss in plan.losses] == [
        ("field attributes", Survival.STORED, 1),
        ("geometry point", Survival.DROPPED, 2),
        ("geometry rotated_box", Survival.APPROXIMATE, 1),
    ]
    assert [loss.how for loss in plan.losses] == [
        "kept in the metadata",
        "there is no such geometry",
        "the box around it",
    ]


def test_an_ontology_stays_where_one_side_keeps_none(source: MemoryAdapter) -> None:
    class Without(MemoryAdapter):
        ontologies = facet(Ontologies)

    target = Without(source.settings, source.pipeline._hooks)
    target.state = State()

    migration = Migration(source, target, SCOPE)
    plan = migration.plan()

    assert plan.step("ontology") is None
    assert migration.apply(plan).ok


# -- fingerprints and files -------------------------------------------------------------------------------------------

ROWS = [Label(f"img-{n}", "cat", Box(n, 0, 1, 1)) for n in range(5)]


def fingerprint(rows: list[Label]) -> str:
    return Survey("labels").take(rows).fingerprint


def test_a_fingerprint_does_not_depend_on_the_order() -> None:
    assert fingerprint(ROWS) == fingerprint(ROWS[::-1])


@pytest.mark.parametrize(
    "rows",
    [
        ROWS[:4],
        [*ROWS, ROWS[0]],
        [*ROWS[:4], ROWS[0]],
        [*ROWS[:4], msgspec.structs.replace(ROWS[4], feature="dog")],
        [*ROWS[:4], msgspec.structs.replace(ROWS[4], metadata={"n": 1})],
        [],
    ],
    ids=["one less", "one twice", "one for another", "another feature", "more metadata", "none"],
)
def test_a_fingerprint_changes_with_any_row(rows: list[Label]) -> None:
    assert fingerprint(rows) != fingerprint(ROWS)


def test_a_plan_is_a_file(migration: Migration, tmp_path: Path) -> None:
    plan, path = migration.plan(), tmp_path / "plan.json"

    plan.save(path)

    assert Plan.load(path) == plan
    assert path.read_text().endswith("}\n")


@pytest.mark.parametrize("content", [None, b"", b"not json", b"{}", b"[]", b'{"source": "a", "colour": 1}', b"\xff"])
def test_a_file_that_is_no_plan_is_refused_by_its_path(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InvalidData, match=r"plan\.json") as caught:
        Plan.load(path)

    assert caught.value.field == "plan"


# -- apply ------------------------------------------------------------------------------------------------------------


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


def test_an_apply_that_broke_off_is_finished_by_the_next(migration: Migration, target: MemoryAdapter) -> None:
    plan = migration.plan()
    target.state.fail("labels.write", LostAnswer("cut off"), applied=True, times=target.limits.attempts)

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
    assert list(map(str, verification.differences)) == ["lossy labels turned"]
    assert verification.counts("labels") == {"same": LABELS + 1, "lossy": 1}, "what is stored comes back"


def test_what_was_dropped_on_purpose_is_lossy_not_missing(source: MemoryAdapter) -> None:
    source.labels.write([Label("img-0", "cat", Point(1, 1), id="p")], dataset=dataset_of(source))
    migration = Migration(source, open_memory(name="there", fidelity=LOSSY), SCOPE, on_loss="drop")
    plan = migration.plan()

    applied = migration.apply(plan)

    assert applied.ok
    assert [(loss.what, loss.rows) for loss in applied.reports["labels"].losses] == [("geometry point", 1)]
    assert list(map(str, migration.verify(plan).differences)) == ["lossy labels p"]


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


# -- verify -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def moved(migration: Migration) -> Plan:
    plan = migration.plan()
    migration.apply(plan)
    return plan


def test_what_arrived_is_the_same(migration: Migration, moved: Plan) -> None:
    verification = migration.verify(moved)

    assert verification.ok
    assert verification.differences == []
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


def test_declared_losses_do_not_count_against_a_verification() -> None:
    lossy = Difference("labels", "lossy", "a")

    assert Verification(differences=[lossy]).ok
    assert not Verification(differences=[lossy, Difference("labels", "missing", "b")]).ok


def test_steps_of_a_plan_cannot_be_changed(migration: Migration) -> None:
    step: PlannedStep = migration.plan().steps[0]

    with pytest.raises(ValueError, match="frozen"):
        step.rows = 5


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
