"""The audit log of user groups: members who come, go or get another role, and projects that come and go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dragoman_labelbox.emulator.objects import Group
from dragoman_labelbox.emulator.state import ROLES, State, moment

Json = dict[str, Any]

_ABOUT = (
    "memberUserId",
    "previousRoleId",
    "previousRoleName",
    "roleId",
    "roleName",
    "projectId",
    "projectName",
)
"""What an event may say of the member or the project that it is about."""


def change(state: State, group: Group, roles: dict[str, str], project_ids: Iterable[str], channel: str = "API") -> None:
    """Give a group other members and projects, and record what that changes.

    Args:
        state: The account.
        group: The group.
        roles: The role of each member from now on, by user.
        project_ids: Its projects from now on.
        channel: How the change reached the platform; none of its users made a change by `SYSTEM`.
    """
    projects = list(dict.fromkeys(project_ids))
    for user_id in dict.fromkeys([*group.roles, *roles]):
        _member(state, group, user_id, roles.get(user_id), channel)
    for project_id in dict.fromkeys([*group.project_ids, *projects]):
        _project(state, group, project_id, project_id in projects, channel)
    group.roles, group.project_ids = dict(roles), projects


def _member(state: State, group: Group, user_id: str, role_id: str | None, channel: str) -> None:
    before = group.roles.get(user_id)
    if before == role_id:
        return
    kind = "MEMBER_ADDED" if before is None else "MEMBER_REMOVED" if role_id is None else "MEMBER_ROLE_CHANGED"
    about = {
        "previousRoleId": before,
        "previousRoleName": ROLES.get(before or ""),
        "roleId": role_id,
        "roleName": ROLES.get(role_id or ""),
    }
    record(state, group, kind, channel, memberUserId=user_id, **about)


def _project(state: State, group: Group, project_id: str, attached: bool, channel: str) -> None:
    if attached == (project_id in group.project_ids):
        return
    kind = "GROUP_ATTACHED_TO_PROJECT" if attached else "GROUP_DETACHED_FROM_PROJECT"
    project = state.projects.get(project_id)
    record(state, group, kind, channel, projectId=project_id, projectName=project.name if project else None)


def record(state: State, group: Group, kind: str, channel: str = "API", **about: str | None) -> None:
    """Add an event to the log."""
    of_platform = channel == "SYSTEM"
    event: Json = {
        "id": state.ids.new(),
        "groupId": group.id,
        "type": kind,
        "occurredAt": moment(state.clock.now()),
        "actorKind": "AUTOMATION",
        "channel": channel,
        "actorUserId": None if of_platform else state.user.id,
        "automation": "Removal of a user" if of_platform else "API key",
    }
    state.group_events.append(dict.fromkeys(_ABOUT) | event | about)


def events(state: State, where: Json) -> list[Json]:
    """Return the events that pass the filters, newest first; a group that was deleted has no name any more."""
    kept = [event for event in reversed(state.group_events) if _passes(event, where)]
    return [{**event, "groupName": _name(state, event["groupId"])} for event in kept]


def _passes(event: Json, where: Json) -> bool:
    # All moments are written alike, so that they can be compared as text.
    alike = ("groupId", "memberUserId", "actorUserId", "actorKind", "projectId")
    return (
        all(event[name] == where[name] for name in alike if name in where)
        and event["type"] in where.get("types", [event["type"]])
        and where.get("occurredAfter", "") <= event["occurredAt"]
        and ("occurredBefore" not in where or event["occurredAt"] < where["occurredBefore"])
    )


def _name(state: State, group_id: str) -> str | None:
    return state.groups[group_id].name if group_id in state.groups else None
