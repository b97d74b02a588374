"""User groups: members with roles, and the projects to which the group gives them access. No one is notified."""

from __future__ import annotations

import uuid
from typing import Any

from dragoman_labelbox.emulator import wire
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

    def _checked(self, query: Query, own: Group | None = None) -> Json:
        """Return what is said of a group, once it makes sense."""
        name, projects = query.get("name"), query.get("projectIds")
        if any(group.name == name and group is not own for group in self._state.groups.values()):
            raise GraphQLError("RESOURCE_CONFLICT", f"There is a user group {name!r}.")
        for project_id in projects:
            self._state.project(project_id)
        return {
            "name": name,
            "description": query.variables.get("description") or "",
            "color": query.get("color"),
            "project_ids": list(projects),
            "roles": self._roles(query.get("userRoles") or []),
        }

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
        made = Group(**{**self._state.stamp(), "id": str(uuid.uuid4())}, **self._checked(query))
        self._state.groups[made.id] = made
        return {"group": self._shown(made)}

    def listing(self, query: Query) -> Json:
        groups = list(self._state.groups.values())
        shown, following = query.cursor_page(groups, self._state.settings.page_limit, cursor="after")
        return {"totalCount": len(groups), "nextCursor": following, "nodes": list(map(self._shown, shown))}

    def update(self, query: Query) -> Json:
        group = self._group(query)
        vars(group).update(self._checked(query, group), updated=self._state.clock.now())
        return {"group": self._shown(group)}

    def delete(self, query: Query) -> Json:
        del self._state.groups[self._group(query).id]
        return {"success": True}

    def add(self, query: Query) -> Json:
        group, roles = self._group(query), self._roles(query.get("userRoles"))
        new = [user_id for user_id in roles if user_id not in group.roles]
        group.roles |= roles
        return {"results": [{"success": True, "added": new, "error": None, "batchJob": None}]}

    def remove(self, query: Query) -> Json:
        group = self._group(query)
        for user_id in query.get("data")["userIds"]:
            group.roles.pop(user_id, None)
        return {"success": True}
