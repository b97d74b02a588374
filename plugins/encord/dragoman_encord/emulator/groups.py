"""Data groups: files that are shown and labelled together, each in a space of its own."""

from __future__ import annotations

from typing import Any

from dragoman_encord.emulator.state import Item, State

Json = dict[str, Any]
SPACES = {"image": "image", "video": "video", "imageSequence": "image_sequence", "audio": "audio", "plainText": "text"}
"""Kind of a file to the type of its space; files of other kinds are in no group."""


def members(state: State, group: Item) -> dict[str, Item]:
    """Return the files of a data group by their spaces, none where it is no group."""
    return {key: state.items[key] for key in group.contents.values()}


def spaces(state: State, group: Item, labels: Json, base: str | None = None) -> Json:
    """Return the spaces of a data group as clients get them.

    Args:
        state: The account.
        group: The group, or a file that is none and has no spaces.
        labels: Labels by space.
        base: Root of this server, for links.
    """
    return {
        key: {
            **_facts(state, state.items[key], base),
            "labels": labels.get(key, {}),
            "child_info": {
                "layout_key": place,
                "file_name": state.items[key].name,
                "data_link": state.signed(state.items[key], base) if base else None,
            },
        }
        for place, key in group.contents.items()
    }


def _facts(state: State, item: Item, base: str | None) -> Json:
    kind = "html" if item.mime == "text/html" else SPACES[item.kind]
    if kind == "audio":
        return {"space_type": kind, "duration_ms": round((item.duration or 0) * 1000)}
    if kind in ("text", "html"):
        return {"space_type": kind}
    images = state.images(item)
    first = images[0] if images else item
    seen = {"space_type": kind, "width": first.width, "height": first.height}
    if kind == "image":
        return seen
    seen["number_of_frames"] = item.frames
    if kind == "video":
        return {**seen, "data_duration": item.duration or 0, "data_fps": item.fps}
    frames = [
        {
            "data_uuid": image.id,
            "data_type": image.mime,
            "data_sequence": number,
            "data_link": state.signed(image, base) if base else None,
            "data_title": image.name,
        }
        for number, image in enumerate(images)
    ]
    return {**seen, "frames": frames}
