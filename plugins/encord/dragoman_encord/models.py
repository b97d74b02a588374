"""Models on Encord. Key, metadata and versions from outside are kept at the end of the description.

An Encord model is made empty, from a closed list of architectures, each of which has one task.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from encord.objects.ml_models import ModelArchitecture, ModelsListOrderBy, ModelsListRequest, ModelWithIterations

from dragoman.calls.pipeline import Page
from dragoman.errors import Conflict, InvalidData
from dragoman.interface import Models
from dragoman.schema import Model, Task
from dragoman_encord.ids import checked
from dragoman_encord.notes import joined, parted

ARCHITECTURES = {
    Task.CLASSIFICATION: ("resnet50", "resnet18", "resnet34", "resnet101", "resnet152", "vgg16", "vgg19"),
    Task.OBJECT_DETECTION: ("fasterRcnn",),
    Task.INSTANCE_SEGMENTATION: ("maskRcnn",),
}
"""Task to the architectures that do it; the first is taken where `metadata["architecture"]` names none."""
TASKS = {
    "classification": Task.CLASSIFICATION,
    "objectDetection": Task.OBJECT_DETECTION,
    "segmentation": Task.INSTANCE_SEGMENTATION,
}
ORDERS = {
    "name": ModelsListOrderBy.TITLE,
    "created_at": ModelsListOrderBy.CREATED_AT,
    None: ModelsListOrderBy.CREATED_AT,
}


class EncordModels(Models):
    """Models through `MlModelsClient`."""

    _adapter: Any
    keys_are_unique = False

    def _create(self, model: Model) -> Model:
        if any(held.key == model.key for held in self._all()):
            # Encord itself takes any number of models of one title.
            raise Conflict(f"There is a model of the key {model.key!r}.", hint="Give the new one another key.")
        made = self._adapter.client.ml.create_model(
            features=list(model.features),
            model=ModelArchitecture(_architecture(model)),
            title=model.name,
            description=_description(model),
        )
        return model_in(made)

    def _get(self, model: str) -> Model:
        return model_in(self._adapter.client.ml.get_model(model_uuid=checked(model, "model")))

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        params = ModelsListRequest(order_by=ORDERS[order], order_asc=True, query=query, page_token=cursor)
        found, token = self._adapter.client.page("ml-models", params, ModelWithIterations)
        # Encord's query is free text and may look elsewhere than in the title.
        wanted = (query or "").casefold()
        return Page([model for model in map(model_in, found) if wanted in model.name.casefold()], token)

    def _all(self) -> Iterator[Model]:
        cursor: str | None = None
        while True:
            page = self._list(None, None, cursor, 0)
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    def _update(self, model: str, changes: dict[str, Any]) -> Model:
        # The key may be the old title, and the metadata is in the description: both are written anew.
        found = self._adapter.client.ml.get_model(model_uuid=checked(model, "model"))
        _, ours = parted(found.model_group.description)
        description = _description(model_in(found).model_copy(update=changes), ours.get("versions"))
        made = self._adapter.client.ml.update_model(
            model_uuid=model, title=changes.get("name"), description=description
        )
        return model_in(made)

    def _delete(self, model: str) -> None:
        self._adapter.client.ml.delete_model(model_uuid=checked(model, "model"))


def _architecture(model: Model) -> str:
    """Return the architecture that a model names, or the first for its task.

    Raises:
        InvalidData: The one it names is not for its task.
    """
    assert model.task is not None
    known = ARCHITECTURES[model.task]
    named = str(model.metadata.get("architecture", known[0]))
    if named not in known:
        raise InvalidData(
            f"Encord has no architecture {named!r} for {model.task}.",
            hint=f"There are: {', '.join(known)}.",
            field="metadata.architecture",
        )
    return named


def _description(model: Model, versions: Any = None) -> str:
    metadata = {name: value for name, value in model.metadata.items() if name != "architecture"}
    key = model.key if model.key != model.name else None
    return joined(model.description, {"key": key, "metadata": metadata, "versions": versions})


def model_in(found: ModelWithIterations) -> Model:
    """Return one of the SDK's models as ours. The architecture is named where it is not the first for its task."""
    group = found.model_group
    description, ours = parted(group.description)
    task = TASKS[group.type.value]
    metadata = dict(ours.get("metadata") or {})
    if group.model.value != ARCHITECTURES[task][0]:
        metadata["architecture"] = group.model.value
    return Model(
        id=str(group.model_uuid),
        name=group.title,
        key=ours.get("key") or group.title,
        task=task,
        features=tuple(group.features),
        description=description,
        metadata=metadata,
        created_at=group.created_at,
    )
