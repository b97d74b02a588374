"""The part of `viam.app.v1.AppService` about mobile apps: an organisation's Firebase app, and devices to notify.

Nobody is ever notified.
"""

from __future__ import annotations

import json
from typing import Any

from dragoman_viam.emulator.refusals import invalid, missing
from dragoman_viam.emulator.routes import Answer, Routes


class Apps(Routes):
    """The methods about apps. An organisation has one; tokens of devices may be of any."""

    service = "app"

    def SetFirebaseConfig(self, request: Any) -> Answer:
        """Give an organisation its app, in place of the one that it had."""
        owner = self.state.check_organization(request.org_id)
        _check(request, "app_id")
        try:
            said = json.loads(request.config_json)
        except ValueError as error:
            raise invalid(f"the configuration is no JSON: {error}", "config_json") from None
        if not isinstance(said, dict):
            raise invalid("the configuration is no JSON object", "config_json")
        self.state.firebase[owner] = (request.app_id, request.config_json)
        return {}

    def GetFirebaseConfig(self, request: Any) -> Answer:
        """Return the id of an organisation's app."""
        owner = self.state.check_organization(request.org_id)
        if owner not in self.state.firebase:
            raise missing("Firebase configuration of organization", owner)
        return {"app_id": self.state.firebase[owner][0]}

    def DeleteFirebaseConfig(self, request: Any) -> Answer:
        """Take an organisation's app away."""
        owner = self.state.check_organization(request.org_id)
        if owner not in self.state.firebase or self.state.firebase[owner][0] != request.app_id:
            raise missing("Firebase app", request.app_id)
        del self.state.firebase[owner]
        return {}

    def UploadDevicePushToken(self, request: Any) -> Answer:
        """Keep the token of a device, in place of the one that it had."""
        _check(request, "app_id", "device_token", "device_uuid")
        self.state.push_tokens[request.app_id][request.device_uuid] = request.device_token
        return {}

    def DeleteDevicePushToken(self, request: Any) -> Answer:
        """Forget the token of a device."""
        if self.state.push_tokens[request.app_id].pop(request.device_uuid, None) is None:
            raise missing("device", request.device_uuid)
        return {}

    def GetDevicePushTokens(self, request: Any) -> Answer:
        """List the tokens of an app's devices."""
        return {"device_tokens": list(self.state.push_tokens[request.app_id].values())}


def _check(request: Any, *names: str) -> None:
    for name in names:
        if not getattr(request, name):
            raise invalid(f"{name} is missing", name)
