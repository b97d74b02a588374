"""The part of `viam.app.v1.AppService` about which organisations share a location."""

from __future__ import annotations

from typing import Any

from dragoman_viam.emulator.refusals import exists, missing, too_early
from dragoman_viam.emulator.routes import Answer, Routes


class Sharing(Routes):
    """The methods about sharing. A location stays that of the organisation in which it was made."""

    service = "app"

    def ShareLocation(self, request: Any) -> Answer:
        """Let an organisation have a location, too, with its machines."""
        location, other = self._named(request)
        if any(one.organization_id == other for one in location.organizations):
            raise exists("shared location", location.id)
        location.organizations.add(organization_id=other)
        return {}

    def UnshareLocation(self, request: Any) -> Answer:
        """Take a location from an organisation that it does not belong to."""
        location, other = self._named(request)
        if self.state.owner(location.id) == other:
            raise too_early("the location belongs to the organization")
        if not unshare(location, other):
            raise missing("shared location", location.id)
        return {}

    def GetOrganizationsWithAccessToLocation(self, request: Any) -> Answer:
        """List the organisation that a location belongs to, and those that share it."""
        held = [
            self.state.organizations[one.organization_id] for one in self.state.place(request.location_id).organizations
        ]
        return {"organization_identities": [{"id": one.id, "name": one.name} for one in held]}

    def _named(self, request: Any) -> tuple[Any, str]:
        return self.state.place(request.location_id), self.state.check_organization(request.organization_id)


def unshare(location: Any, organization: str) -> bool:
    """Take a location from an organisation, and return whether it had it."""
    held = next((one for one in location.organizations if one.organization_id == organization), None)
    if held is not None:
        location.organizations.remove(held)
    return held is not None
