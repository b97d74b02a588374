"""The part of `viam.app.v1.AppService` about people who have an account, and are members of organisations."""

from __future__ import annotations

import secrets
from typing import Any

from dragoman_viam.emulator.records import User
from dragoman_viam.emulator.refusals import exists, invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.emulator.routes.people import check_address


class Users(Routes):
    """The methods about people. Whoever gets an account by an organisation's application is its member."""

    service = "app"

    def CreateOAuthAppUser(self, request: Any) -> Answer:
        """Give somebody an account, and a token that is accepted; their name and password are not kept."""
        owner = self.state.check_organization(request.org_id)
        check_address(request.email)
        for name in ("application_id", "password"):
            if not getattr(request, name):
                raise invalid(f"{name} is missing", name)
        if any(user.email == request.email for user in self.state.users.values()):
            raise exists("user", request.email)
        return {
            "auth_token": self.state.new_token(),
            "registration_id": self.state.new_id(),
            "user_id": self.state.add_member(request.email, owner).id,
            "refresh_token": secrets.token_hex(32),
        }

    def GetUserIDByEmail(self, request: Any) -> Answer:
        """Return the id of who has an address."""
        for user in self.state.users.values():
            if user.email == request.email:
                return {"user_id": user.id}
        raise missing("user", request.email)

    def ListOrganizationsByUser(self, request: Any) -> Answer:
        """List the organisations that somebody is a member of."""
        held = [self.state.organizations[one] for one in self._found(request.user_id).joined]
        return {
            "orgs": [
                {
                    "org_id": one.id,
                    "org_name": one.name,
                    "org_cid": one.cid if one.HasField("cid") else None,
                    "public_namespace": one.public_namespace or None,
                }
                for one in held
            ]
        }

    def DeleteOrganizationMember(self, request: Any) -> Answer:
        """Take a member from an organisation, with their roles in it; the account stays."""
        owner, user = self.state.check_organization(request.organization_id), self._found(request.user_id)
        if user.joined.pop(owner, None) is None:
            raise missing("member", user.id)
        held = (user.id, owner)
        self.state.roles = [one for one in self.state.roles if (one.identity_id, one.organization_id) != held]
        return {}

    def _found(self, key: str) -> User:
        if key not in self.state.users:
            raise missing("user", key)
        return self.state.users[key]
