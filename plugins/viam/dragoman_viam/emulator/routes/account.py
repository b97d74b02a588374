"""Authentication, keys, and the organisation that they belong to."""

from __future__ import annotations

from typing import Any

from dragoman_viam.emulator.refusals import invalid, too_early, unauthenticated
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.emulator.state import Key


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
    """The part of `viam.app.v1.AppService` about the organisation of the key."""

    service = "app"

    def ListOrganizations(self, request: Any) -> Answer:
        """List the one organisation of the key."""
        return {"organizations": [self.state.organization]}

    def GetOrganization(self, request: Any) -> Answer:
        """Return the organisation."""
        self.state.check_organization(request.organization_id)
        return {"organization": self.state.organization}

    def UpdateOrganization(self, request: Any) -> Answer:
        """Change what is given of the organisation; a namespace is given once."""
        self.state.check_organization(request.organization_id)
        held = self.state.organization
        if request.HasField("public_namespace") and held.public_namespace not in ("", request.public_namespace):
            raise too_early("the organization has a namespace already")
        given = {"name": "name", "public_namespace": "public_namespace", "region": "default_region", "cid": "cid"}
        for name, field in given.items():
            if request.HasField(name):
                setattr(held, field, getattr(request, name))
        if request.HasField("default_fragments"):
            held.default_fragments.CopyFrom(request.default_fragments)
        return {"organization": held}

    def GetOrganizationNamespaceAvailability(self, request: Any) -> Answer:
        """Say whether a namespace is free: any but the organisation's own is."""
        if not request.public_namespace:
            raise invalid("a namespace is not empty", "public_namespace")
        return {"available": request.public_namespace != self.state.organization.public_namespace}

    def GetOrganizationsWithAccessToLocation(self, request: Any) -> Answer:
        """Return the one organisation, which has access to all its locations."""
        self.state.place(request.location_id)
        held = self.state.organization
        return {"organization_identities": [{"id": held.id, "name": held.name}]}


class Keys(Routes):
    """The part of `viam.app.v1.AppService` about keys. What a key may do is kept and told, and not looked at."""

    service = "app"

    def CreateKey(self, request: Any) -> Answer:
        """Make a key, which is accepted from now on."""
        if not request.authorizations:
            raise invalid("a key needs authorizations", "authorizations")
        for one in request.authorizations:
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
        """List all keys without what they consist of."""
        self.state.check_organization(request.org_id)
        return {"api_keys": [key.message for key in self.state.keys.values()]}

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
