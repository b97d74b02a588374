"""Authentication, and the organisation with its location, machine and part."""

from __future__ import annotations

import hmac
from typing import Any

from dragoman_viam.emulator.refusals import missing, unauthenticated
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.emulator.state import State


class Auth(Routes):
    """`proto.rpc.v1.AuthService`, the one service that takes no token."""

    service = "auth"

    def __init__(self, state: State, key_id: str, key: str) -> None:
        super().__init__(state)
        self._known = (key_id, key)

    def Authenticate(self, request: Any) -> Answer:
        """Give a token for the key."""
        given = (request.entity, request.credentials.payload)
        same = [hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, self._known, strict=True)]
        if request.credentials.type != "api-key" or not all(same):
            raise unauthenticated("invalid credentials")
        return {"access_token": self.state.new_token()}


class Organisations(Routes):
    """The part of `viam.app.v1.AppService` that says where a key belongs."""

    service = "app"

    def ListOrganizations(self, request: Any) -> Answer:
        """List the one organisation of the key."""
        return {"organizations": [self.state.organization]}

    def GetOrganization(self, request: Any) -> Answer:
        """Return the organisation."""
        self.state.check_organization(request.organization_id)
        return {"organization": self.state.organization}

    def ListLocations(self, request: Any) -> Answer:
        """List the one location."""
        self.state.check_organization(request.organization_id)
        return {"locations": [self.state.location]}

    def ListRobots(self, request: Any) -> Answer:
        """List the one machine."""
        if request.location_id != self.state.location.id:
            raise missing("location", request.location_id)
        return {"robots": [self.state.robot]}

    def GetRobotParts(self, request: Any) -> Answer:
        """List the machine's one part."""
        if request.robot_id != self.state.robot.id:
            raise missing("robot", request.robot_id)
        return {"parts": [self.state.part]}
