"""The part of `viam.app.v1.AppService` about the registry."""

from __future__ import annotations

from typing import Any

from dragoman_viam.emulator.catalog import add_item, check_name, find_item, item_id
from dragoman_viam.emulator.refusals import exists, invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import name_of

_UPDATES = ("ml_model_metadata", "ml_training_metadata")


class Registry(Routes):
    """The methods about registry items."""

    service = "app"

    def CreateRegistryItem(self, request: Any) -> Answer:
        """Make an item; the answer is empty."""
        self.state.check_organization(request.organization_id)
        if name_of("packages", "PackageType", request.type) in ("0", "PACKAGE_TYPE_UNSPECIFIED"):
            raise invalid("type is missing", "type")
        add_item(self.state, request.organization_id, request.name, request.type)
        return {}

    def GetRegistryItem(self, request: Any) -> Answer:
        """Return an item."""
        return {"item": find_item(self.state, request.item_id)}

    def ListRegistryItems(self, request: Any) -> Answer:
        """List items, all in one answer."""
        wanted = request.search_term.casefold()
        return {
            "items": [
                item
                for item in self.state.items.values()
                if request.organization_id in ("", item.organization_id)
                and (not request.types or item.type in request.types)
                and (not request.visibilities or item.visibility in request.visibilities)
                and wanted in item.name.casefold()
            ]
        }

    def UpdateRegistryItem(self, request: Any) -> Answer:
        """Change an item."""
        item = find_item(self.state, request.item_id)
        if request.type != item.type:
            raise invalid("the type of an item does not change", "type")
        item.description = request.description
        item.visibility = request.visibility
        if request.HasField("url"):
            item.url = request.url
        for name in _UPDATES:
            if request.WhichOneof("metadata") == f"update_{name}":
                _update(getattr(item, name), getattr(request, f"update_{name}"))
        if request.WhichOneof("metadata") == "update_module_metadata":
            given = request.update_module_metadata.ListFields()
            for field, _ in given:
                item.module_metadata.ClearField(field.name)
            held = type(item.module_metadata)
            item.module_metadata.MergeFrom(held(**{field.name: value for field, value in given}))
        item.updated_at.FromDatetime(self.state.clock.now())
        return {}

    def RenameRegistryItem(self, request: Any) -> Answer:
        """Rename an item, which changes its id; its packages keep theirs."""
        item = find_item(self.state, request.item_id)
        check_name(request.new_name, "new_name")
        wanted = item_id(item.organization_id, request.new_name)
        if wanted in self.state.items:
            raise exists("registry item", wanted)
        del self.state.items[item.item_id]
        item.name, item.item_id = request.new_name, wanted
        self.state.items[wanted] = item
        return {"item": item}

    def DeprecateRegistryItem(self, request: Any) -> Answer:
        """Mark an item as deprecated."""
        self._deprecate(find_item(self.state, request.item_id), request.message)
        return {}

    def UndeprecateRegistryItem(self, request: Any) -> Answer:
        """Take the mark away."""
        find_item(self.state, request.item_id).ClearField("deprecated_status")
        return {}

    def DeprecateRegistryItemVersion(self, request: Any) -> Answer:
        """Mark a version of a module as deprecated."""
        self._deprecate(self._version(request), request.message)
        return {}

    def UndeprecateRegistryItemVersion(self, request: Any) -> Answer:
        """Take the mark of a version away."""
        self._version(request).ClearField("deprecated_status")
        return {}

    def _deprecate(self, held: Any, message: str) -> None:
        held.deprecated_status.message = message
        held.deprecated_status.deprecated_at.FromDatetime(self.state.clock.now())

    def _version(self, request: Any) -> Any:
        """Return a version of an item, or refuse an unknown one; only those of modules have the mark."""
        item = find_item(self.state, request.item_id)
        for version in item.module_metadata.versions:
            if version.version == request.version:
                return version
        if item.WhichOneof("metadata") != "module_metadata":
            raise invalid("only versions of modules are deprecated", "item_id")
        raise missing("version", f"{request.item_id} {request.version}")

    def DeleteRegistryItem(self, request: Any) -> Answer:
        """Delete an item."""
        del self.state.items[find_item(self.state, request.item_id).item_id]
        return {}


def _update(held: Any, update: Any) -> None:
    held.model_type, held.model_framework = update.model_type, update.model_framework
    held.deployment_modular_resources[:] = update.deployment_modular_resources
    if "draft" in update.DESCRIPTOR.fields_by_name:
        held.draft = update.draft
