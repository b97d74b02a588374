"""Members of user groups as CSV files, as UserGroupV2 of the SDK uploads and downloads them, and the audit log."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator import audit, wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import Group, User
from dragoman_labelbox.emulator.state import ROLES, State, found

Json = dict[str, Any]


class Rosters:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "GetAvailableUserRolesPyPi": lambda query: query.paged(ROLES, wire.role),
            "ImportMembersToGroupPyPi": self.take,
            "GetExportMembersAsCSVPyPi": self.give,
            "GetUserGroupAuditEventsPyApi": self.events,
        }

    def take(self, query: Query) -> Json:
        """Add those to a group whose addresses a file lists, each with an outcome of its own."""
        group, role_id = found(self._state.groups, query.get("where")["id"], "User group"), query.get("roleId")
        if role_id not in ROLES:
            raise invalid(f"There is no role {role_id}.")
        emails = [line.strip() for line in query.file()[2].decode().splitlines()[1:] if line.strip()]
        problems = [(email, self._add(group, email, role_id)) for email in emails]
        lines = [f"{email},{'Not added' if problem else 'Added'},{problem}" for email, problem in problems]
        added = sum(not problem for _, problem in problems)
        return {"csvReport": "\n".join(["Email,Result,Error", *lines]), "addedCount": added, "count": len(emails)}

    def _add(self, group: Group, email: str, role_id: str) -> str:
        """Add who has an address to a group, and return what stands against it, which is nothing in most cases."""
        user = self._user(email)
        if user is None:
            return "User not found in the current organization"
        if user.id in group.roles:
            return "Member already exists in group"
        if ROLES[user.role_id] != "None":
            return "User has a role in the organization"
        audit.change(self._state, group, {**group.roles, user.id: role_id}, group.project_ids, "CSV_IMPORT")
        return ""

    def _user(self, email: str) -> User | None:
        return next((user for user in self._state.users.values() if user.email.lower() == email.lower()), None)

    def give(self, query: Query) -> Json | None:
        # The SDK expects null in place of a group that is not there.
        group = self._state.groups.get(query.get("id"))
        if group is None:
            return None
        emails = [self._state.users[key].email for key in group.roles if key in self._state.users]
        return {"id": group.id, "membersAsCSV": "\n".join(["email", *emails])}

    def events(self, query: Query) -> Json:
        kept = audit.events(self._state, query.variables.get("where") or {})
        shown, following = query.cursor_page(kept, self._state.settings.page_limit)
        return {"nodes": shown, "nextCursor": following}
