"""Users and groups: those of the organisation, and what each project, dataset, ontology and folder lets them do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

OWNER = "owner@encord.example"
"""The user whose key the emulator accepts."""
ROLE = "00000000-0000-4000-8000-000000000001"
"""The id of every role; what a role may do is not emulated."""


@dataclass
class Access:
    """Who may do what with one thing. Roles are kept as the client writes them."""

    users: dict[str, Any] = field(default_factory=lambda: {OWNER: 0})
    groups: dict[str, Any] = field(default_factory=dict)

    def add_users(self, emails: list[str], role: Any) -> dict[str, Any]:
        """Let users in and return the role of each; one who is in already keeps the role there."""
        return {email: self.users.setdefault(email, role) for email in emails}

    def remove_users(self, emails: list[str]) -> None:
        for email in emails:
            self.users.pop(email, None)


@dataclass(kw_only=True)
class Group:
    id: str
    name: str
    description: str
    created: datetime
    users: dict[str, None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "groupHash": self.id,
            "name": self.name,
            "description": self.description,
            "createdAt": self.created.isoformat(),
        }


@dataclass
class Organisation:
    """What belongs to no single thing: members by email, groups and tags by id, and what metadata may be.

    The ids of tags of issues are by name.
    """

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    issue_tags: dict[str, str] = field(default_factory=dict)
    metadata_schema: dict[str, Any] | None = None
    schema_saved: datetime = field(default_factory=lambda: datetime.fromtimestamp(0, UTC))

    def join(self, email: str, role: str, kind: str, now: datetime) -> None:
        """Let a user in.

        Args:
            email: The user.
            role: The platform's word for what the user may do.
            kind: Whether the user is `internal` or `external`.
            now: When that is.
        """
        self.members[email] = {
            "email": email,
            "roleMnemonicName": role,
            "roleUuid": ROLE,
            "memberType": kind,
            "createdAt": now.isoformat(),
            "lastEditedAt": now.isoformat(),
        }
