"""The organization through the SDK: members, groups, invitations, webhooks, IAM integrations and API keys."""

from __future__ import annotations

from typing import Any

import labelbox
import pytest
from labelbox import ProjectRole, UserGroupRole, Webhook
from labelbox.schema.iam_integration import AwsIamIntegrationSettings, GcpIamIntegrationSettings
from labelbox.schema.invite import InviteMemberStatus
from labelbox.schema.timeunit import TimeUnit
from labelbox.schema.user_group import UserGroup
from lbox import exceptions

from dragoman.emulate import Live


@pytest.fixture
def organization(client: Any) -> Any:
    """The organization."""
    return client.get_organization()


class TestMembers:
    def test_a_guest_is_added_to_a_project_and_removed(self, client: Any, guest: Any, project: Any) -> None:
        guest.upsert_project_role(project, client.get_roles()["LABELER"])
        roles = {member.user().email: member.role().name for member in project.members()}
        assert roles["guest@example.com"] == "Labeler"
        assert list(guest.projects()) == [project]
        guest.remove_from_project(project)
        assert list(guest.projects()) == []
        assert [member.user() for member in project.members()] == [client.get_user()]

    def test_who_sees_everything_is_not_added(self, client: Any, guest: Any, project: Any) -> None:
        guest.update_org_role(client.get_roles()["REVIEWER"])
        assert guest.org_role().name == "Reviewer"
        with pytest.raises(ValueError, match="has access to all projects"):
            guest.upsert_project_role(project, client.get_roles()["LABELER"])

    def test_members_leave(self, client: Any, guest: Any, organization: Any) -> None:
        organization.remove_user(guest)
        assert list(organization.users()) == [client.get_user()]
        with pytest.raises(exceptions.UnprocessableEntityError):
            organization.remove_user(client.get_user())


class TestInvitations:
    def test_invitations_are_listed_and_cancelled(self, client: Any, organization: Any, project: Any) -> None:
        roles = client.get_roles()
        plain = organization.invite_user("one@example.com", roles["LABELER"])
        with_role = [ProjectRole(project=project, role=roles["REVIEWER"])]
        organization.invite_user("two@example.com", roles["NONE"], with_role)
        assert [each.email for each in organization.get_invites()] == ["one@example.com", "two@example.com"]
        (invited,) = organization.get_project_invites(project.uid)
        assert invited.project_roles == with_role
        assert [plain.cancel(), plain.cancel()] == [True, False]

    def test_who_is_invited_to_projects_has_no_role_in_the_organization(
        self, client: Any, organization: Any, project: Any
    ) -> None:
        labeler = client.get_roles()["LABELER"]
        organization.invite_users(["one@example.com"], labeler, projects=[project])
        (invited,) = organization.get_project_invites(project.uid)
        assert (invited.organization_role_name, invited.project_roles) == ("None", [ProjectRole(project, labeler)])

    def test_nobody_is_invited_to_what_is_not_there(self, client: Any, organization: Any, project: Any) -> None:
        roles = client.get_roles()
        with pytest.raises(exceptions.UnprocessableEntityError, match="no project or user group nowhere"):
            organization.invite_users(["one@example.com"], roles["LABELER"], projects=[project, "nowhere"])
        gone = UserGroup(client, name="g").create()
        gone.delete()
        with pytest.raises(exceptions.UnprocessableEntityError, match="no project or user group"):
            organization.invite_user("one@example.com", roles["NONE"], None, [UserGroupRole(gone, roles["LABELER"])])
        assert list(organization.get_invites()) == []

    def test_each_address_has_an_outcome(self, client: Any, organization: Any) -> None:
        emails = ["new@example.com", "nobody", client.get_user().email, "NEW@example.com"]
        outcomes = organization.invite_users(emails, client.get_roles()["LABELER"])
        again = organization.invite_users(emails[:1], client.get_roles()["LABELER"])
        assert [each.status for each in outcomes + again] == [
            InviteMemberStatus.INVITED,
            InviteMemberStatus.INVALID_EMAIL,
            InviteMemberStatus.ALREADY_MEMBER,
            InviteMemberStatus.DUPLICATE,
            InviteMemberStatus.ALREADY_INVITED,
        ]
        limit = organization.invite_limit()
        assert (limit.used, limit.used + limit.remaining) == (2, limit.limit)


def test_webhooks_are_made_changed_and_switched_off(client: Any, organization: Any, project: Any) -> None:
    made = Webhook.create(client, [Webhook.LABEL_CREATED], "https://example.com/hook", "secret", project)
    assert (made.status, made.topics, made.project()) == ("ACTIVE", ["LABEL_CREATED"], project)
    made.update(topics=[Webhook.LABEL_UPDATED, Webhook.LABEL_DELETED], url="https://example.com/other")
    assert (made.topics, made.url) == (["LABEL_UPDATED", "LABEL_DELETED"], "https://example.com/other")
    made.delete()
    everywhere = Webhook.create(client, [Webhook.LABEL_CREATED], "https://example.com/all", "secret", None)
    assert everywhere.project() is None
    assert [each.status for each in organization.webhooks()] == ["INACTIVE", "ACTIVE"]
    assert list(project.webhooks()) == [made]


class TestIntegrations:
    def test_datasets_are_made_with_the_default(self, client: Any, organization: Any) -> None:
        made = organization.create_iam_integration("aws", AwsIamIntegrationSettings(role_arn="arn"))
        assert (made.provider, made.settings.role_arn) == ("AWS", "arn")
        assert organization.get_default_iam_integration() is None
        made.set_as_default()
        assert client.create_dataset(name="d").iam_integration() == made

    def test_a_dataset_has_one_until_it_is_taken_away(self, client: Any, organization: Any, dataset: Any) -> None:
        made = organization.create_iam_integration("gcp", GcpIamIntegrationSettings(read_bucket="b"))
        made.update(name="renamed")
        assert dataset.add_iam_integration(made.uid).name == "renamed"
        dataset.remove_iam_integration()
        assert dataset.iam_integration() is None
        with pytest.raises(exceptions.ResourceNotFoundError):
            dataset.add_iam_integration("nowhere")


@pytest.mark.filterwarnings("ignore:The creation of API keys is currently in alpha")
def test_a_key_is_good_until_it_is_revoked(client: Any, live: Live[Any]) -> None:
    made = client.create_api_key("script", client.get_user(), "Labeler", 5, TimeUnit.MINUTE, allowed_ip_cidrs=["::1"])
    other = labelbox.Client(made["jwt"], endpoint=f"{live.url}/graphql")
    assert other.get_user() == client.get_user()
    (key,) = client.get_api_keys()
    assert (key.name, key.created_by, key.created_for) == ("script", client.get_user(), client.get_user())
    key.revoke()
    assert client.get_api_keys() == []
    with pytest.raises(exceptions.AuthenticationError):
        other.get_user()
