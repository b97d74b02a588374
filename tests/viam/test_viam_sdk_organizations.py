"""More than one organisation, what they share, and who is a member of them, with the vendor's own client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from grpclib import Status
from viam.app.app_client import APIKeyAuthorization
from viam.app.viam_client import ViamClient
from viam.proto.app import Authorization, RegistryItem
from viam_driving import driven, refused

from dragoman.conformance.difficult import png
from dragoman.emulate import Live

START = datetime(2024, 1, 1, tzinfo=UTC)
Call = Callable[[Any, str, str], Any]
"""What is asked of a client, given the id of another organisation and that of the first one's location."""


class TestOrganizations:
    def test_one_is_made_named_and_deleted(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app = client.app_client
            made = await app.create_organization("Höhe / 2")
            changed = await app.update_organization(made.id, name="Tiefe", public_namespace="deep", cid="7")
            assert await app.get_organization(made.id) == changed
            assert not await app.get_organization_namespace_availability("deep")
            assert [one.name for one in await app.list_organizations()] == ["Emulated", "Tiefe"]
            await app.delete_organization(made.id)
            assert await app.get_organization_namespace_availability("deep")
            assert [one.name for one in await app.list_organizations()] == ["Emulated"]
            await app.get_organization(made.id)

        assert refused(emulated, use).status is Status.PERMISSION_DENIED

    def test_each_lists_what_is_its_own(self, emulated: Live[Any]) -> None:
        async def held(client: ViamClient, key: str) -> list[Any]:
            app, data = client.app_client, client.data_client
            return [
                *[one.name for one in await app.list_locations(key)],
                *[one.name for one in await app.list_fragments(key)],
                *[one.name for one in await app.list_modules(key)],
                *[one.api_key.name for one in await app.list_keys(key)],
                *[one.name for one in await data.list_datasets_by_organization_id(key)],
                *[one.name for one in await data.list_data_pipelines(key)],
                *[row["data"] for row in await data.tabular_data_by_sql(key, "SELECT * FROM readings")],
                *[row["data"] for row in await data.tabular_data_by_mql(key, [{"$limit": 9}])],
                *[one.id for one in await client.ml_training_client.list_containers(key) if one.organization_id],
                (await data.get_database_connection(key))[2:],
            ]

        async def filled(client: ViamClient, key: str) -> None:
            app, data = client.app_client, client.data_client
            place = await app.create_location(key, "hall")
            robot = await app.new_robot("arm", place.id)
            (part,) = await app.get_robot_parts(robot)
            await app.create_fragment(key, "shared")
            await app.create_module(key, "module")
            await app.create_key(key, [APIKeyAuthorization("owner", "organization", key)], "second")
            await data.create_dataset("street", key)
            await data.create_data_pipeline(key, "hourly", [{"$limit": 1}], "0 * * * *", False)
            await data.tabular_data_capture_upload(
                [{"a": 1}], part.id, "rdk:component:sensor", "s", "Readings", [(START, START)]
            )
            await client.ml_training_client.register_custom_training_container(key, "host/image:1", "ours")
            await data.configure_database_user(key, "secret")

        async def use(client: ViamClient) -> Any:
            first, second = emulated.state.organization.id, (await client.app_client.create_organization("second")).id
            bare = await held(client, first), await held(client, second)
            await filled(client, second)
            assert await held(client, first) == bare[0]
            assert len(await held(client, second)) == len(bare[1]) + 9
            await filled(client, first)
            assert len(await held(client, second)) == len(bare[1]) + 9

        driven(emulated, use)

    def test_data_belong_to_the_organisation_of_their_location(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> Any:
            app, data = client.app_client, client.data_client
            other = (await app.create_organization("second")).id
            robot = await app.new_robot("arm", (await app.create_location(other, "hall")).id)
            (part,) = await app.get_robot_parts(robot)
            image = await data.file_upload(part.id, png(1))
            (found,), *_ = await data.binary_data_by_filter()
            return image.partition("/")[0], found.metadata.capture_metadata.organization_id, other

        assert len(set(driven(emulated, use))) == 1

    @pytest.mark.parametrize(
        ("call", "status"),
        [
            (lambda app, _, __: app.create_organization(""), Status.INVALID_ARGUMENT),
            (lambda app, _, __: app.delete_organization("none"), Status.PERMISSION_DENIED),
            (lambda app, other, _: app.update_organization(other, public_namespace="taken"), Status.ALREADY_EXISTS),
            (lambda app, _, place: app.share_location("none", place), Status.PERMISSION_DENIED),
            (lambda app, other, _: app.share_location(other, "none"), Status.NOT_FOUND),
            (lambda app, other, place: app.unshare_location(other, place), Status.NOT_FOUND),
            (lambda app, _, __: app.get_user_id_by_email("none@example.com"), Status.NOT_FOUND),
            (lambda app, _, __: app.list_organizations_by_user("none"), Status.NOT_FOUND),
            (lambda app, other, _: app.delete_organization_member(other, "none"), Status.NOT_FOUND),
            (lambda app, _, __: app.get_rover_rental_robots("none"), Status.PERMISSION_DENIED),
            (
                lambda app, _, __: app.create_key("none", [APIKeyAuthorization("owner", "organization", "none")]),
                Status.PERMISSION_DENIED,
            ),
        ],
    )
    def test_what_cannot_be_is_refused(self, emulated: Live[Any], call: Call, status: Status) -> None:
        async def use(client: ViamClient) -> None:
            app = client.app_client
            await app.update_organization(emulated.state.organization.id, public_namespace="taken")
            other = await app.create_organization("other")
            await call(app, other.id, emulated.state.location.id)

        assert refused(emulated, use).status is status

    def test_the_first_one_is_not_deleted_nor_one_with_locations(self, emulated: Live[Any]) -> None:
        state = emulated.state

        async def use(client: ViamClient, key: str) -> None:
            await client.app_client.delete_organization(key)

        assert refused(emulated, lambda client: use(client, state.organization.id)).status is Status.FAILED_PRECONDITION
        other = state.add_organization("other")
        place = state.add_location("hall", other.id)
        assert refused(emulated, lambda client: use(client, other.id)).status is Status.FAILED_PRECONDITION
        driven(emulated, lambda client: client.app_client.delete_location(place.id))
        driven(emulated, lambda client: use(client, other.id))
        assert list(state.organizations) == [state.organization.id]

    def test_its_keys_members_and_shares_go_with_it(self, emulated: Live[Any]) -> None:
        state = emulated.state

        async def use(client: ViamClient) -> Any:
            app, other = client.app_client, state.add_organization("other").id
            await app.create_key(other, [APIKeyAuthorization("owner", "organization", other)])
            await app.create_organization_invite(other, "bob@example.com")
            await app.share_location(other, state.location.id)
            user = state.add_member("ann@example.com", other).id
            await app.add_role(other, user, "owner", "organization", other)
            await app.delete_organization(other)
            assert await app.list_organizations_by_user(user) == []
            return await app.get_organizations_with_access_to_location(state.location.id)

        assert [one.name for one in driven(emulated, use)] == ["Emulated"]
        assert (len(state.keys), state.invites, state.roles) == (1, {}, [])

    def test_an_item_is_found_by_the_namespace_of_its_organisation(self, emulated: Live[Any]) -> None:
        async def use(client: ViamClient) -> RegistryItem:
            app, other = client.app_client, (await client.app_client.create_organization("other")).id
            await app.update_organization(other, public_namespace="theirs")
            await app.create_module(other, "gripper")
            assert (await app.get_module("theirs:gripper")).public_namespace == "theirs"
            return await app.get_registry_item("theirs:gripper")

        assert driven(emulated, use).name == "gripper"


class TestSharing:
    def test_a_shared_location_is_seen_by_both_until_it_is_no_more(self, emulated: Live[Any]) -> None:
        place = emulated.state.location.id

        async def use(client: ViamClient) -> Any:
            app, other = client.app_client, (await client.app_client.create_organization("other")).id
            await app.share_location(other, place)
            (shared,) = await app.list_locations(other)
            assert [(one.organization_id == other, one.primary) for one in shared.organizations] == [
                (False, True),
                (True, False),
            ]
            assert shared.primary_org_identity.id == emulated.state.organization.id
            assert [one.name for one in await app.list_robots(shared.id)] == ["bench"]
            with_access = await app.get_organizations_with_access_to_location(place)
            assert [one.name for one in with_access] == ["Emulated", "other"]
            await app.unshare_location(other, place)
            assert await app.list_locations(other) == []
            return [one.name for one in await app.get_organizations_with_access_to_location(place)]

        assert driven(emulated, use) == ["Emulated"]

    def test_it_is_shared_once_and_stays_its_owners(self, emulated: Live[Any]) -> None:
        place, first = emulated.state.location.id, emulated.state.organization.id

        async def twice(client: ViamClient) -> None:
            await client.app_client.share_location(first, place)

        assert refused(emulated, twice).status is Status.ALREADY_EXISTS
        kept = refused(emulated, lambda client: client.app_client.unshare_location(first, place))
        assert kept.status is Status.FAILED_PRECONDITION


class TestPeople:
    def test_an_applications_user_is_a_member_with_a_token_until_they_are_removed(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> Any:
            app = client.app_client
            await app.create_organization_invite(key, "ann@example.com")
            made = await app.create_oauth_app_user(key, "app", "ann@example.com", "Ann", "Müller", "secret")
            emulated.state.check_token(f"Bearer {made.auth_token}")
            assert made.registration_id
            assert made.refresh_token
            assert await app.get_user_id_by_email("ann@example.com") == made.user_id
            assert [one.org_name for one in await app.list_organizations_by_user(made.user_id)] == ["Emulated"]
            (member,), invites = await app.list_organization_members(key)
            assert (member.user_id, list(member.emails), invites) == (made.user_id, ["ann@example.com"], [])
            await app.add_role(key, made.user_id, "owner", "organization", key)
            await app.delete_organization_member(key, made.user_id)
            assert await app.list_organizations_by_user(made.user_id) == []
            assert await app.list_authorizations(key) == []
            await app.delete_organization_member(key, made.user_id)

        assert refused(emulated, use).status is Status.NOT_FOUND

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"email": "ann"}, Status.INVALID_ARGUMENT),
            ({"password": ""}, Status.INVALID_ARGUMENT),
            ({"application_id": ""}, Status.INVALID_ARGUMENT),
            ({"org_id": "none"}, Status.PERMISSION_DENIED),
            ({"email": "bob@example.com"}, Status.ALREADY_EXISTS),
        ],
    )
    def test_a_user_who_cannot_be_is_refused(self, emulated: Live[Any], change: dict[str, str], status: Status) -> None:
        key = emulated.state.organization.id
        emulated.state.add_member("bob@example.com", key)
        fields = {"org_id": key, "application_id": "app", "email": "ann@example.com", "password": "secret"}
        wanted = {**fields, "first_name": "", "last_name": "", **change}
        refusal = refused(emulated, lambda client: client.app_client.create_oauth_app_user(**wanted))
        assert refusal.status is status

    def test_a_member_is_not_invited(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id
        emulated.state.add_member("ann@example.com", key)
        refusal = refused(emulated, lambda client: client.app_client.create_organization_invite(key, "ann@example.com"))
        assert refusal.status is Status.ALREADY_EXISTS

    def test_an_invite_is_one_organisations(self, emulated: Live[Any]) -> None:
        first, owner = emulated.state.organization.id, Authorization(authorization_id="organization_owner")

        async def use(client: ViamClient) -> Any:
            app, other = client.app_client, (await client.app_client.create_organization("other")).id
            for key in (first, other):
                await app.create_organization_invite(key, "ann@example.com", [owner])
            await app.delete_organization_invite(first, "ann@example.com")
            return [len((await app.list_organization_members(key))[1]) for key in (first, other)]

        assert driven(emulated, use) == [0, 1]

    def test_an_invite_without_authorizations_is_an_owners(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id
        made = driven(emulated, lambda client: client.app_client.create_organization_invite(key, "ann@example.com"))
        (held,) = made.authorizations
        assert (held.authorization_id, held.resource_type, held.resource_id) == (
            "organization_owner",
            "organization",
            key,
        )

    def test_an_invite_has_one_authorization_for_each_resource(self, emulated: Live[Any]) -> None:
        key, place = emulated.state.organization.id, emulated.state.location.id

        def may(role: str, kind: str, resource: str) -> Authorization:
            return Authorization(authorization_id=f"{kind}_{role}", resource_type=kind, resource_id=resource)

        async def use(client: ViamClient) -> None:
            app = client.app_client
            made = await app.create_organization_invite(key, "ann@example.com", [may("operator", "location", place)])
            change = [may("owner", "location", place), may("operator", "organization", key)]
            made = await app.update_organization_invite_authorizations(
                key, "ann@example.com", change, list(made.authorizations)
            )
            assert list(made.authorizations) == change
            await app.update_organization_invite_authorizations(
                key, "ann@example.com", [may("owner", "organization", key)]
            )

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT

    def test_there_are_owners_and_operators(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id

        async def use(client: ViamClient) -> None:
            await client.app_client.add_role(key, "ann", "king", "organization", key)  # type: ignore[arg-type]

        assert refused(emulated, use).status is Status.INVALID_ARGUMENT
        assert emulated.state.roles == []

    def test_no_rovers_are_rented(self, emulated: Live[Any]) -> None:
        key = emulated.state.organization.id
        assert driven(emulated, lambda client: client.app_client.get_rover_rental_robots(key)) == []
