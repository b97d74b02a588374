"""IAM integrations: access to data in the customer's cloud. They are kept and deemed valid; no cloud is asked."""

from __future__ import annotations

from functools import partial
from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query
from dragoman_labelbox.emulator.state import State, found, moment

Json = dict[str, Any]

PROVIDERS = ("Aws", "Gcp", "Azure")


class Integrations:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        handlers: dict[str, Handler] = {
            "getAllIntegrationsPyApi": lambda _: list(self._state.integrations.values()),
            "SetDefaultIamIntegrationPyApi": self.set_default,
            "ValidateIamIntegrationPyApi": self.validate,
            "setSignerForDatasetPyApi": self.set_signer,
            "SetSignerForDatasetPyApi": self.set_signer,
            "DetachSignerPyApi": self.detach,
            "validateDatasetPyApi": lambda _: {"valid": True, "checks": []},
        }
        for provider in PROVIDERS:
            handlers[f"Create{provider}IamIntegrationPyApi"] = partial(self._create, provider)
            handlers[f"Update{provider}IamIntegrationPyApi"] = self.update
        return handlers

    def _create(self, provider: str, query: Query) -> Json:
        data, now = query.get("data"), moment(self._state.clock.now())
        settings = {name: value for name, value in data.items() if name != "name"}
        made = {
            "id": self._state.ids.new(),
            "name": data["name"],
            "createdAt": now,
            "updatedAt": now,
            "provider": provider if provider == "Azure" else provider.upper(),
            "valid": True,
            "lastValidAt": now,
            "isOrgDefault": False,
            "settings": {"__typename": f"{provider}IamIntegrationSettings", **settings},
        }
        self._state.integrations[made["id"]] = made
        return made

    def _named(self, query: Query) -> Json:
        return found(self._state.integrations, query.get("where")["id"], "IAM integration")

    def update(self, query: Query) -> Json:
        integration, data = self._named(query), query.get("data")
        integration["name"] = data["name"]
        integration["settings"] |= {name: value for name, value in data.items() if name != "name"}
        integration["updatedAt"] = moment(self._state.clock.now())
        return {"id": integration["id"]}

    def set_default(self, query: Query) -> Json:
        chosen = self._named(query)
        for integration in self._state.integrations.values():
            integration["isOrgDefault"] = integration is chosen
        return {"id": chosen["id"]}

    def validate(self, query: Query) -> Json:
        self._named(query)
        return {"valid": True, "checks": []}

    def set_signer(self, query: Query) -> Json:
        dataset = self._state.dataset(query.get("datasetId"))
        dataset.integration = found(self._state.integrations, query.get("signerId"), "IAM integration")["id"]
        return {"id": dataset.id, "signer": {"id": dataset.integration}}

    def detach(self, query: Query) -> Json:
        dataset = self._state.dataset(query.get("id"))
        dataset.integration = None
        return wire.dataset(dataset)
