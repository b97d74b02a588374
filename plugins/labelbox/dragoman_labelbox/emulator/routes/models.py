"""Models, and making and listing their runs."""

from __future__ import annotations

from functools import partial
from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import Model, Run
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]


class Models:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "createModelPyApi": self.create,
            "GetModelPyApi": lambda query: wire.model(self._state.model(query.get("param_0"))),
            "GetModelsPyApi": self.listing,
            "DeleteModelPyApi": self.delete,
            "CreateModelRunPyApi": self.create_run,
            "GetModelModelRunsPyApi": self.runs,
            "GetModelRunPyApi": lambda query: wire.run(self._state, self._state.run(query.get("param_0"))),
            "DeleteModelRunPyApi": self.delete_run,
        }

    def create(self, query: Query) -> Json:
        if not query.get("name"):
            raise invalid("A model needs a name.")
        ontology = self._state.ontology(query.get("ontologyId"))
        made = Model(**self._state.stamp(), name=query.get("name"), ontology_id=ontology.id)
        self._state.models[made.id] = made
        return wire.model(made)

    def listing(self, query: Query) -> list[Json]:
        return query.paged(self._state.models.values(), wire.model)

    def delete(self, query: Query) -> bool:
        model = self._state.model(query.get("ids"))
        for run in self._state.runs_of(model.id):
            del self._state.runs[run.id]
        del self._state.models[model.id]
        return True

    def create_run(self, query: Query) -> Json:
        model = self._state.model(query.get("modelId"))
        config = query.variables.get("config")
        made = Run(**self._state.stamp(), name=query.get("name"), model_id=model.id)
        made.config = {_camel(key): value for key, value in config.items()} if config else None
        self._state.runs[made.id] = made
        return wire.run(self._state, made)

    def runs(self, query: Query) -> Json:
        model = self._state.model(query.subject())
        return {"modelRuns": query.paged(self._state.runs_of(model.id), partial(wire.run, self._state))}

    def delete_run(self, query: Query) -> bool:
        run = self._state.run(query.get("ids"))
        del self._state.runs[run.id]
        return True


def _camel(key: str) -> str:
    """Spell a key as the service does when it comes with a new run."""
    first, *rest = key.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
