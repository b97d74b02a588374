"""The plan: what will move, what exists, what will be lost; and the file that it is."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from memory import LOSSY, MemoryAdapter, State, open_memory
from moving import (
    COLORED,
    ITEMS,
    KINDS,
    LABELS,
    PREDICTIONS,
    SCOPE,
    TURNED,
    dataset_of,
    is_empty,
    labels_of,
)

from dragoman import (
    Box,
    Feature,
    InvalidData,
    Label,
    Migration,
    NotFound,
    Ontology,
    Point,
    Survival,
    facet,
)
from dragoman.fidelity import DatasetFidelity, approximate, dropped
from dragoman.interface import Ontologies
from dragoman.migrate import Plan, PlannedStep, Scope
from dragoman.migrate.survey import Survey


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


PLAIN = DatasetFidelity({"item split": dropped("it has none"), "feature color": approximate("one of twelve")})
"""What a platform keeps of items and ontologies that has no splits and few colours."""


def test_losses_of_items_and_features_are_counted(source: MemoryAdapter) -> None:
    features = (Feature(name="cat", color="#102030"), Feature(name="dog"))
    source.ontologies.create(Ontology(name="kinds", features=features), dataset=dataset_of(source))

    plan = Migration(source, open_memory(name="there", dataset_fidelity=PLAIN), SCOPE).plan()

    assert [(loss.what, loss.survival, loss.rows) for loss in plan.losses] == [
        ("feature color", Survival.APPROXIMATE, 1),
        ("item split", Survival.DROPPED, ITEMS),
    ]


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


def test_steps_of_a_plan_cannot_be_changed(migration: Migration) -> None:
    step: PlannedStep = migration.plan().steps[0]

    with pytest.raises(ValueError, match="frozen"):
        step.rows = 5


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
