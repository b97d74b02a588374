"""Models on MLflow: registered models. Their name is the key and the id; a display name of its own is a tag."""

from __future__ import annotations

from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.interface import Models
from dragoman.interface.models import select
from dragoman.schema import Model
from dragoman_mlflow.codec import is_ours, model_in, model_tags, wire_name
from dragoman_mlflow.pages import MOST, every, page_of
from dragoman_mlflow.tags import Json, written


class MlflowModels(Models):
    """Models through the calls for registered models."""

    _adapter: Any

    def _create(self, model: Model) -> Model:
        name = wire_name(model.key or model.name)
        return model_in(self._adapter.registry.create_model(name, model.description, model_tags(model)))

    def _get(self, model: str) -> Model:
        return model_in(self._adapter.registry.model(model))

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        registry = self._adapter.registry
        if query is None and order is None:
            return page_of(registry.models(cursor, size), model_in)
        # MLflow searches the names that it has, and a display name may be a tag; it does not order by creation.
        wires = every(lambda token: registry.models(token, MOST))
        return Page(select(map(model_in, wires), query, order))

    def _update(self, model: str, changes: dict[str, Any]) -> Model:
        registry = self._adapter.registry
        facts: Json = {name: changes[name] for name in ("name", "metadata") if name in changes}
        registry.tag_model(model, written(facts))
        if "description" in changes:
            registry.describe_model(model, changes["description"])
        return self._get(model)

    def _delete(self, model: str) -> None:
        registry = self._adapter.registry
        made = [wire["run_id"] for wire in registry.all_versions(model) if is_ours(wire)]
        registry.delete_model(model)
        for run in made:
            self._adapter.runs.delete(run)
