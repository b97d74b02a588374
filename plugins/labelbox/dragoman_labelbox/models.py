"""Models on Labelbox. Each has an ontology, which holds its features, and in the keeper its key, task and metadata."""

from __future__ import annotations

from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import Conflict, Unsupported
from dragoman.interface import Models
from dragoman.interface.models import select
from dragoman.schema import Feature, Model, Task
from dragoman_labelbox.nodes import ontology_out

ONTOLOGY = "labelbox_ontology"
"""Key of a model's metadata that names an ontology to use instead of making one."""

_KINDS = {
    Task.CLASSIFICATION: ("whole",),
    Task.OBJECT_DETECTION: ("box",),
    Task.INSTANCE_SEGMENTATION: ("polygon",),
}
"""Kinds of geometry that a model's features begin with; others are added when a prediction has them."""


class LabelboxModels(Models):
    """Models through `client.create_model` and its neighbours."""

    _adapter: Any

    def _create(self, model: Model) -> Model:
        self._refuse_second(model)
        client = self._adapter.client
        made = client.create_model(model.name, self._given_ontology(model) or self._new_ontology(model))
        return self._model(made)

    def _given_ontology(self, model: Model) -> str | None:
        """Return the ontology that the caller named, if any; one of somebody else's keeps nothing for us."""
        ontology: str | None = model.metadata.get(ONTOLOGY)
        if ontology and (len(model.metadata) > 1 or model.description or model.key != model.name):
            raise Unsupported(
                "A Labelbox model holds a name and an ontology only.",
                hint=f"Leave out key, description and metadata, or {ONTOLOGY!r}.",
            )
        return ontology

    def _new_ontology(self, model: Model) -> str:
        kinds = _KINDS[model.task] if model.task is not None else ("box",)
        features = [Feature(name=name, geometries=kinds) for name in model.features]
        kept = {
            "key": model.key,
            "task": model.task,
            "description": model.description,
            "metadata": model.metadata,
            "features": list(model.features),
        }
        normalized = ontology_out(features, {name: value for name, value in kept.items() if value})
        made: str = self._adapter.client.create_ontology(f"{model.name} (model)", normalized).uid
        return made

    def _refuse_second(self, model: Model) -> None:
        """Refuse a model whose key is taken; Labelbox itself knows no keys.

        Raises:
            Conflict: It is.
        """
        for found in self._adapter.client.get_models():
            if self._model(found).key == model.key:
                raise Conflict(f"There is a model of key {model.key!r}.", hint="Choose another key.")

    def _get(self, model: str) -> Model:
        return self._model(self._adapter.client.get_model(model))

    def _model(self, found: Any) -> Model:
        book = self._adapter.shelf.book(found.ontology_id)
        kept = book.kept
        ours = "key" in kept
        return Model(
            id=found.uid,
            name=found.name,
            key=kept.get("key") or found.name,
            task=Task(kept["task"]) if "task" in kept else None,
            features=tuple(kept["features"]) if "features" in kept else book.features,
            description=kept.get("description", ""),
            metadata=kept.get("metadata", {}) if ours else {ONTOLOGY: found.ontology_id},
        )

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        # Labelbox filters by exact values only; the SDK pages by 100. Features are asked for once per ontology.
        return Page(select(map(self._model, self._adapter.client.get_models()), query, order))

    _update = Gap.impossible("Labelbox changes no model once it is made.", instead="models.create under a new key")

    def _delete(self, model: str) -> None:
        # Its ontology stays, as on the platform: other models may use it.
        self._adapter.client.get_model(model).delete()
