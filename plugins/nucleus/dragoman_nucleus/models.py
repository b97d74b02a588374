"""Models on Nucleus (`prj_` ids). Task, features and description are kept in the metadata."""

from __future__ import annotations

from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import PlatformError
from dragoman.interface import Models
from dragoman.interface.models import select
from dragoman.schema import Model
from dragoman_nucleus.codec import model_in, model_metadata


class NucleusModels(Models):
    """Models through `client.create_model` and its neighbours."""

    _adapter: Any

    def _create(self, model: Model) -> Model:
        made = self._adapter.client.create_model(
            name=model.name, reference_id=model.key, metadata=model_metadata(model)
        )
        return model.model_copy(update={"id": made.id})

    def _get(self, model: str) -> Model:
        return model_in(self._adapter.client.get_model(model_id=model))

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        # Nucleus neither pages nor filters this listing.
        return Page(select(map(model_in, self._adapter.client.models), query, order))

    _update = Gap.impossible("Nucleus changes no model once it is made.", instead="models.create under a new key")

    def _delete(self, model: str) -> None:
        answer = self._adapter.client.delete_model(model)
        if not isinstance(answer, dict):
            raise PlatformError(f"Nucleus answered {answer!r} to the deletion of a model.")
