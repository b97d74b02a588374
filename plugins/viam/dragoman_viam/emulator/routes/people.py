"""The part of `viam.app.v1.AppService` about people: who is invited, who may do what, and which machines they like.

What is allowed is kept and told, and not looked at: every key may do everything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dragoman_viam.emulator.refusals import exists, invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import modules

ROLES = ("owner", "operator")


class Invites(Routes):
    """The methods about who is asked into an organisation. Nobody ever comes by themselves."""

    service = "app"

    def ListOrganizationMembers(self, request: Any) -> Answer:
        """List the members, among whom keys are not, and who is invited."""
        wanted = self.state.check_organization(request.organization_id)
        members = [
            {"user_id": user.id, "emails": [user.email], "date_added": user.joined[wanted]}
            for user in self.state.users.values()
            if wanted in user.joined
        ]
        invites = [invite for (owner, _), invite in self.state.invites.items() if owner == wanted]
        return {"organization_id": wanted, "members": members, "invites": invites}

    def CreateOrganizationInvite(self, request: Any) -> Answer:
        """Invite somebody by email, once."""
        owner = self.state.check_organization(request.organization_id)
        check_address(request.email)
        if any(user.email == request.email and owner in user.joined for user in self.state.users.values()):
            raise exists("member", request.email)
        if (owner, request.email) in self.state.invites:
            raise exists("invite", request.email)
        made = modules()["app"].OrganizationInvite(
            organization_id=request.organization_id,
            email=request.email,
            created_on=self.state.clock.now(),
            authorizations=request.authorizations or [self._owner(owner)],
        )
        _check_combination(made.authorizations)
        self.state.invites[owner, request.email] = made
        return {"invite": made}

    def UpdateOrganizationInviteAuthorizations(self, request: Any) -> Answer:
        """Change what an invited person will be allowed to do, which is something."""
        held = self._found(request)
        left = [one for one in held.authorizations if one not in request.remove_authorizations]
        wanted = [*left, *(one for one in request.add_authorizations if one not in left)]
        if not wanted or not (request.add_authorizations or request.remove_authorizations):
            raise invalid("an invite has an authorization, and a change of it one to add or to remove")
        _check_combination(wanted)
        del held.authorizations[:]
        held.authorizations.extend(wanted)
        return {"invite": held}

    def ResendOrganizationInvite(self, request: Any) -> Answer:
        """Return an invite; no mail is ever sent."""
        return {"invite": self._found(request)}

    def DeleteOrganizationInvite(self, request: Any) -> Answer:
        """Take an invite back."""
        found = self._found(request)
        del self.state.invites[found.organization_id, found.email]
        return {}

    def _owner(self, organization: str) -> dict[str, str]:
        """Return the authorization to do everything in an organisation, which is meant where none is named."""
        resource = {"resource_type": "organization", "resource_id": organization, "organization_id": organization}
        return {"authorization_type": "role", "authorization_id": "organization_owner", **resource}

    def _found(self, request: Any) -> Any:
        key = (self.state.check_organization(request.organization_id), request.email)
        if key not in self.state.invites:
            raise missing("invite", request.email)
        return self.state.invites[key]


class Roles(Routes):
    """The methods about who may do what."""

    service = "app"

    def AddRole(self, request: Any) -> Answer:
        """Give somebody a role, once."""
        wanted = request.authorization
        self._check(wanted)
        if wanted in self.state.roles:
            raise exists("role", wanted.authorization_id)
        self.state.roles.append(wanted)
        return {}

    def RemoveRole(self, request: Any) -> Answer:
        """Take a role from somebody."""
        self.state.roles.remove(self._held(request.authorization))
        return {}

    def ChangeRole(self, request: Any) -> Answer:
        """Give somebody another role in place of one."""
        held, wanted = self._held(request.old_authorization), request.new_authorization
        self._check(wanted)
        if wanted != held and wanted in self.state.roles:
            raise exists("role", wanted.authorization_id)
        held.CopyFrom(wanted)
        return {}

    def ListAuthorizations(self, request: Any) -> Answer:
        """List the roles of people, all or those in some resources."""
        owner, wanted = self.state.check_organization(request.organization_id), request.resource_ids
        for one in wanted:
            self.state.check_any(one)
        held = [one for one in self.state.roles if one.organization_id == owner]
        return {"authorizations": [one for one in held if not wanted or one.resource_id in wanted]}

    def CheckPermissions(self, request: Any) -> Answer:
        """Say what the caller may do of what is asked: all of it, where the resource is there."""
        if not request.permissions:
            raise invalid("there is nothing to check", "permissions")
        for one in request.permissions:
            self.state.check_resource(one.resource_type, one.resource_id)
        return {"authorized_permissions": request.permissions}

    def _check(self, authorization: Any) -> None:
        self.state.check_organization(authorization.organization_id)
        self.state.check_resource(authorization.resource_type, authorization.resource_id)
        if authorization.authorization_id not in [f"{authorization.resource_type}_{role}" for role in ROLES]:
            raise invalid(f"there is no role {authorization.authorization_id!r} in that resource", "authorization_id")

    def _held(self, authorization: Any) -> Any:
        found = next((one for one in self.state.roles if one == authorization), None)
        if found is None:
            raise missing("role", authorization.authorization_id)
        return found


class Favorites(Routes):
    """The methods about machines that somebody likes; there is one list for all keys."""

    service = "app"

    def AddFavoriteMachine(self, request: Any) -> Answer:
        """Put a machine on the list; one that is there stays."""
        self.state.favorites.setdefault(self.state.machine(request.machine_id).id, self.state.clock.now())
        return {}

    def RemoveFavoriteMachine(self, request: Any) -> Answer:
        """Take a machine off the list; one that is not there is passed over."""
        self.state.favorites.pop(request.machine_id, None)
        return {}

    def ListFavoriteMachines(self, request: Any) -> Answer:
        """Return the list, without machines that are gone."""
        held = [(self.state.robots.get(robot), since) for robot, since in self.state.favorites.items()]
        return {
            "favorites": [
                {"machine": robot, "organization_id": self.state.owner(robot.location), "created_on": since}
                for robot, since in held
                if robot is not None
            ]
        }


def _check_combination(authorizations: Iterable[Any]) -> None:
    """Refuse several authorizations for one resource."""
    resources = [(one.resource_type, one.resource_id) for one in authorizations]
    if len(set(resources)) < len(resources):
        raise invalid("an invite has one authorization for each resource", "authorizations")


def check_address(email: str) -> None:
    """Refuse what is no address."""
    if "@" not in email.strip("@"):
        raise invalid(f"{email!r} is no address", "email")
