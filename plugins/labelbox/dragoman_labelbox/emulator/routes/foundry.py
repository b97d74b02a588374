"""Foundry: apps of hosted models, and their runs over data rows. What an app finds is made up; see `README.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.answers import RowError
from dragoman_labelbox.emulator.graphql import GraphQLError, Handler, Query
from dragoman_labelbox.emulator.jobs import JobFailed
from dragoman_labelbox.emulator.objects import Annotations, App, DataRow, Model, Ontology, Run, RunRow
from dragoman_labelbox.emulator.rows import Row, Translator
from dragoman_labelbox.emulator.schemas import TOOLS
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]

SIDE = 100
"""Width and height of an image of which neither is known."""


class Foundry:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateFoundryAppPyApi": self.create,
            "GetFoundryAppByIdPyApi": lambda query: wire.app(self._app(query.get("id"))),
            "DeleteFoundryAppPyApi": self.delete,
            "CreateModelJobPyApi": self.run,
        }

    def _app(self, key: str) -> App:
        if key not in self._state.apps:
            # Not `RESOURCE_NOT_FOUND`: the SDK looks for these words instead.
            raise GraphQLError("NOT_FOUND", f"Foundry app {key} not found.")
        return self._state.apps[key]

    def create(self, query: Query) -> Json:
        made = App(
            **self._state.stamp(),
            name=query.get("name"),
            hosted_model=query.get("modelId"),
            description=query.variables.get("description"),
            parameters=query.get("inferenceParams"),
            classes=query.get("classToSchemaId"),
            ontology_id=self._state.ontology(query.get("ontologyId")).id,
        )
        self._state.apps[made.id] = made
        return wire.app(made)

    def delete(self, query: Query) -> Json:
        del self._state.apps[self._app(query.get("id")).id]
        return {"success": True}

    # -- running ------------------------------------------------------------------------------------------------------

    def run(self, query: Query) -> Json:
        wanted = query.get("input")
        app = self._app(wanted["modelAppId"])
        rows = self._state.named_rows(wanted.get("dataRowIds"), wanted.get("globalKeys"))
        run = Run(**self._state.stamp(), name=wanted["name"], model_id=self._model_of(app).id)
        self._state.runs[run.id] = run

        def work() -> None:
            ontology = self._state.ontology(app.ontology_id)
            translator = Translator(self._state, ontology, confident=True)
            for row in rows:
                try:
                    found = [one for each in self._found(app, ontology, row) for one in translator.take(each, row)]
                except RowError as error:
                    raise JobFailed(f"{error.name}: {error.message}") from error
                run.rows[row.id] = RunRow(row.id, predictions=Annotations(self._state.ids.new(), found))

        now, said = self._state.clock.now(), {"modelRunId": run.id}
        job = self._state.jobs.start(self._state.ids.new(), "model-job", now, work, name=run.name, metadata=said)
        return {"taskId": job.id}

    def _model_of(self, app: App) -> Model:
        """Return the model whose runs an app makes; there is one per app, made when it is first needed."""
        if app.model_id not in self._state.models:
            made = Model(**self._state.stamp(), name=app.name, ontology_id=app.ontology_id)
            self._state.models[made.id] = made
            app.model_id = made.id
        return self._state.models[app.model_id]

    def _found(self, app: App, ontology: Ontology, row: DataRow) -> Iterator[Row]:
        scripted = app.finds if app.finds is not None else made_up(app, ontology, row)
        return (msgspec.convert({"dataRow": {"id": row.id}, **each}, Row) for each in scripted)


def made_up(app: App, ontology: Ontology, row: DataRow) -> list[Json]:
    """Return one annotation in the middle of an image for each class that has a tool, each less certain."""
    if row.media != "IMAGE":
        return []
    width, height = row.attributes.get("width", SIDE), row.attributes.get("height", SIDE)
    left, top, right, bottom = width / 4, height / 4, 3 * width / 4, 3 * height / 4
    corners = [{"x": x, "y": y} for x, y in ((left, top), (right, top), (right, bottom), (left, bottom))]
    shapes = {
        "bbox": {"left": left, "top": top, "width": width / 2, "height": height / 2},
        "polygon": corners,
        "line": corners[:3:2],
        "point": corners[0],
    }
    tools = {tool["featureSchemaId"]: TOOLS[tool["tool"]] for tool in ontology.tools}
    named = [(schema, tools[schema]) for schema in app.classes.values() if tools.get(schema) in shapes]
    return [
        {"schemaId": schema, shape: shapes[shape], "confidence": 0.9 / place}
        for place, (schema, shape) in enumerate(named, start=1)
    ]
