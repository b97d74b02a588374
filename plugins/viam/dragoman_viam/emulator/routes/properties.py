"""The part of `viam.app.v1.AppService` that sets single values in the configuration of a part."""

from __future__ import annotations

import json
import re
from typing import Any

from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.emulator.routes.fleet import note_change

STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<place>\d+)\]|\['(?P<quoted>[^']*)'\]")
"""A step of a path: a name after a dot, a place in a list, or a quoted name."""


class Properties(Routes):
    """The one method."""

    service = "app"

    def SetConfigProperty(self, request: Any) -> Answer:
        """Set values by their paths, and say of each change whether it was made; the others are, even so."""
        from google.protobuf.json_format import MessageToDict, ParseDict, SerializeToJsonError

        part = self.state.one_part(request.robot_part_id)
        old, told = type(part)(), []
        old.CopyFrom(part)
        config = json.loads(part.robot_config_json) if part.robot_config_json else MessageToDict(part.robot_config)
        for change in request.property_changes:
            try:
                config = _put(config, _steps(change.path), MessageToDict(change.value))
            except (ValueError, SerializeToJsonError) as error:
                told.append({"path": change.path, "error": str(error)})
            else:
                told.append({"path": change.path, "value": change.value, "success": True})
        if any("success" in one for one in told):
            part.robot_config.Clear()
            ParseDict(config, part.robot_config)
            if part.robot_config_json:
                part.robot_config_json = json.dumps(config)
            note_change(self.state, part, old)
        return {"property_changes": told}


def _steps(path: str) -> list[str]:
    """Return the names and places on a path such as `$.components[0].name` or `components.0.name`.

    Raises:
        ValueError: It is none.
    """
    steps, place = [], 1 if path.startswith("$") else 0
    while found := STEP.match(path, place):
        steps.append(str(found[found.lastgroup or 0]))
        place = found.end()
    if not steps or place != len(path):
        raise ValueError(f"{path!r} is no path in a configuration")
    return steps


def _put(held: Any, steps: list[str], value: Any) -> Any:
    """Return what is held, with a value at the end of a path; objects on the way that are not there are made.

    Raises:
        ValueError: Something on the way is neither an object nor a list that long.
    """
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(held, list):
        if not step.isdecimal() or int(step) > len(held):
            raise ValueError(f"the list has {len(held)} entries, and no place {step!r}")
        place = int(step)
        inner = held[place] if place < len(held) else None
        return [*held[:place], _put(inner, rest, value), *held[place + 1 :]]
    if held is not None and not isinstance(held, dict):
        raise ValueError(f"{held!r} has no {step!r} in it")
    known = held or {}
    return {**known, step: _put(known.get(step), rest, value)}
