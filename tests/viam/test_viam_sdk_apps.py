"""Firebase apps of organisations, and devices that are to be notified, with the vendor's own client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from grpclib import Status
from viam.app.viam_client import ViamClient
from viam_driving import driven, refused

from dragoman.emulate import Live

Call = Callable[[Any, str], Any]


def test_an_organisation_has_the_app_that_it_was_given_last(emulated: Live[Any]) -> None:
    key = emulated.state.organization.id

    async def use(client: ViamClient) -> None:
        app = client.app_client
        for name in ("first", "second"):
            await app.set_firebase_config(key, name, '{"project": "ü"}')
            assert await app.get_firebase_config(key) == name
        await app.delete_firebase_config(key, "second")
        await app.get_firebase_config(key)

    assert refused(emulated, use).status is Status.NOT_FOUND


def test_a_device_has_one_token_for_an_app(emulated: Live[Any]) -> None:
    async def use(client: ViamClient) -> Any:
        app = client.app_client
        assert await app.get_device_push_tokens("app") == []
        for device, token in (("one", "a"), ("two", "b"), ("one", "c")):
            await app.upload_device_push_token("app", token, device)
        await app.upload_device_push_token("other", "d", "one")
        held = await app.get_device_push_tokens("app")
        await app.delete_device_push_token("app", "one")
        return held, await app.get_device_push_tokens("app"), await app.get_device_push_tokens("other")

    assert driven(emulated, use) == (["c", "b"], ["b"], ["d"])


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (lambda app, key: app.get_firebase_config(key), Status.NOT_FOUND),
        (lambda app, key: app.delete_firebase_config(key, ""), Status.NOT_FOUND),
        (lambda app, key: app.delete_firebase_config(key, "app"), Status.NOT_FOUND),
        (lambda app, key: app.set_firebase_config(key, "", "{}"), Status.INVALID_ARGUMENT),
        (lambda app, key: app.set_firebase_config(key, "app", "[]"), Status.INVALID_ARGUMENT),
        (lambda app, key: app.set_firebase_config(key, "app", "{"), Status.INVALID_ARGUMENT),
        (lambda app, _: app.set_firebase_config("none", "app", "{}"), Status.PERMISSION_DENIED),
        (lambda app, _: app.upload_device_push_token("app", "", "device"), Status.INVALID_ARGUMENT),
        (lambda app, _: app.upload_device_push_token("app", "token", ""), Status.INVALID_ARGUMENT),
        (lambda app, _: app.delete_device_push_token("app", "device"), Status.NOT_FOUND),
    ],
)
def test_what_is_not_there_or_missing_is_refused(emulated: Live[Any], call: Call, status: Status) -> None:
    key = emulated.state.organization.id
    assert refused(emulated, lambda client: call(client.app_client, key)).status is status
