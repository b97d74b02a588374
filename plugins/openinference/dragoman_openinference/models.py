"""Models on a server: what its repository lists and what it says of each."""

from __future__ import annotations

from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import NotFound, Unsupported
from dragoman.interface import Models
from dragoman.interface.models import select
from dragoman.schema import Model
from dragoman_openinference.facts import ModelFacts, Place
from dragoman_openinference.reading import Reading

FILES = "What a server serves is files in its repository, and the protocol writes none."
"""Why models and versions cannot be changed."""


class ServedModels(Models):
    """Models through the repository's index and the models' metadata."""

    _adapter: Any

    _create = Gap.impossible(FILES, instead="repository.load for files that are there")

    def _get(self, model: str) -> Model:
        place = Place.of(model)
        if place.version is not None:
            raise NotFound(f"There is no model {model!r}; a model's name has no slash.")
        return self._model(self._adapter.server.model(place))

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        # The index comes whole, and has only names.
        names = sorted({entry.name for entry in self._adapter.server.index()})
        return Page(select((Model(name=name, id=name, key=name) for name in names), query, order))

    _update = Gap.impossible(FILES)
    _delete = Gap.impossible(FILES, instead="repository.unload, after which it takes no more requests")

    def _model(self, facts: ModelFacts) -> Model:
        layout = self._adapter.settings.layout_of(facts.name)
        try:
            task = Reading.of(facts, layout).task
        except Unsupported:
            # It is there, and cannot be asked for predictions.
            task = None
        return Model(
            name=facts.name,
            id=facts.name,
            key=facts.name,
            task=task,
            features=layout.features,
            metadata=described(facts),
        )


def described(facts: ModelFacts) -> dict[str, Any]:
    """Return what a model takes and gives, as metadata."""
    tensors = {"inputs": facts.inputs, "outputs": facts.outputs}
    found: dict[str, Any] = {
        name: {one.name: f"{one.datatype} {one.shape}" for one in every} for name, every in tensors.items()
    }
    return found | ({"platform": facts.platform} if facts.platform else {})
