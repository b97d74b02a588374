"""Tags that are put on many tasks or assignments at once, and taken off them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from dragoman_synapse.emulator.answers import FieldErrors, body_of, number
from dragoman_synapse.emulator.records import Assignment, Task
from dragoman_synapse.emulator.tenant import Tenant


async def set_tags(request: Request, held: Mapping[int, Task] | Mapping[int, Assignment], tenant: Tenant) -> object:
    """Do what a request asks for, to all that it names or to none, and repeat it."""
    given = await body_of(request)
    ids, tags = _known(given, "ids", held), _known(given, "tags", tenant.tags)
    action = given.get("action", "add")
    if action not in ("add", "remove"):
        raise FieldErrors(action=f'"{action}" is not a valid choice.')
    for key in ids:
        if action == "add":
            held[key].tags.update(tags)
        else:
            held[key].tags.difference_update(tags)
    return {"ids": ids, "tags": tags, "action": action}


def _known(given: dict[str, Any], name: str, held: Mapping[int, Any]) -> list[int]:
    if not isinstance(given.get(name), list):
        raise FieldErrors(**{name: "Expected a list of items."})
    keys = [number(key, name) for key in given[name]]
    for key in keys:
        if key not in held:
            raise FieldErrors(**{name: f'Invalid pk "{key}" - object does not exist.'})
    return keys
