"""Registry items of any kind: models, modules and training scripts, as Viam's messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dragoman.calls.over_grpc import Code
from dragoman_viam.errors import CallFailed
from dragoman_viam.extension import Extension
from dragoman_viam.packages import kind_out


class Registry(Extension):
    """The registry through `AppService`; models are reached by `models`, too."""

    name = "registry"

    def get(self, item: str) -> Any:
        """Return Viam's `RegistryItem` message of an id, such as `organisation:name`."""
        return self._call("get", self._get, item)

    def list(self, *, kind: str | None = None, query: str | None = None) -> tuple[Any, ...]:
        """Return the organisation's items, of a kind (see `packages`) or with a text in their names if given."""
        return self._call("list", self._list, kind, query)

    def upload_script(
        self, name: str, path: str | Path, *, version: str, framework: str = "tensorflow", model_type: str = ""
    ) -> str:
        """Upload a training script, a folder or tar.gz of a Python package, and return the id of its item.

        Args:
            name: Name of the item, which is made if there is none.
            path: The package.
            version: Its version; there is none of it yet.
            framework: What the script makes.
            model_type: What for, such as `"object_detection"`.
        """
        return self._call(
            "upload_script", self._upload_script, name, Path(path), version, framework, model_type, repeatable=False
        )

    def rename(self, item: str, name: str) -> str:
        """Rename an item and return its new id."""
        return self._call("rename", self._rename, item, name, repeatable=False)

    def deprecate(self, item: str, message: str) -> None:
        """Mark an item as one that is not to be used any more."""
        self._call("deprecate", self._deprecate, item, message)

    def delete(self, item: str) -> None:
        """Delete an item; its packages are deleted by `packages.delete`."""
        self._call("delete", self._delete, item)

    def _get(self, item: str) -> Any:
        return self._adapter.wire.call("app.GetRegistryItem", item_id=item).item

    def _list(self, kind: str | None, query: str | None) -> tuple[Any, ...]:
        asked = {"organization_id": self._adapter.workspace.organization, "search_term": query or ""}
        kinds = {"types": [kind_out(kind)]} if kind else {}
        return tuple(self._adapter.wire.call("app.ListRegistryItems", **asked, **kinds).items)

    def _upload_script(self, name: str, path: Path, version: str, framework: str, model_type: str) -> str:
        item = f"{self._adapter.workspace.namespace}:{name}"
        try:
            organization = self._adapter.workspace.organization
            kind = kind_out("ml_training")
            self._adapter.wire.call("app.CreateRegistryItem", organization_id=organization, name=name, type=kind)
        except CallFailed as failed:
            # Another version of the script made it.
            if failed.code is not Code.ALREADY_EXISTS:
                raise
        metadata = {"model_framework": framework, "model_type": model_type}
        self._adapter.packages.send(name, path, version, "ml_training", metadata)
        return item

    def _rename(self, item: str, name: str) -> str:
        return str(self._adapter.wire.call("app.RenameRegistryItem", item_id=item, new_name=name).item.item_id)

    def _deprecate(self, item: str, message: str) -> None:
        self._adapter.wire.call("app.DeprecateRegistryItem", item_id=item, message=message)

    def _delete(self, item: str) -> None:
        self._adapter.wire.call("app.DeleteRegistryItem", item_id=item)
