"""The organization: members, roles, invitations, resource tags, webhooks and IAM integrations. Nothing is ever sent."""

from __future__ import annotations

import re
from typing import Any

from dragoman_labelbox.emulator import audit, wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import User
from dragoman_labelbox.emulator.state import ROLES, State, found, moment

Json = dict[str, Any]

NO_ROLE = next(key for key, name in ROLES.items() if name == "None")
SEATS = 100
"""Most members and invitations."""
_TOPICS = re.compile(r"topics:\s*\{set:\s*\[([^\]]*)\]\}")
_URL = re.compile(r'url:\s*"([^"]*)"')
_STATUS = re.compile(r"status:\s*(\w+)")
_PROJECT = re.compile(r'project:\{id:"([^"]*)"\}')
_WEBHOOK = re.compile(r'where:\s*\{id:\s*"([^"]*)"\}')


class Organization:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "GetAvailableUserRolesPyApi": lambda _: [wire.role(key) for key in ROLES],
            "GetUsersPyApi": lambda query: query.paged(self._state.users.values(), wire.user),
            "SetOrganizationRolePyApi": self.set_role,
            "SetProjectMembershipPyApi": self.set_project_role,
            "DeleteProjectMembershipsPyApi": self.delete_memberships,
            "DeleteMemberPyApi": self.remove,
            "createInvitesPyApi": self.invite,
            "InviteMembersPyApi": self.invite_many,
            "CancelInvitePyApi": self.cancel,
            "GetOrgInvitationsPyApi": lambda query: self._invites(query, None),
            "GetProjectInvitationsPyApi": lambda query: self._invites(query, query.get("projectId")),
            "InvitesLimitPyApi": self.limit,
            "CreateResourceTagPyApi": self.create_tag,
            "updateResourceTagPyApi": self.update_tag,
            "GetOrganizationResourceTagsPyApi": lambda _: {"resourceTag": list(self._state.tags.values())},
            "CreateWebhookPyApi": self.create_webhook,
            "UpdateWebhookPyApi": self.update_webhook,
        }

    # -- members ------------------------------------------------------------------------------------------------------

    def _user(self, key: str) -> User:
        return found(self._state.users, key, "User")

    def set_role(self, query: Query) -> Json:
        user = self._user(query.get("userId"))
        user.role_id = _role(query.get("roleId"))
        return wire.user(user)

    def set_project_role(self, query: Query) -> Json:
        user, project = self._user(query.get("userId")), self._state.project(query.get("projectId"))
        role_id = _role(query.get("roleId"))
        if ROLES[role_id] == "None":
            user.roles.pop(project.id, None)
        else:
            user.roles[project.id] = role_id
        return {"id": f"{project.id}-{user.id}"}

    def delete_memberships(self, query: Query) -> Json:
        project = self._state.project(query.get("projectId"))
        for user_id in query.get("userIds"):
            self._user(user_id).roles.pop(project.id, None)
        return {"success": True, "errorMessage": None}

    def remove(self, query: Query) -> Json:
        user = self._user(query.get("userId"))
        if user is self._state.user:
            raise invalid("The user of the key cannot be removed.")
        del self._state.users[user.id]
        for group in self._state.groups.values():
            stay = {user_id: role_id for user_id, role_id in group.roles.items() if user_id != user.id}
            audit.change(self._state, group, stay, group.project_ids, "SYSTEM")
        return {"id": user.id, "deleted": True}

    # -- invitations --------------------------------------------------------------------------------------------------

    def _new_invite(self, email: str, role_id: str, projects: list[tuple[str, str]]) -> Json:
        made: Json = {
            "id": self._state.ids.new(),
            "createdAt": moment(self._state.clock.now()),
            "organizationRoleName": ROLES[_role(role_id)],
            "inviteeEmail": email,
            "inviter": wire.user(self._state.user),
            "projectInvites": [
                {"id": self._state.ids.new(), "projectRoleName": ROLES[_role(each)], "projectId": project_id}
                for project_id, each in projects
            ],
        }
        self._state.invites[made["id"]] = made
        return made

    def invite(self, query: Query) -> list[Json]:
        for each in query.get("data"):
            self._check_places([key for key, _ in _project_roles(each)], each.get("userGroupIds") or [])
        return [
            {"invite": self._new_invite(each["inviteeEmail"], each["organizationRoleId"], _project_roles(each))}
            for each in query.get("data")
        ]

    def invite_many(self, query: Query) -> Json:
        data = query.get("data")
        projects = [(project_id, _role(data["roleId"])) for project_id in data["projectIds"]]
        self._check_places(data["projectIds"], data["groupIds"])
        # Who is invited to projects or groups has no role in the organization.
        role_id = data["roleId"] if data["workspaceWide"] else NO_ROLE
        return {"results": [self._invited(email.strip(), role_id, projects) for email in data["emails"]]}

    def _check_places(self, project_ids: list[str], group_ids: list[str]) -> None:
        places = ((project_ids, self._state.projects), (group_ids, self._state.groups))
        if unknown := [key for keys, known in places for key in keys if key not in known]:
            raise invalid(f"There is no project or user group {unknown[0]}.")

    def _invited(self, email: str, role_id: str, projects: list[tuple[str, str]]) -> Json:
        shown: Json = {"email": email.lower(), "reason": None, "inviteId": None}
        if "@" not in email:
            return shown | {"email": email, "status": "INVALID_EMAIL"}
        if email.lower() in (user.email.lower() for user in self._state.users.values()):
            return shown | {"status": "ALREADY_MEMBER"}
        if email.lower() in (invite["inviteeEmail"].lower() for invite in self._state.invites.values()):
            return shown | {"status": "ALREADY_INVITED"}
        if not self._left():
            return shown | {"status": "SEAT_LIMIT"}
        return shown | {"status": "INVITED", "inviteId": self._new_invite(email.lower(), role_id, projects)["id"]}

    def cancel(self, query: Query) -> Json:
        invite = found(self._state.invites, query.get("where")["id"], "Invite")
        del self._state.invites[invite["id"]]
        return {"id": invite["id"]}

    def _invites(self, query: Query, project_id: str | None) -> Json:
        if project_id is not None:
            self._state.project(project_id)
        invites = [
            invite
            for invite in self._state.invites.values()
            if project_id is None or project_id in (each["projectId"] for each in invite["projectInvites"])
        ]
        shown, following = query.cursor_page(invites, self._state.settings.page_limit)
        return {"id": self._state.organization_id, "invites": {"nodes": shown, "nextCursor": following}}

    def _left(self) -> int:
        return SEATS - len(self._state.users) - len(self._state.invites)

    def limit(self, _: Query) -> Json:
        left = self._left()
        return {"used": SEATS - left, "limit": SEATS, "remaining": left}

    # -- tags and webhooks --------------------------------------------------------------------------------------------

    def create_tag(self, query: Query) -> Json:
        if any(tag["text"] == query.get("text") for tag in self._state.tags.values()):
            raise invalid(f"There is a resource tag {query.get('text')!r}.")
        made = {"id": self._state.ids.new(), "text": query.get("text"), "color": query.get("color")}
        self._state.tags[made["id"]] = made
        return made

    def update_tag(self, query: Query) -> Json:
        tag = found(self._state.tags, query.get("ResourceTagId"), "Resource tag")
        tag |= {name: value for name, value in query.variables.items() if name in ("text", "color")}
        return tag

    def create_webhook(self, query: Query) -> Json:
        project = _PROJECT.search(query.text)
        now = moment(self._state.clock.now())
        made = {
            "id": self._state.ids.new(),
            "createdAt": now,
            "updatedAt": now,
            "status": "ACTIVE",
            "projectId": self._state.project(project[1]).id if project else None,
            **_said(query.text),
        }
        self._state.webhooks[made["id"]] = made
        return made

    def update_webhook(self, query: Query) -> Json:
        named = _WEBHOOK.search(query.text)
        webhook = found(self._state.webhooks, named[1] if named else "", "Webhook")
        status = _STATUS.search(query.text)
        webhook |= _said(query.text) | ({"status": status[1]} if status else {})
        webhook["updatedAt"] = moment(self._state.clock.now())
        return webhook


def _role(key: str) -> str:
    if key not in ROLES:
        raise invalid(f"There is no role {key}.")
    return key


def _project_roles(invite: Json) -> list[tuple[str, str]]:
    return [(each["projectId"], each["projectRoleId"]) for each in invite.get("projects") or ()]


def _said(text: str) -> Json:
    """Return the topics and the address that stand in the text of a query."""
    topics, url = _TOPICS.search(text), _URL.search(text)
    said: Json = {"topics": topics[1].split()} if topics else {}
    return said | ({"url": url[1]} if url else {})
