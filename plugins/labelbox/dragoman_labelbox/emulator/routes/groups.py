"""User groups: members with roles, and the projects to which the group gives them access. No one is notified."""

from __future__ import annotations

import uuid
from typing import Any

from dragoman_labelbox.emulator import audit, wire
from dragoman_labelbox.emulator.graphql import GraphQLError, Handler, Query, invalid
from dragoman_labelbox.emulator.objects import Group
from dragoman_labelbox.emulator.state import ROLES, State, found, moment

Json = dict[str, Any]


class Groups:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateUserGroupPyApi": self.create,
            "GetUserGroupPyApi": lambda query: self._shown(self._group(query)),
            "ListUserGroupMembersPyApi": lambda query: self._shown(self._group(query)),
            "GetUserGroupsPyApi": self.listing,
            "UpdateUserGroupPyApi": self.update,
            "DeleteUserGroupPyApi": self.delete,
            "AddUserGroupMembersPyApi": self.add,
            "RemoveUserGroupMembersPyApi": self.remove,
        }

    def _group(self, query: Query) -> Group:
        return found(self._state.groups, query.get("id"), "User group")

    def _shown(self, group: Group) -> Json:
        members = [self._state.users[key] for key in group.roles if key in self._state.users]
        projects = [self._state.projects[key] for key in group.project_ids if key in self._state.projects]
        nodes = [{"id": user.id, "email": user.email, "orgRole": wire.role(user.role_id)} for user in members]
        roles = [{"userId": user.id, "roleId": group.roles[user.id]} for user in members]
        return {
            "id": group.id,
            "name": group.name,
            "color": group.color,
            "description": group.description,
            "updatedAt": moment(group.updated),
            "createdByUserName": self._state.user.name,
            "projects": {
                "nodes": [{"id": project.id, "name": project.name} for project in projects],
                "totalCount": len(projects),
            },
            "members": {"nodes": nodes, "totalCount": len(nodes), "userGroupRoles": roles},
        }

    def _checked(self, query: Query, own: Group | None = None) -> tuple[Json, tuple[dict[str, str], list[str]]]:
        """Return what is said of a group, and the roles of its members with its projects, once it makes sense."""
        name, projects = query.get("name"), query.get("projectIds")
        if any(group.name == name and group is not own for group in self._state.groups.values()):
            raise GraphQLError("RESOURCE_CONFLICT", f"There is a user group {name!r}.")
        for project_id in projects:
            self._state.project(project_id)
        said = {
            "name": name,
            "description": query.variables.get("description") or "",
            "color": query.get("color"),
        }
        return said, (self._roles(query.get("userRoles") or []), projects)

    def _roles(self, wanted: list[Json]) -> dict[str, str]:
        for each in wanted:
            if each["roleId"] not in ROLES:
                raise invalid(f"There is no role {each['roleId']}.")
            user = found(self._state.users, each["userId"], "User")
            if ROLES[user.role_id] != "None":
                raise invalid(f"{user.email} has a role in the organization and cannot be in a group.")
        return {each["userId"]: each["roleId"] for each in wanted}

    def create(self, query: Query) -> Json:
        # The SDK checks that the id of a group is a UUID.
        said, members = self._checked(query)
        made = Group(**{**self._state.stamp(), "id": str(uuid.uuid4())}, **said)
        self._state.groups[made.id] = made
        audit.change(self._state, made, *members)
        return {"group": self._shown(made)}

    def listing(self, query: Query) -> Json:
        groups = list(self._state.groups.values())
        shown, following = query.cursor_page(groups, self._state.settings.page_limit, cursor="after")
        return {"totalCount": len(groups), "nextCursor": following, "nodes": list(map(self._shown, shown))}

    def update(self, query: Query) -> Json:
        group = self._group(query)
        said, members = self._checked(query, group)
        vars(group).update(said, updated=self._state.clock.now())
        audit.change(self._state, group, *members)
        return {"group": self._shown(group)}

    def delete(self, query: Query) -> Json:
        group = self._group(query)
        audit.record(self._state, group, "GROUP_DELETED")
        del self._state.groups[group.id]
        return {"success": True}

    def add(self, query: Query) -> Json:
        """Add members to a group; those who are in it stay as they are."""
        outcome: Json = {"success": True, "added": None, "error": None, "batchJob": None}
        try:
            group, roles = self._group(query), self._roles(query.get("userRoles"))
        except GraphQLError as refusal:
            return {"results": [outcome | {"success": False, "error": refusal.message}]}
        new = [user_id for user_id in roles if user_id not in group.roles]
        audit.change(self._state, group, roles | group.roles, group.project_ids)
        return {"results": [outcome | {"added": new}]}

    def remove(self, query: Query) -> Json:
        group = self._group(query)
        gone = query.get("data")["userIds"]
        stay = {user_id: role_id for user_id, role_id in group.roles.items() if user_id not in gone}
        audit.change(self._state, group, stay, group.project_ids)
        return {"success": True}
