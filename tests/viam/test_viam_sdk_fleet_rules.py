"""What the vendor's own client is refused about an organisation and its machines, and what an update leaves alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from grpclib import Status
from viam.app.app_client import Fragment
from viam.app.viam_client import ViamClient
from viam.proto.app import Authorization, FragmentImport
from viam_driving import driven, refused

from dragoman.emulate import Live

Call = Callable[[Any, Any], Any]


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "status"),
        [
            (lambda app, _: app.get_organization_namespace_availability(""), Status.INVALID_ARGUMENT),
            (lambda app, state: app.create_organization_invite(state.organization.id, ""), Status.INVALID_ARGUMENT),
            (lambda app, state: app.create_organization_invite(state.organization.id, "ann"), Status.INVALID_ARGUMENT),
            (lambda app, state: app.list_authorizations(state.organization.id, ["nothing"]), Status.NOT_FOUND),
            (lambda app, _: app.check_permissions([]), Status.INVALID_ARGUMENT),
            (lambda app, state: app.create_location(state.organization.id, "new", "nowhere"), Status.NOT_FOUND),
            (lambda app, state: app.new_robot_part(state.robot.id, ""), Status.INVALID_ARGUMENT),
            (lambda app, state: app.update_robot_part(state.part.id, ""), Status.INVALID_ARGUMENT),
            (
                lambda app, state: app.update_robot_part(state.part.id, "x", robot_config_json="[1"),
                Status.INVALID_ARGUMENT,
            ),
        ],
    )
    def test_what_the_sdk_says_is_an_error_is_one(self, emulated: Live[Any], call: Call, status: Status) -> None:
        assert refused(emulated, lambda client: call(client.app_client, emulated.state)).status is status
        assert [place.name for place in emulated.state.locations.values()] == ["Workshop"]
        assert [part.name for part in emulated.state.parts.values()] == ["bench-main"]

    def test_a_namespace_is_given_once(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> None:
            for name in ("werk", "werk", "other"):
                await client.app_client.update_organization(key, name=name, public_namespace=name)

        assert refused(emulated, use).status is Status.FAILED_PRECONDITION
        assert (emulated.state.organization.name, emulated.state.organization.public_namespace) == ("werk", "werk")

    @pytest.mark.parametrize("change", [{}, {"remove_authorizations": True}])
    def test_an_invite_keeps_an_authorization(self, emulated: Live[Any], change: dict[str, Any]) -> None:
        key = emulated.state.organization.id
        held = [Authorization(authorization_id="organization_owner", organization_id=key)]

        async def use(client: ViamClient) -> None:
            await client.app_client.create_organization_invite(key, "ann@example.com", held)
            wanted = dict.fromkeys(change, held)
            await client.app_client.update_organization_invite_authorizations(key, "ann@example.com", **wanted)

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT
        assert list(emulated.state.invites[key, "ann@example.com"].authorizations) == held

    def test_a_part_is_not_named_as_another_one(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> None:
            part = await client.app_client.new_robot_part(emulated.state.robot.id, "second")
            await client.app_client.update_robot_part(part, "bench-main")

        assert refused(emulated, use).status is Status.ALREADY_EXISTS

    def test_a_location_lies_neither_in_itself_nor_in_what_lies_in_it(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> None:
            app, key = client.app_client, emulated.state.organization.id
            hall = await app.create_location(key, "hall")
            room = await app.create_location(key, "room", hall.id)
            await app.update_location(hall.id, parent_location_id=room.id)

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT

    def test_a_fragment_keeps_its_name_when_it_is_to_have_none(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> None:
            made = await client.app_client.create_fragment(emulated.state.organization.id, "base", {"a": 1})
            await client.app_client.update_fragment(made.id, "")

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT
        assert [one.name for one in emulated.state.fragments.values()] == ["base"]


class TestUpdates:
    def test_an_empty_name_is_none_and_an_empty_parent_is_the_top(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app, key = client.app_client, emulated.state.organization.id
            hall = await app.create_location(key, "hall")
            room = await app.create_location(key, "room")
            inside = await app.update_location(room.id, name="", parent_location_id=hall.id)
            named = await app.update_location(room.id, name="attic")
            top = await app.update_location(room.id, name="", parent_location_id="")
            facts = [(one.name, one.parent_location_id == hall.id) for one in (inside, named, top)]
            return facts, top.parent_location_id, top.primary_org_identity.id == key

        facts, parent, ours = driven(emulated, use)
        assert facts == [("room", True), ("attic", True), ("attic", False)]
        assert (parent, ours) == ("", True)

    def test_what_lay_in_a_deleted_location_lies_where_that_lay(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app, key = client.app_client, emulated.state.organization.id
            house = await app.create_location(key, "house")
            hall = await app.create_location(key, "hall", house.id)
            room = await app.create_location(key, "room", hall.id)
            await app.delete_location(hall.id)
            return (await app.get_location(room.id)).parent_location_id == house.id

        assert driven(emulated, use)

    def test_a_part_keeps_its_configuration_unless_there_is_another(self, emulated: Live[Any], tmp_path: Any) -> None:
        text = '{"z": 1, "a": {"y": 2, "b": 3}}'
        path = tmp_path / "config.json"

        async def use(client: ViamClient) -> Any:
            app, part = client.app_client, emulated.state.part.id
            await app.update_robot_part(part, "main", {"a": 1})
            kept = await app.update_robot_part(part, "renamed")
            written = await app.update_robot_part(part, "renamed", {"not": "this"}, robot_config_json=text)
            await app.get_robot_part(part, dest=str(path))
            again = await app.update_robot_part(part, "renamed", {"b": 2})
            return kept.robot_config, written, again

        kept, written, again = driven(emulated, use)
        assert kept == {"a": 1.0}
        assert (written.robot_config, written.robot_config_json) == ({"z": 1.0, "a": {"y": 2.0, "b": 3.0}}, text)
        assert (again.robot_config, again.robot_config_json) == ({"b": 2.0}, None)
        assert path.read_text().index('"z"') < path.read_text().index('"a"')

    def test_fragments_for_all_are_public_in_both_words(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app, key = client.app_client, emulated.state.organization.id
            mine, ours = [await app.create_fragment(key, name) for name in ("mine", "ours")]
            shown = await app.update_fragment(ours.id, "ours", public=True)
            private = [one.id for one in await app.list_fragments(key, show_public=False)]
            hidden = await app.update_fragment(ours.id, "ours", visibility=Fragment.Visibility.PUBLIC_UNLISTED)
            return shown, private == [mine.id], hidden

        shown, private, hidden = driven(emulated, use)
        assert (shown.public, shown.visibility, private) == (True, Fragment.Visibility.PUBLIC, True)
        assert (hidden.public, hidden.visibility) == (False, Fragment.Visibility.PUBLIC_UNLISTED)

    def test_the_fragments_of_new_machines_are_the_organisation_s(self, emulated: Live[Any]) -> None:
        key, wanted = emulated.state.organization.id, [FragmentImport(fragment_id="f", version="1")]

        async def use(client: ViamClient) -> Any:
            await client.app_client.update_organization(key, default_fragments=wanted)
            return (await client.app_client.get_organization(key)).default_fragments.fragments

        assert list(driven(emulated, use)) == wanted
