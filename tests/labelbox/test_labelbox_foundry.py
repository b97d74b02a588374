"""Inference by Foundry over the emulator: an app runs once over data rows, and what it found is read and filtered."""

from __future__ import annotations

from typing import Any

import pytest
from labelbox.schema.foundry.app import App
from labelbox.schema.foundry.foundry_client import FoundryClient

from dragoman import (
    Box,
    InvalidData,
    Item,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    PlatformError,
    Point,
    Unsupported,
)
from dragoman.emulate import Answer, DropAfter, Live

FOUND = {"bbox": {"left": 1, "top": 2, "width": 10, "height": 10}}
NEAR = {"bbox": {"left": 2, "top": 2, "width": 10, "height": 10}}


@pytest.fixture
def ontology(backend: Any) -> Any:
    """An ontology of somebody else's: boxes of cars and vans, and a point."""
    tools = [{"tool": "rectangle", "name": name} for name in ("car", "van")] + [{"tool": "point", "name": "nose"}]
    return backend.client.create_ontology("by hand", {"tools": tools, "classifications": []})


@pytest.fixture
def app(backend: Any, ontology: Any) -> str:
    """The id of a Foundry app, made as people make it on the platform."""
    classes = {tool["name"]: tool["featureSchemaId"] for tool in ontology.normalized["tools"]}
    made = App(
        model_id="hosted", name="detector", inference_params={}, class_to_schema_id=classes, ontology_id=ontology.uid
    )
    return str(FoundryClient(backend.client)._create_app(made).id)


def finds(emulated: Live[Any], app: str, *rows: dict[str, Any]) -> None:
    """Let an app find these on every data row."""
    emulated.state.apps[app].finds = list(rows)


def test_what_an_app_finds_comes_back_under_the_items_keys(backend: Any, dataset: Any, app: str) -> None:
    items = [item for item in backend.datasets.read_items(dataset) if item.key in "ab"]
    found = list(backend.inference.predict(app, items))
    assert {row.item for row in found} == {"a", "b"}
    assert [(row.feature, row.geometry, row.confidence) for row in found if row.item == "a"] == [
        ("car", Box(25, 25, 50, 50), 0.9),
        ("van", Box(25, 25, 50, 50), 0.45),
        ("nose", Point(25, 25), 0.3),
    ]


def test_items_are_named_by_their_global_keys(backend: Any, dataset: Any, app: str, emulated: Live[Any]) -> None:
    assert {row.item for row in backend.inference.predict(app, [Item("b")])} == {"b"}
    (run,) = emulated.state.runs.values()
    assert [emulated.state.rows[row].global_key for row in run.rows] == ["b"]
    with pytest.raises(InvalidData, match="nowhere") as refusal:
        list(backend.inference.predict(app, [Item("a"), Item("nowhere")]))
    assert (refusal.value.row, refusal.value.field) == (1, "key")


def test_the_run_stays_on_the_platform_and_is_read_as_a_version(
    backend: Any, dataset: Any, app: str, emulated: Live[Any]
) -> None:
    found = list(backend.inference.predict(app, [Item("a")], confidence=0))
    (run,) = emulated.state.runs
    assert backend.versions.get(run).name == "Dragoman"
    assert {row.id for row in backend.predictions.read(run, dataset=dataset)} == {row.id for row in found}


def test_the_thresholds_of_a_call_hold(backend: Any, dataset: Any, app: str, emulated: Live[Any]) -> None:
    finds(
        emulated,
        app,
        {"name": "car", "confidence": 0.8, **FOUND},
        {"name": "car", "confidence": 0.9, **NEAR},
        {"name": "van", "confidence": 0.5, **FOUND},
        {"name": "car", "confidence": 0.0, "bbox": {"left": 50, "top": 50, "width": 5, "height": 5}},
    )

    def seen(**options: float) -> list[tuple[str, float]]:
        return [(row.feature, row.confidence) for row in backend.inference.predict(app, [Item("a")], **options)]

    assert seen() == [("car", 0.9), ("van", 0.5)], "the overlap of the two cars is above a half"
    assert seen(iou=0.9) == [("car", 0.8), ("car", 0.9), ("van", 0.5)]
    assert seen(confidence=0, iou=1) == [("car", 0.8), ("car", 0.9), ("van", 0.5), ("car", 0.0)]


def test_items_are_run_in_batches(backend: Any, app: str, emulated: Live[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from dragoman.calls.limits import Limits

    dataset = backend.datasets.create("many")
    items = [Item(f"{n}", uri=f"https://example.com/{n}.jpg") for n in range(5)]
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    monkeypatch.setattr(backend, "limits", Limits(batch_size=2))
    found = backend.inference.predict(app, iter(items))
    assert next(found).item == "0"
    assert len(emulated.state.runs) == 1, "the next batch is run when it is needed"
    assert {row.item for row in found} == {"1", "2", "3", "4", "0"}
    assert [len(run.rows) for run in emulated.state.runs.values()] == [2, 2, 1]


def test_an_unknown_app_is_not_found(backend: Any, dataset: Any) -> None:
    with pytest.raises(NotFound, match="not found"):
        list(backend.inference.predict("nobody", [Item("a")]))


def test_what_foundry_does_not_choose_is_unsupported(backend: Any, app: str) -> None:
    with pytest.raises(Unsupported, match="simplify"):
        backend.inference.predict(app, [Item("a")], simplify=1.0)


def test_a_run_whose_answer_is_lost_is_not_made_twice(
    backend: Any, dataset: Any, app: str, emulated: Live[Any]
) -> None:
    emulated.faults.add(DropAfter(), path="*/graphql/CreateModelJobPyApi")
    with pytest.raises(OutcomeUnknown):
        list(backend.inference.predict(app, [Item("a")]))
    assert len(emulated.state.runs) == 1


@pytest.mark.parametrize(
    "step",
    [
        "GetFoundryAppByIdPyApi",
        "getDataRowsForGlobalKeysPyApi",
        "getDataRowsForGlobalKeysResultPyApi",
        "exportDataRowsInModelRunPyApi",
    ],
)
def test_passing_failures_are_not_seen(backend: Any, dataset: Any, app: str, emulated: Live[Any], step: str) -> None:
    emulated.faults.add(Answer(503), path=f"*/graphql/{step}")
    assert len(list(backend.inference.predict(app, [Item("a")], confidence=0))) == 3
    assert (len(emulated.state.runs), emulated.faults.pending()) == (1, [])


def test_a_refused_run_says_why(backend: Any, dataset: Any, app: str, emulated: Live[Any]) -> None:
    emulated.faults.add(Answer(403), path="*/graphql/CreateModelJobPyApi")
    with pytest.raises(PermissionDenied):
        list(backend.inference.predict(app, [Item("a")]))
    emulated.state.jobs.fail_next("model-job", "No credits.")
    with pytest.raises(PlatformError, match=r"No credits\."):
        list(backend.inference.predict(app, [Item("a")]))


def test_a_run_that_lasts_is_waited_for(backend: Any, dataset: Any, app: str, emulated: Live[Any]) -> None:
    emulated.settings.job_polls = 3
    assert len(list(backend.inference.predict(app, [Item("a")], confidence=0))) == 3
    assert backend.waited
