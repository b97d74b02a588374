"""Models on Synapse: entries of the model list that are no version of another. See `entries`."""

from __future__ import annotations

from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.errors import Conflict
from dragoman.interface import Models
from dragoman.interface.models import select
from dragoman.schema import Model
from dragoman_synapse.entries import entry_in, model_facts, model_in
from dragoman_synapse.notes import Json
from dragoman_synapse.pages import listed


class SynapseModels(Models):
    """Models through `list_models`, `get_model`, `create_model` and what the second interface adds to them."""

    _adapter: Any
    keys_are_unique = False

    def _create(self, model: Model) -> Model:
        held = (model_in(entry) for entry in self._adapter.entries.all() if entry.is_model)
        if any(other.key == model.key for other in held):
            # Names are unique on Synapse, keys are ours.
            raise Conflict(f"There is a model of the key {model.key!r}.", hint="Give the new one another key.")
        made = self._adapter.entries.create(model.name, model_facts(model), description=model.description)
        return model_in(made)

    def _get(self, model: str) -> Model:
        return model_in(self._adapter.entries.get(model))

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        if order is not None:
            # Synapse says nothing of an order of its own, so all are needed.
            models = [model_in(entry) for entry in self._adapter.entries.all() if entry.is_model]
            return Page(select(models, query, order))
        found = listed(self._adapter.client, "models/", {"search": query}, cursor, size)
        entries = map(entry_in, found.rows)
        # The search looks at descriptions, too.
        return Page(select((model_in(entry) for entry in entries if entry.is_model), query, None), found.next)

    def _update(self, model: str, changes: dict[str, Any]) -> Model:
        entry = self._adapter.entries.get(model)
        before = model_in(entry)
        facts: Json = {"metadata": dict(changes["metadata"])} if "metadata" in changes else {}
        if "name" in changes:
            # The key may have been the old name.
            facts["key"] = before.key
        changed = self._adapter.entries.change(
            entry, facts, description=changes.get("description"), name=changes.get("name")
        )
        return model_in(changed)

    def _delete(self, model: str) -> None:
        model_in(self._adapter.entries.get(model))
        for version in self._adapter.versions.of(model):
            if version.id != model:
                self._adapter.versions.forget(version)
        self._adapter.entries.delete(model)
