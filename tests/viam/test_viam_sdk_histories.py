"""What parts and fragments were before, and logs, as the vendor's own client asks for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grpclib import Status
from viam.app.viam_client import ViamClient
from viam_driving import driven, refused

from dragoman.emulate import Live, ManualClock, running
from dragoman_viam.emulator import create

NOON = datetime(2024, 3, 11, 12, tzinfo=UTC)


def test_a_part_is_known_as_it_was_before_each_change() -> None:
    clock = ManualClock(NOON)
    with running(create(clock=clock)) as live:

        async def use(client: ViamClient) -> Any:
            app, part = client.app_client, live.state.part.id
            for number in (1, 2, 3):
                await app.update_robot_part(part, f"name {number}", {"number": number})
                clock.advance(60)
            late = await app.get_robot_part_history(part, start=NOON + timedelta(minutes=1))
            early = await app.get_robot_part_history(part, end=NOON + timedelta(minutes=1))
            return (
                await app.get_robot_part_history(part),
                late,
                early,
                await app.get_robot_part_history(part, None, None, 1),
            )

        everything, late, early, first = driven(live, use)
    assert [(one.old.name, one.old.robot_config) for one in everything] == [
        ("name 2", {"number": 2.0}),
        ("name 1", {"number": 1.0}),
        ("bench-main", None),
    ]
    assert [one.when.minute for one in everything] == [2, 1, 0]
    assert [[one.old.name for one in page] for page in (late, early, first)] == [
        ["name 2", "name 1"],
        ["name 1", "bench-main"],
        ["name 2"],
    ]


def test_a_fragment_is_known_as_it_was_page_by_page(emulated: Live[Any]) -> None:
    async def use(client: ViamClient) -> Any:
        app = client.app_client
        made = await app.create_fragment(emulated.state.organization.id, "a", {"x": 1})
        for name in ("b", "c"):
            await app.update_fragment(made.id, name)
        return [await app.get_fragment_history(made.id, token, 1) for token in ("", "1")]

    (newest,), (oldest,) = driven(emulated, use)
    assert (newest.old.name, oldest.old.name, oldest.old.fragment) == ("b", "a", {"x": 1.0})


def test_a_machine_that_never_ran_has_no_logs_and_is_not_restarted(emulated: Live[Any]) -> None:
    async def use(client: ViamClient) -> Any:
        app, part = client.app_client, emulated.state.part.id
        await app.mark_part_for_restart(part)
        tail = await app.tail_robot_part_logs(part)
        return await app.get_robot_part_logs(part), [logs async for logs in tail]

    assert driven(emulated, use) == ([], [])


@pytest.mark.parametrize(
    "call",
    [
        lambda app: app.get_robot_part_history("nobody"),
        lambda app: app.get_fragment_history("nothing"),
        lambda app: app.get_robot_part_logs("nobody"),
        lambda app: app.mark_part_for_restart("nobody"),
    ],
)
def test_what_is_not_there_is_refused(emulated: Live[Any], call: Callable[[Any], Any]) -> None:
    assert refused(emulated, lambda client: call(client.app_client)).status is Status.NOT_FOUND


@pytest.mark.parametrize(("token", "limit"), [("zz", 1), ("", -1)])
def test_a_page_that_cannot_be_is_refused(emulated: Live[Any], token: str, limit: int) -> None:
    async def use(client: ViamClient) -> None:
        made = await client.app_client.create_fragment(emulated.state.organization.id, "a")
        await client.app_client.get_fragment_history(made.id, token, limit)

    assert refused(emulated, use).status is Status.INVALID_ARGUMENT
