"""Models of the local backend: rows of its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.interface import Models
from dragoman.schema import Model
from dragoman_local import workers
from dragoman_local.home import home_of, settings_of


class LocalModels(Models):
    """Keeps models in the state."""

    def _create(self, model: Model) -> Model:
        return home_of(self).catalog.add_model(model)

    def _get(self, id: str) -> Model:
        return home_of(self).catalog.model(id)

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        return home_of(self).catalog.models(query, order, cursor, size)

    def _update(self, id: str, changes: Mapping[str, Any]) -> Model:
        return home_of(self).catalog.change_model(id, changes)

    def _delete(self, id: str) -> None:
        home = home_of(self)
        workers.look_at_all(home, settings_of(self))
        # The state first: a file that nothing refers to is waste, a version without its file would be a lie.
        versions, trainings = home.catalog.drop_model(id)
        for version in versions:
            home.remove_weights(version)
        for training in trainings:
            home.remove_training(training)
