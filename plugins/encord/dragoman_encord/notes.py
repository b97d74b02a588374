"""What Encord has no field for, kept as one line of JSON at the end of a description. Pure; no network.

Models and datasets have a title and a description, and nothing else that a client may set.
"""

from __future__ import annotations

from typing import Any

import msgspec

MARK = "[dragoman] "
Json = dict[str, Any]


def joined(description: str, ours: Json) -> str:
    """Return a description with our facts at its end; only those that say something."""
    said = {name: value for name, value in ours.items() if value}
    if not said:
        return description
    line = MARK + msgspec.json.encode(said).decode()
    return f"{description}\n\n{line}" if description else line


def parted(description: str) -> tuple[str, Json]:
    """Part a description from our facts. A line that only looks like ours belongs to the description."""
    # JSON has no bare line break, so what stands after the last empty line is all of ours, whatever it holds.
    head, mark, line = f"\n\n{description}".rpartition(f"\n\n{MARK}")
    if not mark:
        return description, {}
    try:
        ours = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return description, {}
    if not isinstance(ours, dict):
        return description, {}
    return head.removeprefix("\n\n"), ours


def encoded(note: Json) -> str:
    """Return a note as the text of an answer."""
    return msgspec.json.encode(note).decode()


def decoded(text: Any) -> Json:
    """Return a note; empty where an annotator has written something else there."""
    if not isinstance(text, str):
        return {}
    try:
        note = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {}
    return note if isinstance(note, dict) else {}
