"""What helps to choose files: collections of them, and presets of filters."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

Json = dict[str, Any]


class Changes(msgspec.Struct):
    """What a client changes of a collection or a preset; None stays as it is."""

    name: str | None = None
    description: str | None = None
    filter_preset: Json | None = None

    def make(self, thing: Any, now: datetime) -> None:
        """Change a thing in place."""
        for name, value in (("name", self.name), ("description", self.description), ("filters", self.filter_preset)):
            if value is not None:
                setattr(thing, name, value)
        thing.edited = now


@dataclass(kw_only=True)
class Collection:
    """A set of files below a folder; `items` keeps their order."""

    id: str
    folder: str
    name: str
    description: str
    created: datetime
    edited: datetime
    items: dict[str, None] = field(default_factory=dict)

    def to_json(self) -> Json:
        return {
            "uuid": self.id,
            "topLevelFolderUuid": self.folder,
            "name": self.name,
            "description": self.description,
            "createdAt": self.created.isoformat(),
            "lastEditedAt": self.edited.isoformat(),
        }


@dataclass(kw_only=True)
class Preset:
    """Filters as the client writes them; nothing evaluates them here."""

    id: str
    folder: str
    name: str
    description: str
    filters: Json
    created: datetime
    edited: datetime

    def to_json(self) -> Json:
        return {
            "uuid": self.id,
            "name": self.name,
            "description": self.description,
            "createdAt": self.created.isoformat(),
            "lastUpdatedAt": self.edited.isoformat(),
        }


@dataclass(kw_only=True)
class ProjectCollection:
    """A set of frames of a project, or of labels on them; `items` keeps the order.

    An item is a data hash, a frame, and the hash of an object or classification where labels are collected.
    """

    id: str
    name: str
    description: str
    kind: str
    created: datetime
    edited: datetime
    items: dict[tuple[str, int, str | None], None] = field(default_factory=dict)


@dataclass(kw_only=True)
class ProjectPreset:
    """Filters of frames and labels as the client writes them; nothing evaluates them here."""

    id: str
    name: str
    filters: Json
    created: datetime
    edited: datetime

    def to_json(self) -> Json:
        return {
            "presetUuid": self.id,
            "name": self.name,
            "createdAt": self.created.isoformat(),
            "updatedAt": self.edited.isoformat(),
        }
