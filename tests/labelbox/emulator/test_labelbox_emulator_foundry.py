"""Foundry apps and their runs, through the SDK alone."""

from __future__ import annotations

from typing import Any

import pytest
from labelbox.schema.foundry.app import App
from labelbox.schema.foundry.foundry_client import FoundryClient
from labelbox.schema.identifiables import GlobalKeys
from lbox import exceptions

from dragoman.emulate import Live


def lines(task: Any) -> list[dict[str, Any]]:
    """All lines of an export."""
    task.wait_till_done()
    return [line.json for line in task.get_buffered_stream()] if task.has_result() else []


@pytest.fixture
def foundry(client: Any) -> FoundryClient:
    """The SDK's client of Foundry."""
    return FoundryClient(client)


@pytest.fixture
def app(foundry: FoundryClient, ontology: Any) -> App:
    """An app that knows cars and roads."""
    classes = {tool["name"]: tool["featureSchemaId"] for tool in ontology.normalized["tools"][:2]}
    return foundry._create_app(
        App(
            model_id="hosted",
            name="app",
            inference_params={"confidence": 0.2},
            class_to_schema_id=classes,
            ontology_id=ontology.uid,
        )
    )


def test_apps_are_made_found_and_deleted(foundry: FoundryClient, app: App) -> None:
    assert app.id is not None
    found = foundry._get_app(app.id)
    assert (found.model_id, found.inference_params) == ("hosted", {"confidence": 0.2})
    foundry._delete_app(app.id)
    with pytest.raises(exceptions.ResourceNotFoundError):
        foundry._get_app(app.id)


def test_a_run_finds_something_for_each_class_on_each_row(client: Any, dataset: Any, app: App) -> None:
    task = client.run_foundry_app("first", GlobalKeys(["a", "b"]), app.id)
    task.wait_till_done()
    assert (task.status, task.name) == ("COMPLETE", "first")
    run = client.get_model_run(task.metadata["modelRunId"])
    assert client.get_model(run.model_id).name == "app"
    shown = lines(run.export(params={"predictions": True}))
    held = [line["experiments"][run.model_id]["runs"][run.uid]["predictions"][0] for line in shown]
    assert [[one["name"] for one in label["annotations"]["objects"]] for label in held] == [["car", "road"]] * 2


def test_two_runs_of_an_app_are_of_one_model(client: Any, dataset: Any, app: App) -> None:
    tasks = [client.run_foundry_app(name, GlobalKeys(["a"]), app.id) for name in ("one", "two")]
    runs = [client.get_model_run(task.metadata["modelRunId"]) for task in tasks]
    assert len({run.model_id for run in runs}) == 1


def test_nothing_is_found_on_a_video(client: Any, dataset: Any, app: App) -> None:
    task = client.run_foundry_app("first", GlobalKeys(["v"]), app.id)
    run = client.get_model_run(task.metadata["modelRunId"])
    assert (task.status, len(list(run.model_run_data_rows()))) == ("COMPLETE", 1)


def test_finds_that_do_not_fit_fail_the_task(client: Any, dataset: Any, app: App, live: Live[Any]) -> None:
    live.state.apps[app.id].finds = [{"name": "unicorn", "point": {"x": 1, "y": 1}}]
    task = client.run_foundry_app("first", GlobalKeys(["a"]), app.id)
    assert task.status == "FAILED"
    assert "unicorn" in task.result_url
