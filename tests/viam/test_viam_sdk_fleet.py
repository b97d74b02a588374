"""Organisations, locations, machines, fragments and keys as the vendor's own client handles them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from grpclib import Status
from grpclib.exceptions import GRPCError
from viam.app.app_client import APIKeyAuthorization
from viam.app.viam_client import ViamClient
from viam.proto.app import AuthorizedPermissions
from viam.proto.app.packages import PackageType
from viam_driving import driven, refused

from dragoman.emulate import Live

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def status_of(call: Any) -> Status:
    """The status with which a call is refused."""
    with pytest.raises(GRPCError) as refusal:
        await call
    return refusal.value.status


class TestOrganisation:
    def test_it_is_renamed_and_keeps_what_users_attach(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> Any:
            app = client.app_client
            changed = await app.update_organization(key, name="Werk", public_namespace="werk")
            await app.update_organization_metadata(key, {"numbers": [1, 2], "nested": {"text": "ü"}})
            free = [await app.get_organization_namespace_availability(name) for name in ("werk", "other")]
            return changed, free, await app.get_organization_metadata(key)

        changed, free, attached = driven(emulated, use)
        assert (changed.name, changed.public_namespace) == ("Werk", "werk")
        assert free == [False, True]
        assert attached == {"numbers": [1.0, 2.0], "nested": {"text": "ü"}}

    def test_people_are_invited_once(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> Any:
            app = client.app_client
            await app.create_organization_invite(key, "ann@example.com", [])
            again = await status_of(app.create_organization_invite(key, "ann@example.com", []))
            _, invites = await app.list_organization_members(key)
            await app.delete_organization_invite(key, "ann@example.com")
            return again, [invite.email for invite in invites], await app.list_organization_members(key)

        again, invited, left = driven(emulated, use)
        assert (again, invited, left) == (Status.ALREADY_EXISTS, ["ann@example.com"], ([], []))

    def test_a_key_that_was_made_is_accepted_until_it_is_deleted(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id
        owner = APIKeyAuthorization("owner", "organization", key)
        made, made_id = driven(emulated, lambda client: client.app_client.create_key(key, [owner], "mine"))

        async def use(client: ViamClient) -> Any:
            listed = await client.app_client.list_keys(key)
            rotated = await client.app_client.rotate_key(made_id)
            return [one.api_key.name for one in listed], rotated

        names, (other, other_id) = driven(emulated, use, key=made, key_id=made_id)
        assert names == ["emulated", "mine"]
        assert refused(emulated, use, key=made, key_id=made_id).status is Status.UNAUTHENTICATED
        assert len(driven(emulated, lambda c: c.app_client.list_organizations(), key=other, key_id=other_id)) == 1

    def test_a_key_that_may_do_nothing_is_refused(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id
        refusal = refused(emulated, lambda client: client.app_client.create_key(key, [], "mine"))
        assert refusal.status is Status.INVALID_ARGUMENT

    def test_its_namespace_stands_for_its_id(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> Any:
            app = client.app_client
            await app.create_registry_item(key, "model", PackageType.PACKAGE_TYPE_ML_MODEL)
            await app.update_organization(key, public_namespace="werk")
            return await app.get_registry_item("werk:model")

        assert driven(emulated, use).item_id == f"{key}:model"


class TestPeople:
    def test_roles_are_given_changed_and_taken(self, emulated: Live[Any]) -> None:
        key, place = emulated.state.organization.id, emulated.state.location.id

        async def use(client: ViamClient) -> Any:
            app = client.app_client
            await app.add_role(key, "ann", "operator", "location", place)
            twice = await status_of(app.add_role(key, "ann", "operator", "location", place))
            nowhere = await status_of(app.add_role(key, "ann", "operator", "location", "nowhere"))
            await app.change_role(key, "ann", "operator", "location", place, "ann", "owner", "location", place)
            held = await app.list_authorizations(key, [place])
            await app.remove_role(key, "ann", "owner", "location", place)
            return twice, nowhere, [one.authorization_id for one in held], await app.list_authorizations(key)

        assert driven(emulated, use) == (Status.ALREADY_EXISTS, Status.NOT_FOUND, ["location_owner"], [])

    def test_every_key_may_do_everything(self, emulated: Live[Any]) -> None:
        asked = AuthorizedPermissions(
            resource_type="robot", resource_id=emulated.state.robot.id, permissions=["control_robot"]
        )
        assert driven(emulated, lambda client: client.app_client.check_permissions([asked])) == [asked]

    def test_machines_are_liked_until_they_are_gone(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app = client.app_client
            made = await app.new_robot("arm", emulated.state.location.id)
            for machine in (made, emulated.state.robot.id, made):
                await app.add_favorite_machine(machine)
            await app.remove_favorite_machine(emulated.state.robot.id)
            liked = [one.machine.name for one in await app.list_favorite_machines()]
            await app.delete_robot(made)
            return liked, await app.list_favorite_machines()

        assert driven(emulated, use) == (["arm"], [])


class TestMachines:
    def test_locations_come_change_and_go(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app, key = client.app_client, emulated.state.organization.id
            hall = await app.create_location(key, "hall")
            room = await app.create_location(key, "room", parent_location_id=hall.id)
            await app.update_location(hall.id, name="Halle")
            await app.update_location_metadata(hall.id, {"floor": 2})
            secret = (await app.create_location_secret(hall.id)).secrets[0].id
            await app.delete_location_secret(secret, hall.id)
            await app.delete_location(room.id)
            gone = await status_of(app.get_location(room.id))
            names = [one.name for one in await app.list_locations(key)]
            left = (await app.location_auth(hall.id)).secrets
            return room.parent_location_id == hall.id, names, gone, await app.get_location_metadata(hall.id), len(left)

        inside, names, gone, attached, secrets = driven(emulated, use)
        assert (inside, names, gone) == (True, ["Workshop", "Halle"], Status.NOT_FOUND)
        assert (attached, secrets) == ({"floor": 2.0}, 0)

    def test_machines_have_a_main_part_and_names_of_their_own(self, emulated: Live[Any]) -> None:
        place = emulated.state.location.id

        async def use(client: ViamClient) -> Any:
            app = client.app_client
            made = await app.new_robot("arm", place)
            twice = await status_of(app.new_robot("arm", place))
            (main,) = await app.get_robot_parts(made)
            kept = await status_of(app.delete_location(place))
            await app.update_robot(made, "hand", place)
            names = [one.name for one in await app.list_robots(place)]
            await app.delete_robot(made)
            return main.name, main.main_part, twice, kept, names, await status_of(app.get_robot_part(main.id))

        assert driven(emulated, use) == (
            "arm-main",
            True,
            Status.ALREADY_EXISTS,
            Status.FAILED_PRECONDITION,
            ["bench", "hand"],
            Status.NOT_FOUND,
        )

    def test_parts_are_configured_unless_somebody_was_faster(self, emulated: Live[Any], tmp_path: Any) -> None:
        async def use(client: ViamClient) -> Any:
            app, robot = client.app_client, emulated.state.robot.id
            part = await app.new_robot_part(robot, "second")
            changed = await app.update_robot_part(part, "other", {"components": [{"name": "cam"}]})
            late = await status_of(app.update_robot_part(part, "late", {}, last_known_update=LONG_AGO))
            await app.get_robot_part(part, dest=str(tmp_path / "config.json"))
            await app.mark_part_as_main(part)
            kept = await status_of(app.delete_robot_part(part))
            await app.delete_robot_part(emulated.state.part.id)
            return changed.robot_config, late, kept, [one.name for one in await app.get_robot_parts(robot)]

        config, late, kept, names = driven(emulated, use)
        assert config == {"components": [{"name": "cam"}]}
        assert (late, kept, names) == (Status.FAILED_PRECONDITION, Status.FAILED_PRECONDITION, ["other"])
        assert '"cam"' in (tmp_path / "config.json").read_text()

    def test_fragments_come_change_and_go(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app, key = client.app_client, emulated.state.organization.id
            made = await app.create_fragment(key, "base", {"a": 1})
            await app.update_fragment(made.id, "better", {"b": "x"})
            late = await status_of(app.update_fragment(made.id, "late", last_known_update=LONG_AGO))
            held = await app.get_fragment(made.id)
            await app.delete_fragment(made.id)
            return held.name, held.fragment, late, await app.list_fragments(key)

        assert driven(emulated, use) == ("better", {"b": "x"}, Status.FAILED_PRECONDITION, [])
