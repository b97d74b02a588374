"""Authentication, keys, and the organisations that they belong to."""

from __future__ import annotations

from typing import Any

from dragoman_viam.emulator.records import Key
from dragoman_viam.emulator.refusals import exists, invalid, too_early, unauthenticated
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.emulator.routes.sharing import unshare


class Auth(Routes):
    """`proto.rpc.v1.AuthService`, the one service that takes no token."""

    service = "auth"

    def Authenticate(self, request: Any) -> Answer:
        """Give a token for a key."""
        known = self.state.knows(request.entity, request.credentials.payload)
        if request.credentials.type != "api-key" or not known:
            raise unauthenticated("invalid credentials")
        return {"access_token": self.state.new_token()}


class Organisations(Routes):
    """The part of `viam.app.v1.AppService` about organisations. Every key may do everything in all of them."""

    service = "app"

    def ListOrganizations(self, request: Any) -> Answer:
        """List all organisations."""
        return {"organizations": list(self.state.organizations.values())}

    def CreateOrganization(self, request: Any) -> Answer:
        """Make an organisation in which nothing is; others may have its name."""
        if not request.name:
            raise invalid("an organization needs a name", "name")
        return {"organization": self.state.add_organization(request.name)}

    def GetOrganization(self, request: Any) -> Answer:
        """Return an organisation."""
        return {"organization": self._found(request)}

    def UpdateOrganization(self, request: Any) -> Answer:
        """Change what is given of an organisation; a namespace is given once."""
        held = self._found(request)
        wanted = request.public_namespace
        if request.HasField("public_namespace") and held.public_namespace != wanted:
            if held.public_namespace:
                raise too_early("the organization has a namespace already")
            if not self._free(wanted):
                raise exists("namespace", wanted)
        given = {"name": "name", "public_namespace": "public_namespace", "region": "default_region", "cid": "cid"}
        for name, field in given.items():
            if request.HasField(name):
                setattr(held, field, getattr(request, name))
        if request.HasField("default_fragments"):
            held.default_fragments.CopyFrom(request.default_fragments)
        return {"organization": held}

    def GetOrganizationNamespaceAvailability(self, request: Any) -> Answer:
        """Say whether no organisation has a namespace."""
        if not request.public_namespace:
            raise invalid("a namespace is not empty", "public_namespace")
        return {"available": self._free(request.public_namespace)}

    def DeleteOrganization(self, request: Any) -> Answer:
        """Delete an organisation without locations, its keys, and who has to do with it; not the first one."""
        gone = self._found(request).id
        if gone == self.state.organization.id or any(self.state.owner(one) == gone for one in self.state.locations):
            raise too_early("the first organization is not deleted, nor one with locations")
        del self.state.organizations[gone]
        for key, held in list(self.state.keys.items()):
            if all(one.org_id == gone for one in held.message.authorizations):
                del self.state.keys[key]
        for user in self.state.users.values():
            user.joined.pop(gone, None)
        for location in self.state.locations.values():
            unshare(location, gone)
        self.state.invites = {key: invite for key, invite in self.state.invites.items() if key[0] != gone}
        self.state.roles = [role for role in self.state.roles if role.organization_id != gone]
        return {}

    def _found(self, request: Any) -> Any:
        return self.state.organizations[self.state.check_organization(request.organization_id)]

    def _free(self, namespace: str) -> bool:
        return all(one.public_namespace != namespace for one in self.state.organizations.values())


class Keys(Routes):
    """The part of `viam.app.v1.AppService` about keys. What a key may do is kept and told, and not looked at."""

    service = "app"

    def CreateKey(self, request: Any) -> Answer:
        """Make a key, which is accepted from now on."""
        if not request.authorizations:
            raise invalid("a key needs authorizations", "authorizations")
        for one in request.authorizations:
            self.state.check_organization(one.organization_id)
            self.state.check_resource(one.resource_type, one.resource_id)
        details = [
            {
                "authorization_type": one.authorization_type,
                "authorization_id": one.authorization_id,
                "resource_type": one.resource_type,
                "resource_id": one.resource_id,
                "org_id": one.organization_id,
            }
            for one in request.authorizations
        ]
        return _told(self.state.add_key(request.name, details))

    def CreateKeyFromExistingKeyAuthorizations(self, request: Any) -> Answer:
        """Make a key that may do what another may."""
        held = self.state.key(request.id).message
        return _told(self.state.add_key(held.api_key.name, held.authorizations))

    def ListKeys(self, request: Any) -> Answer:
        """List the keys for something in an organisation, without what they consist of."""
        wanted = self.state.check_organization(request.org_id)
        held = [key.message for key in self.state.keys.values()]
        return {"api_keys": [key for key in held if any(one.org_id == wanted for one in key.authorizations)]}

    def GetRobotAPIKeys(self, request: Any) -> Answer:
        """List the keys that a machine itself is named for, without what they consist of."""
        robot = self.state.machine(request.robot_id).id
        held = [key.message for key in self.state.keys.values()]
        return {"api_keys": [key for key in held if any(one.resource_id == robot for one in key.authorizations)]}

    def RenameKey(self, request: Any) -> Answer:
        """Rename a key."""
        held = self.state.key(request.id).message.api_key
        held.name = request.name
        return {"id": held.id, "name": held.name}

    def RotateKey(self, request: Any) -> Answer:
        """Replace a key by one of the same authorizations."""
        held = self.state.key(request.id).message
        made = self.state.add_key(held.api_key.name, held.authorizations)
        del self.state.keys[request.id]
        return _told(made)

    def DeleteKey(self, request: Any) -> Answer:
        """Let a key be accepted no more; tokens that it gave hold on."""
        del self.state.keys[self.state.key(request.id).message.api_key.id]
        return {}


def _told(key: Key) -> Answer:
    return {"id": key.message.api_key.id, "key": key.payload}
