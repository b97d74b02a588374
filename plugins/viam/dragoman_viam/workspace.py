"""Where in Viam a backend works: the organisation, its namespace, and the machine part that uploads are filed under.

What the settings do not name is looked up once, and must then be the only one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from dragoman.errors import InvalidData, NotFound
from dragoman_viam.settings import ViamSettings
from dragoman_viam.wire import Wire


class Workspace:
    """The organisation, namespace and part of one backend.

    Args:
        wire: The channel.
        settings: May name them.
    """

    def __init__(self, wire: Wire, settings: ViamSettings) -> None:
        self._wire = wire
        self._settings = settings

    @cached_property
    def organization(self) -> str:
        """Id of the organisation."""
        if self._settings.organization:
            return self._settings.organization
        listed = self._wire.call("app.ListOrganizations").organizations
        return str(_only("organization", listed).id)

    @cached_property
    def namespace(self) -> str:
        """What ids of registry items begin with: the public namespace, or the organisation's id."""
        found = self._wire.call("app.GetOrganization", organization_id=self.organization).organization
        return found.public_namespace or self.organization

    @cached_property
    def part(self) -> str:
        """Id of the machine part that uploads are filed under."""
        if self._settings.part:
            return self._settings.part
        location = self._settings.location
        if not location:
            listed = self._wire.call("app.ListLocations", organization_id=self.organization).locations
            location = _only("location", listed).id
        robots = self._wire.call("app.ListRobots", location_id=location).robots
        parts = [
            part
            for answer in (self._wire.call("app.GetRobotParts", robot_id=robot.id) for robot in robots)
            for part in answer.parts
            if part.main_part
        ]
        return str(_only("part", parts).id)


def _only(kind: str, found: Sequence[Any]) -> Any:
    if not found:
        raise NotFound(f"The key reaches no {kind}.", hint=f"Set `{kind}` to the id of one that exists.")
    if len(found) > 1:
        named = ", ".join(f"{one.name} ({one.id})" for one in found)
        raise InvalidData(f"There are several: {named}.", hint=f"Set `{kind}` to one of their ids.", field=kind)
    return found[0]
