"""Containers that training scripts run in: Viam's own, and images that an organisation registers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dragoman_viam.extension import Extension


@dataclass(frozen=True)
class Container:
    """A container.

    Args:
        id: Its id; for those of Viam the same as the key.
        key: Version by which a training names one of Viam's, such as `tf:2.16`.
        uri: The image.
        framework: What is in it.
        description: Free text.
        until: When Viam stops supporting it, if that is known.
    """

    id: str
    key: str
    uri: str
    framework: str
    description: str
    until: datetime | None


class Containers(Extension):
    """Containers through `MLTrainingService`."""

    name = "containers"

    def supported(self) -> tuple[Container, ...]:
        """Return Viam's own containers."""
        return self._call("supported", self._supported)

    def list(self) -> tuple[Container, ...]:
        """Return all containers that the organisation can use."""
        return self._call("list", self._list)

    def get(self, container: str) -> Container:
        """Return a registered container by its id.

        Raises:
            NotFound: There is none.
        """
        return self._call("get", self._get, container)

    def register(self, uri: str, *, description: str = "") -> Container:
        """Register an image as a container of the organisation and return it.

        Args:
            uri: Where the image is.
            description: Free text, without which Viam takes none; the uri if not given.
        """
        return self._call("register", self._register, uri, description or uri, repeatable=False)

    def delete(self, container: str) -> None:
        """Delete a registered container by its id."""
        self._call("delete", self._delete, container)

    def _supported(self) -> tuple[Container, ...]:
        found = self._adapter.wire.call("training.ListSupportedContainers").container_map
        return tuple(container_in(container, key) for key, container in sorted(found.items()))

    def _list(self) -> tuple[Container, ...]:
        organization = self._adapter.workspace.organization
        found = self._adapter.wire.call("training.ListContainers", organization_id=organization).containers
        return tuple(map(container_in, found))

    def _get(self, container: str) -> Container:
        return container_in(self._adapter.wire.call("training.GetContainer", id=container).container)

    def _register(self, uri: str, description: str) -> Container:
        asked = {
            "organization_id": self._adapter.workspace.organization,
            "image_uri": uri,
            "description": description,
        }
        return self._get(self._adapter.wire.call("training.RegisterCustomTrainingContainer", **asked).id)

    def _delete(self, container: str) -> None:
        self._adapter.wire.call("training.DeleteCustomTrainingContainer", id=container)


def container_in(found: Any, key: str = "") -> Container:
    """Return a container of Viam's as ours."""
    until = found.eol.ToDatetime(tzinfo=UTC) if found.HasField("eol") else None
    return Container(found.id, found.key or key, found.uri, found.framework, found.description, until)
