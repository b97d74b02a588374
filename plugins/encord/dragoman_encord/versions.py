"""Versions on Encord: iterations of a model, each made by one training, and versions that were trained elsewhere.

Encord takes no trained model in, but it can hold the predictions of one. So a version from outside is a line in the
model's description, and a branch of labels once it has predictions. An id names the model and the version.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid5

import requests
from encord.objects.ml_models import (
    ModelIteration,
    ModelIterationTrainingData,
    ModelIterationTrainingDataListRequest,
    ModelWithIterations,
)

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import Conflict, NotFound, Unsupported
from dragoman.interface import Versions
from dragoman.schema import Item, Status, Version
from dragoman.schema.rows import NAMESPACE
from dragoman_encord.ids import checked, pair, parts
from dragoman_encord.notes import joined, parted

FACTS = ("name", "dataset", "config", "tags", "metadata")
"""What is noted of a version from outside when it is created; metrics come with an update."""
MEDIA = {"imageGroup": "img_group"}
"""Item types whose name differs from that of the media of an item."""


class EncordVersions(Versions):
    """Iterations through `MlModelsClient`; versions from outside through the model's description."""

    _adapter: Any

    def _create(self, version: Version) -> Version:
        model = checked(version.model, "model")
        held = self._held(model)
        # Named by its name, so that one whose answer was lost can be told from a new one.
        key = str(uuid5(NAMESPACE, f"{model}/{version.name}"))
        if key in held.outside:
            raise Conflict(f"The model {model} has a version {version.name!r}.", hint="Give the new one another name.")
        facts = {name: getattr(version, name) for name in FACTS}
        self._keep(held, {**held.outside, key: {name: value for name, value in facts.items() if value}})
        return version.model_copy(update={"id": pair(model, key)})

    def _get(self, version: str) -> Version:
        model, key = parts(version, "version")
        found = self._held(model).versions()
        if key not in found:
            raise NotFound(f"The model {model} has no version {key}.")
        return found[key]

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        # All iterations come with the model, and so does its description.
        return Page(list(self._held(checked(model, "model")).versions().values()))

    def _update(self, version: str, changes: dict[str, Any]) -> Version:
        model, key = parts(version, "version")
        held = self._held(model)
        if key not in held.outside:
            self._get(version)
            raise Unsupported("Encord changes no iteration and gives it no name.", hint="Keep your notes elsewhere.")
        self._keep(held, {**held.outside, key: {**held.outside[key], **changes}})
        return self._get(version)

    def _delete(self, version: str) -> None:
        model, key = parts(version, "version")
        held = self._held(model)
        if key in held.outside:
            self._keep(held, {name: facts for name, facts in held.outside.items() if name != key})
        else:
            self._adapter.client.ml.delete_training_iteration(model_uuid=model, training_uuid=key)

    def _held(self, model: str) -> _Held:
        return _Held(model, self._adapter.client.ml.get_model(model_uuid=model))

    def _keep(self, held: _Held, outside: dict[str, Any]) -> None:
        description = joined(held.description, {**held.ours, "versions": outside})
        self._adapter.client.ml.update_model(model_uuid=held.model, title=None, description=description)

    def _download_weights(self, version: str, path: Path) -> Path:
        model, training = parts(version, "version")
        link = self._adapter.client.ml.get_weights_download_link(model_uuid=model, training_uuid=training)
        part = path.with_name(path.name + ".part")
        with requests.get(link, stream=True, timeout=self._adapter.settings.timeout) as answer:
            answer.raise_for_status()
            with part.open("wb") as file:
                for chunk in answer.iter_content(1 << 20):
                    file.write(chunk)
        return part.replace(path)

    _upload_weights = Gap.impossible("Encord takes no weights; it trains its own.", instead="training.submit")

    def _data(self, version: str, cursor: str | None, size: int) -> Page[Item]:
        model, key = parts(version, "version")
        if cursor is None and key in self._held(model).outside:
            return Page([])
        return training_data(self._adapter.client, version, cursor)


class _Held:
    """A model with all its versions, as Encord holds it."""

    def __init__(self, model: str, found: ModelWithIterations) -> None:
        self.model = model
        self.description, self.ours = parted(found.model_group.description)
        self.outside: dict[str, dict[str, Any]] = self.ours.get("versions") or {}
        self._iterations = sorted(found.model_iterations, key=lambda iteration: iteration.created_at)

    def versions(self) -> dict[str, Version]:
        """Return the versions by Encord's id, or ours for those from outside."""
        trained = {str(iteration.training_uuid): version_in(self.model, iteration) for iteration in self._iterations}
        outside = {
            key: Version(id=pair(self.model, key), model=self.model, **facts) for key, facts in self.outside.items()
        }
        return trained | outside


def training_data(client: Any, version: str, cursor: str | None) -> Page[Item]:
    """Return one page of the items that a training was given."""
    model, training = parts(version, "version")
    path = f"ml-models/{model}/iterations/{training}/training-data"
    params = ModelIterationTrainingDataListRequest(page_token=cursor)
    found, token = client.page(path, params, ModelIterationTrainingData)
    items = [
        Item(
            key=row.file_title,
            id=str(row.data_uuid),
            media=MEDIA.get(row.item_type.value, row.item_type.value),
            split="train",
            metadata={"label": str(row.label_uuid), "dataset": str(row.dataset_uuid), "project": str(row.project_uuid)},
        )
        for row in found
    ]
    return Page(items, token)


def version_in(model: str, iteration: ModelIteration) -> Version:
    """Return an iteration as a version. Encord does not say what its loss log means; it is kept as it is."""
    key = pair(model, iteration.training_uuid)
    return Version(
        id=key,
        model=model,
        name=str(iteration.training_uuid),
        training=key,
        status=Status.SUCCEEDED,
        config={"batch_size": iteration.batch_size, "epochs": iteration.epochs},
        metadata={"loss_log": iteration.loss_log, "duration": iteration.duration},
        created_at=iteration.created_at,
    )
