"""Single values in the configuration of a part, as the vendor's own client sets them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from grpclib import Status
from viam.app.viam_client import ViamClient
from viam_driving import driven, refused

from dragoman.emulate import Live

CONFIG = {"components": [{"name": "arm", "attributes": {"speed": 1}}], "name.with dot": True}


def changed(live: Live[Any], changes: dict[str, Any], config: Any = CONFIG) -> tuple[list[Any], Any]:
    """What is told of changes of a configuration, and what it is then."""

    async def use(client: ViamClient) -> tuple[list[Any], Any]:
        app, key = client.app_client, live.state.part.id
        await app.update_robot_part(key, "bench-main", config)
        told = await app.set_config_property(key, changes)
        part = await app.get_robot_part(key)
        assert part.robot_config == (json.loads(live.state.part.robot_config_json or "null") or part.robot_config)
        return told, part.robot_config

    made: tuple[list[Any], Any] = driven(live, use)
    return made


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("components[0].attributes.speed", 2, [{"name": "arm", "attributes": {"speed": 2}}]),
        ("$.components.0.name", "Höhe", [{"name": "Höhe", "attributes": {"speed": 1}}]),
        ("components[0].attributes", False, [{"name": "arm", "attributes": False}]),
        ("components[1]['a.b'].c", [1], [*CONFIG["components"], {"a.b": {"c": [1]}}]),  # type: ignore[misc]
        ("components", [], []),
    ],
)
def test_a_value_is_set_and_what_is_beside_it_stays(emulated: Live[Any], path: str, value: Any, expected: Any) -> None:
    (told,), config = changed(emulated, {path: value})
    assert (told.path, told.success, told.error) == (path, True, "")
    assert config == {**CONFIG, "components": expected}


def test_objects_on_the_way_are_made(emulated: Live[Any]) -> None:
    _, config = changed(emulated, {"network.fqdn": "here", "['name.with dot']": 0}, None)
    assert config == {"network": {"fqdn": "here"}, "name.with dot": 0}


@pytest.mark.parametrize(
    "path", ["", "$", "a..b", "components[x]", "components[2].name", "components.name", "components[0].name.first"]
)
def test_a_change_that_cannot_be_says_so_and_leaves_the_others_alone(emulated: Live[Any], path: str) -> None:
    (broken, made), config = changed(emulated, {path: 1, "new": "x"})
    assert (broken.path, broken.success, bool(broken.error)) == (path, False, True)
    assert made.success
    assert config == {**CONFIG, "new": "x"}


def test_a_configuration_that_was_given_as_text_keeps_its_order(emulated: Live[Any]) -> None:
    async def use(client: ViamClient) -> None:
        key = emulated.state.part.id
        await client.app_client.update_robot_part(
            key, "bench-main", robot_config_json='{"z": 1, "a": {"c": 1, "b": 2}}'
        )
        await client.app_client.set_config_property(key, {"a.c": "x"})

    driven(emulated, use)
    assert emulated.state.part.robot_config_json == '{"z": 1, "a": {"c": "x", "b": 2}}'
    assert emulated.state.part.robot_config["a"]["c"] == "x"


def test_it_is_in_the_history_unless_nothing_was_changed(emulated: Live[Any]) -> None:
    async def use(client: ViamClient) -> int:
        app, key = client.app_client, emulated.state.part.id
        await app.set_config_property(key, {"a": 1})
        await app.set_config_property(key, {"a.b": 1})
        await app.set_config_property(key, {})
        (entry,) = await app.get_robot_part_history(key)
        assert "a" not in (entry.old.robot_config or {})
        return 1

    assert driven(emulated, use) == 1


def test_an_unknown_part_is_not_found(emulated: Live[Any]) -> None:
    refusal = refused(emulated, lambda client: client.app_client.set_config_property("none", {"a": 1}))
    assert refusal.status is Status.NOT_FOUND
