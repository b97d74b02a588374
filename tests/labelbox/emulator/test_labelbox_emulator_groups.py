"""User groups through the SDK: members and projects, members as files, and the audit log."""

from __future__ import annotations

from typing import Any

import pytest
from labelbox.schema.user_group import UserGroup, UserGroupColor, UserGroupMember
from labelbox.schema.user_group_v2 import Member, UserGroupV2
from lbox import exceptions

from dragoman.emulate import Live

pytestmark = pytest.mark.filterwarnings("ignore:The .* for UserGroupV2 is in beta")


@pytest.fixture
def group(client: Any, guest: Any, project: Any) -> Any:
    """A group of the guest, with the project."""
    member = UserGroupMember(user=guest, role=client.get_roles()["LABELER"])
    return UserGroup(client, name="g", color=UserGroupColor.BLUE, projects={project}, members={member}).create()


def test_a_group_has_members_with_roles_and_projects(client: Any, group: Any, project: Any) -> None:
    found = UserGroup(client, id=group.id).get()
    assert (found.name, found.color, found.projects) == ("g", UserGroupColor.BLUE, {project})
    assert [(member.user.email, member.role.name) for member in found.members] == [("guest@example.com", "LABELER")]


def test_members_come_and_go(client: Any, group: Any, guest: Any) -> None:
    assert group.remove_members([guest]) is True
    assert group.list_members() == []
    added = group.add_members([UserGroupMember(user=guest, role=client.get_roles()["REVIEWER"])])
    assert added == [guest.uid]


def test_who_has_a_role_in_the_organization_is_refused(client: Any, group: Any, project: Any) -> None:
    member = UserGroupMember(user=client.get_user(), role=client.get_roles()["LABELER"])
    with pytest.raises(exceptions.UnprocessableEntityError, match="cannot be in a group"):
        group.add_members([member])


def test_who_is_a_member_already_stays_as_they_are(client: Any, group: Any, guest: Any) -> None:
    assert group.add_members([UserGroupMember(user=guest, role=client.get_roles()["REVIEWER"])]) == []
    assert [member.role.name for member in group.list_members()] == ["LABELER"]


def test_nobody_is_added_to_a_group_that_is_gone(client: Any, group: Any, guest: Any) -> None:
    group.delete()
    with pytest.raises(exceptions.UnprocessableEntityError, match="does not exist"):
        group.add_members([UserGroupMember(user=guest, role=client.get_roles()["REVIEWER"])])


@pytest.mark.parametrize("page", [None, 1])
def test_groups_are_listed_renamed_and_deleted(client: Any, group: Any, live: Live[Any], page: int | None) -> None:
    live.settings.page_limit = page
    with pytest.raises(exceptions.ResourceCreationError, match="already exists"):
        UserGroup(client, name="g").create()
    UserGroup(client, name="other").create()
    group.name = "renamed"
    group.update()
    assert [each.name for each in UserGroup(client).get_user_groups(client)] == ["renamed", "other"]
    group.delete()
    with pytest.raises(exceptions.ResourceNotFoundError):
        group.get()


class TestFiles:
    def test_each_address_of_a_file_has_an_outcome(self, client: Any, group: Any, guest: Any) -> None:
        group.remove_members([guest])
        emails = ["GUEST@example.com", guest.email, "nobody@example.com", client.get_user().email]
        report = UserGroupV2(client).upload_members(group.id, "Reviewer", emails)
        assert report is not None
        assert [(line.result, line.error) for line in report.lines] == [
            ("Added", ""),
            ("Not added", "Member already exists in group"),
            ("Not added", "User not found in the current organization"),
            ("Not added", "User has a role in the organization"),
        ]
        assert [member.role.name for member in group.list_members()] == ["REVIEWER"]
        assert UserGroupV2(client).export_members(group.id) == [Member("guest@example.com")]

    def test_roles_and_groups_that_are_not_there_are_refused(self, client: Any, group: Any) -> None:
        files = UserGroupV2(client)
        with pytest.raises(exceptions.ResourceNotFoundError, match="valid role"):
            files.upload_members(group.id, "Painter", ["guest@example.com"])
        with pytest.raises(exceptions.LabelboxError, match="Failed to upload"):
            files.upload_members("nowhere", "Labeler", ["guest@example.com"])
        with pytest.raises(exceptions.ResourceNotFoundError):
            files.export_members("nowhere")


class TestAuditLog:
    def _log(self, group: Any, **filters: Any) -> list[tuple[str, str]]:
        return [(event.type.value, event.channel.value) for event in group.audit_events(**filters)]

    @pytest.mark.parametrize("page", [None, 1])
    def test_every_change_is_recorded_newest_first(
        self, client: Any, group: Any, guest: Any, live: Live[Any], page: int | None
    ) -> None:
        live.settings.page_limit = page
        group.members = {UserGroupMember(user=guest, role=client.get_roles()["REVIEWER"])}
        group.projects = set()
        group.update()
        group.remove_members([guest])
        UserGroupV2(client).upload_members(group.id, "Labeler", [guest.email])
        client.get_organization().remove_user(guest)
        group.delete()
        assert self._log(group) == [
            ("GROUP_DELETED", "API"),
            ("MEMBER_REMOVED", "SYSTEM"),
            ("MEMBER_ADDED", "CSV_IMPORT"),
            ("MEMBER_REMOVED", "API"),
            ("GROUP_DETACHED_FROM_PROJECT", "API"),
            ("MEMBER_ROLE_CHANGED", "API"),
            ("GROUP_ATTACHED_TO_PROJECT", "API"),
            ("MEMBER_ADDED", "API"),
        ]

    def test_an_event_says_who_and_what(self, client: Any, group: Any, guest: Any, project: Any) -> None:
        group.members = {UserGroupMember(user=guest, role=client.get_roles()["REVIEWER"])}
        group.update()
        changed, attached, added = UserGroup.get_audit_events(client)
        assert (changed.previous_role_name, changed.role_name, changed.member_user_id) == (
            "Labeler",
            "Reviewer",
            guest.uid,
        )
        assert (attached.project_id, attached.project_name, attached.member_user_id) == (project.uid, "p", None)
        assert (added.group_name, added.actor_user_id, added.actor_kind) == ("g", client.get_user().uid, "AUTOMATION")

    def test_a_group_that_is_gone_has_no_name(self, client: Any, group: Any) -> None:
        group.delete()
        assert {event.group_name for event in UserGroup.get_audit_events(client)} == {None}

    def test_the_log_is_filtered(self, client: Any, group: Any, guest: Any, project: Any) -> None:
        UserGroup(client, name="other", projects={project}).create()
        attached, added = ("GROUP_ATTACHED_TO_PROJECT", "API"), ("MEMBER_ADDED", "API")
        assert self._log(group, member=guest) == [added]
        assert self._log(group, project=project) == [attached]
        assert self._log(group, types=["MEMBER_ADDED", "GROUP_DELETED"]) == [added]
        assert self._log(group, actor_kind="PERSON") == []
        assert self._log(group, actor=guest) == []
        (event,) = group.audit_events(member=guest)
        assert self._log(group, occurred_after=event.occurred_at) == [attached, added]
        assert self._log(group, occurred_before=event.occurred_at) == []
