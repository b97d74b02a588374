"""API keys that clients make: each is accepted until it is revoked or expires, whatever its role and addresses."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.state import State, found, moment

Json = dict[str, Any]


class Credentials:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateUserApiKeyPyApi": self.create,
            "GetUsersApiKeysPyApi": self.listing,
            "DeleteApiKeyPyApi": self.revoke,
            "GetUserPermissionsPyApi": lambda _: {"permissions": []},
        }

    def create(self, query: Query) -> Json:
        owner = next((user for user in self._state.users.values() if user.email == query.get("userEmail")), None)
        if owner is None:
            raise invalid(f"There is no user {query.get('userEmail')}.")
        now = self._state.clock.now()
        made = {
            "id": self._state.ids.new(),
            "name": query.get("name"),
            "createdAt": moment(now),
            "updatedAt": moment(now),
            "revoked": False,
            "expiresAtEpoch": int((now + timedelta(seconds=query.get("validitySeconds"))).timestamp()),
            "userId": owner.id,
            "userEmail": owner.email,
            "createdByUserId": self._state.user.id,
            "allowedIpCidrs": query.variables.get("allowedIpCidrs") or [],
        }
        jwt = secrets.token_urlsafe(32)
        self._state.keys[made["id"]] = made
        self._state.tokens[jwt] = made["id"]
        return {"id": made["id"], "jwt": jwt}

    def listing(self, _: Query) -> Json:
        user = self._state.user
        keys = [key for key in self._state.keys.values() if not key["revoked"]]
        return {
            "id": user.id,
            "apiKeys": [key for key in keys if key["userId"] == user.id],
            "apiKeysOtherUsers": [key for key in keys if key["userId"] != user.id],
        }

    def revoke(self, query: Query) -> Json:
        key = found(self._state.keys, query.get("id"), "API key")
        key["revoked"] = True
        return {"id": key["id"]}
