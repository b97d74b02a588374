"""What Synapse has no field for, kept beside what it has. Pure; no network.

A model's configuration is written once, when it is made; our facts stand there under the key `dragoman`. Only name and
description can be changed later: facts that change, and those of models that a plugin makes, stand as one line of JSON
at the end of the description, and count before the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

KEY = "dragoman"
"""Key of a model's configuration under which our facts stand."""
MARK = "[dragoman] "
Json = dict[str, Any]


def joined(description: str, ours: Mapping[str, Any]) -> str:
    """Return a description with our facts at its end; none leave it as it is."""
    if not ours:
        return description
    line = MARK + msgspec.json.encode(ours).decode()
    return f"{description}\n\n{line}" if description else line


def parted(description: Any) -> tuple[str, Json]:
    """Part a description from our facts. A line that only looks like ours belongs to the description."""
    text = description if isinstance(description, str) else ""
    head, mark, line = text.rpartition(MARK)
    if not mark or (head and not head.endswith("\n\n")):
        return text, {}
    try:
        ours = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return text, {}
    return (head.removesuffix("\n\n"), ours) if isinstance(ours, dict) else (text, {})
