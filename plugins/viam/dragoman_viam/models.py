"""Models on Viam: registry items. What an item has no field for travels at the end of its description."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from dragoman.calls.over_grpc import Code
from dragoman.calls.pipeline import Page
from dragoman.errors import NotFound, Unsupported
from dragoman.interface import Models
from dragoman.interface.models import select
from dragoman.schema import Model, Task
from dragoman_viam.errors import CallFailed, translated
from dragoman_viam.messages import name_of, number
from dragoman_viam.notes import described, parted

KIND = "PACKAGE_TYPE_ML_MODEL"
TASKS = {
    "MODEL_TYPE_SINGLE_LABEL_CLASSIFICATION": Task.CLASSIFICATION,
    "MODEL_TYPE_MULTI_LABEL_CLASSIFICATION": Task.CLASSIFICATION,
    "MODEL_TYPE_OBJECT_DETECTION": Task.OBJECT_DETECTION,
}
TYPES = {
    Task.CLASSIFICATION: "MODEL_TYPE_SINGLE_LABEL_CLASSIFICATION",
    Task.OBJECT_DETECTION: "MODEL_TYPE_OBJECT_DETECTION",
}
"""Our task to the type of a model that Viam trains or serves."""
PLAIN = re.compile(r"[A-Za-z0-9_-]{1,60}")
_OTHERS = re.compile(r"[^A-Za-z0-9_-]+")


class ViamModels(Models):
    """Models through the registry calls of `AppService`."""

    _adapter: Any

    def _create(self, model: Model) -> Model:
        try:
            return self._made(model)
        except CallFailed as failed:
            error = translated(failed)
            # The registry takes a name once and a half-made item is finished, so all of it may be sent again.
            error.maybe_applied = False
            raise error from failed

    def _made(self, model: Model) -> Model:
        if model.task not in TYPES:
            raise Unsupported(f"Viam has no models for {model.task}.", hint=f"It has: {', '.join(TYPES)}.")
        name = registry_name(model.key or model.name)
        model_id = f"{self._adapter.workspace.namespace}:{name}"
        organization = self._adapter.workspace.organization
        try:
            self._adapter.wire.call("app.CreateRegistryItem", organization_id=organization, name=name, type=KIND)
        except CallFailed as failed:
            if failed.code is not Code.ALREADY_EXISTS or not self._half_made(model_id):
                raise
        made = model.model_copy(update={"id": model_id})
        self._adapter.half_made.add(model_id)
        self._describe(made)
        self._adapter.half_made.discard(model_id)
        return made

    def _half_made(self, model_id: str) -> bool:
        """Return whether an item is what a creation leaves that broke off: one of ours, or nothing but a name."""
        if model_id in self._adapter.half_made:
            return True
        item = self._item(model_id)
        return not item.description and not item.ml_model_metadata.versions

    def _describe(self, model: Model, item: Any = None) -> None:
        """Write what a model is; what else is known of an item stays."""
        note = {
            "name": model.name,
            "key": model.key,
            "features": list(model.features),
            "metadata": model.metadata,
        }
        held = item.ml_model_metadata if item is not None else None
        metadata = {
            "model_type": held.model_type if held and held.model_type else TYPES[model.task or Task.OBJECT_DETECTION],
            "model_framework": held.model_framework if held else "MODEL_FRAMEWORK_UNSPECIFIED",
            "deployment_modular_resources": list(held.deployment_modular_resources) if held else [],
        }
        self._adapter.wire.call(
            "app.UpdateRegistryItem",
            item_id=model.id,
            type=KIND,
            description=described(model.description, {name: value for name, value in note.items() if value}),
            visibility=item.visibility if item is not None else "VISIBILITY_PRIVATE",
            update_ml_model_metadata=metadata,
        )

    def _get(self, model: str) -> Model:
        return model_in(self._item(model))

    def _item(self, model: str) -> Any:
        if ":" not in model:
            raise NotFound(f"{model!r} is no id of a model; those of Viam have a colon.")
        item = self._adapter.wire.call("app.GetRegistryItem", item_id=model).item
        if item.type != number("packages", "PackageType", KIND):
            raise NotFound(f"The registry item {model} is no model.")
        return item

    def _list(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        # The answer names no next page, so all that there is must be in it.
        organization = self._adapter.workspace.organization
        answer = self._adapter.wire.call("app.ListRegistryItems", organization_id=organization, types=[KIND])
        return Page(select(map(model_in, answer.items), query, order))

    def _update(self, model: str, changes: Mapping[str, Any]) -> Model:
        item = self._item(model)
        changed = model_in(item).model_copy(update=dict(changes))
        self._describe(changed, item)
        return changed

    def _delete(self, model: str) -> None:
        package = self._adapter.versions.package(model)
        for version in self._adapter.versions.packages(model):
            self._adapter.wire.call("packages.DeletePackage", id=package, version=version.info.version, type=KIND)
        self._adapter.wire.call("app.DeleteRegistryItem", item_id=self._item(model).item_id)


def registry_name(key: str) -> str:
    """Return the name of the registry item of a key: the key where the registry takes it, else one made of it."""
    if PLAIN.fullmatch(key):
        return key
    digest = hashlib.blake2b(key.encode(), digest_size=4).hexdigest()
    return "-".join(filter(None, (_OTHERS.sub("-", key).strip("-")[:40], digest)))


def model_in(item: Any) -> Model:
    """Return a registry item as a model."""
    text, note = parted(item.description)
    return Model(
        id=item.item_id,
        name=note.get("name") or item.name,
        key=note.get("key") or item.name,
        task=TASKS.get(name_of("training", "ModelType", item.ml_model_metadata.model_type)),
        features=tuple(note.get("features", ())),
        description=text,
        metadata=note.get("metadata", {}),
        created_at=item.created_at.ToDatetime(tzinfo=UTC),
    )
