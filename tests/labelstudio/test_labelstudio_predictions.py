"""Predictions of a project: those that name no version, those that are handed on, and whose project is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from labelstudio_said import ENDPOINT, LEGACY, client_of

import dragoman
from dragoman import Box, Cuboid, Item, NotFound, Prediction, Whole
from dragoman.fidelity import Keeper
from dragoman.formats.labelstudio.config import read_config
from dragoman.formats.labelstudio.tasks import task_of
from dragoman.schema import Feature, Ontology
from dragoman_labelstudio.codec import Encoder
from dragoman_labelstudio.configuration import written
from dragoman_labelstudio.fidelity import table_for

CONFIG = written(
    Ontology(
        name="street",
        features=(Feature(name="car", geometries=("box", "cuboid")), Feature(name="night", geometries=("whole",))),
    ),
    "image",
)
ITEM = Item("a.png", uri="https://example.com/a.png", width=64, height=48)
BOX = Prediction("a.png", "car", Box(1, 1, 2, 2), confidence=0.5)


class Studio:
    """Two projects, 1 and 2, of one configuration, each with a task of the same medium."""

    def __init__(self) -> None:
        self.predictions: dict[str, list[dict[str, Any]]] = {"1": [], "2": []}

    def add(self, project: str, version: str | None, *rows: Prediction) -> None:
        """Add a prediction whose rows are kept as a write would keep them."""
        config = read_config(CONFIG.encode())
        keep = Keeper(table_for(config), "store").keep
        results = Encoder(config, version).results(ITEM, [kept for row in rows if (kept := keep(row))], set())
        self._put(project, {"result": results, "model_version": version})

    def _put(self, project: str, prediction: dict[str, Any]) -> None:
        number = 1 + sum(map(len, self.predictions.values()))
        self.predictions[project].append({**prediction, "id": number})

    def __call__(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.strip("/").split("/")[1:]
        body = msgspec.json.decode(request.content) if request.content else {}
        project = request.url.params.get("project") or (parts[1] if len(parts) > 1 else "")
        if parts[0] == "predictions":
            return self._delete(int(parts[1]))
        if project not in self.predictions:
            return httpx.Response(404, json={"detail": "No Project matches the given query."})
        return httpx.Response(200, json=self._answer(request, parts, project, body))

    def _answer(self, request: httpx.Request, parts: list[str], project: str, body: Any) -> Any:
        if parts[0] == "tasks":
            (above,) = msgspec.json.decode(request.url.params["query"])["filters"]["items"]
            task = {"id": 7, **task_of(ITEM), "predictions": self.predictions[project]}
            return {"tasks": [task] if above["value"] < 7 else []}
        if parts[-1] == "model-versions":
            assert request.method == "GET", "a version without a name is refused"
            names = {one["model_version"] for one in self.predictions[project]}
            return {"static": [{"model_version": name} for name in sorted(names, key=str)]}
        if parts[-2:] == ["import", "predictions"]:
            for one in body:
                self._put(project, one)
            return {"created": len(body)}
        return {"id": int(project), "title": "street", "label_config": CONFIG}

    def _delete(self, number: int) -> httpx.Response:
        for project, found in self.predictions.items():
            self.predictions[project] = [one for one in found if one["id"] != number]
        return httpx.Response(204)


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def backend(studio: Studio) -> Iterator[Any]:
    with dragoman.connect("labelstudio", endpoint=ENDPOINT, token=LEGACY) as backend:
        found: Any = backend
        found.client = client_of(studio)
        yield found


@pytest.mark.parametrize("name", ["", None])
def test_predictions_that_name_no_version_are_one_without_a_name(studio: Studio, backend: Any, name: Any) -> None:
    studio.add("1", name, BOX)
    (version,) = backend.versions.list("1")
    assert (version.id, version.name) == ("1:", "")
    assert [row.id for row in backend.predictions.read(version, dataset="1")] == [BOX.id]


@pytest.mark.parametrize(
    "delete",
    [
        lambda backend: backend.versions.delete("1:"),
        lambda backend: backend.predictions.delete("1:", dataset="1"),
        lambda backend: backend.predictions.delete("", dataset="1"),
    ],
    ids=["the version", "its predictions", "by the name alone"],
)
def test_predictions_that_name_no_version_can_be_deleted(studio: Studio, backend: Any, delete: Any) -> None:
    studio.add("1", "", BOX)
    studio.add("1", "v1", BOX)
    studio.add("2", "", BOX)
    delete(backend)
    assert [one["model_version"] for one in studio.predictions["1"]] == ["v1"]
    assert len(studio.predictions["2"]) == 1


def test_what_was_stored_beside_a_prediction_is_handed_on_with_it(studio: Studio, backend: Any) -> None:
    rows = [
        Prediction("a.png", "car", Cuboid((1, 2, 3), (4, 5, 6)), confidence=0.0),
        Prediction("a.png", "night", Whole(), confidence=0.5, class_pdf={"night": 0.5, "day": 0.5}),
    ]
    studio.add("1", "v1", *rows)
    backend.handoff.send_predictions("1:v1", dataset="1", project="2")
    found = backend.predictions.read("v1", dataset="2")
    assert [msgspec.structs.replace(row, provenance=None) for row in found] == rows


def test_a_version_of_a_project_that_is_gone_is_not_found_when_it_is_written(backend: Any) -> None:
    with pytest.raises(NotFound, match="No Project") as caught:
        backend.predictions.write([BOX], version="3:v1", dataset="1")
    assert caught.value.operation == "predictions.write"
