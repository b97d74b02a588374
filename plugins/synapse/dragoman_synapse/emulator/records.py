"""The things that a tenant of an emulated Synapse holds. Plain objects that tests may look at and change.

Jobs, agents and plugins are in `jobs`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from dragoman_synapse.emulator.media import Stored

Json = dict[str, Any]


@dataclass(kw_only=True)
class Model:
    """A model entry. `extra` are fields that the oldest documentation knows and newer clients do not send."""

    id: int
    name: str
    created: datetime
    description: str = ""
    plugin: str | None = None
    version: str | None = None
    checkpoint: int | None = None
    configuration: Json = field(default_factory=dict)
    file: Stored | None = None
    extra: Json = field(default_factory=dict)
    dataset_version: int | None = None
    """The version of ground truth that it was trained on."""
    is_released: bool = False
    is_external: bool = False

    @property
    def category(self) -> str:
        return "base" if self.checkpoint is None else "fine_tuned"


@dataclass(kw_only=True)
class Dataset:
    """A ground truth dataset."""

    id: int
    name: str
    created: datetime
    description: str = ""
    project: int | None = None


@dataclass(kw_only=True)
class DatasetVersion:
    """A frozen state of a dataset: the events that its ground truths had."""

    id: int
    dataset: int
    version: str
    created: datetime
    description: str = ""
    is_archived: bool = False
    events: list[Event] = field(default_factory=list)


@dataclass(kw_only=True)
class Collection:
    """A data collection. `specifications` say which files its data units have."""

    id: int
    name: str
    category: str = "image"
    description: str = ""
    meta: Json = field(default_factory=dict)
    access_level: str = "private"
    specifications: list[Json] = field(default_factory=list)
    created: datetime


@dataclass(kw_only=True)
class DataUnit:
    """One piece of data in a collection: its files by their specification, such as `image_1`."""

    id: int
    collection: int
    files: dict[str, Stored]
    meta: Json
    file_meta: dict[str, Json] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    """Names of the groups that it is in, the outermost first."""
    created: datetime

    @cached_property
    def checksum(self) -> str:
        """What tells its files from those of others."""
        digest = hashlib.sha1()
        for name, stored in sorted(self.files.items()):
            digest.update(f"{name} {hashlib.sha1(stored.read()).hexdigest()}\n".encode())
        return digest.hexdigest()


@dataclass(kw_only=True)
class Event:
    """One state of a ground truth, which never changes."""

    id: int
    truth: int
    dataset: int
    unit: DataUnit
    category: str
    data: Json
    annotations: Stored
    created: datetime
    versions: list[int] = field(default_factory=list)
    """The versions that froze it, oldest first."""


@dataclass(kw_only=True)
class Truth:
    """A ground truth: the latest of its events counts."""

    id: int
    dataset: int
    latest: Event


@dataclass(kw_only=True)
class Task:
    """An annotation task on a data unit."""

    id: int
    project: int
    unit: DataUnit
    data: Json | None = None
    schema: str = "dm_schema_v1"
    meta: Any = None
    submitted: bool = False
    is_discarded: bool = False
    tags: set[int] = field(default_factory=set)
    created: datetime


@dataclass(kw_only=True)
class Project:
    """An annotation project. Approved tasks become ground truth of `dataset`, if it has one."""

    id: int
    name: str
    collection: int | None = None
    dataset: int | None = None
    category: str = "image"
    description: str = ""
    configuration: Json = field(default_factory=dict)
    created: datetime


@dataclass(kw_only=True)
class Tag:
    """A tag of tasks and of assignments; without a project it is for all of them."""

    id: int
    name: str
    project: int | None = None
    color: str = "#808080"
    description: str = ""


@dataclass(kw_only=True)
class Assignment:
    """A task in the hands of an annotator, and what they made of it."""

    id: int
    task: Task
    user: int
    data: Json | None = None
    status_label: str = "stand_by"
    status_review: str = "stand_by"
    tags: set[int] = field(default_factory=set)
    created: datetime


@dataclass(kw_only=True)
class Storage:
    """Where files are kept. `configuration` is shown to those who ask for it."""

    id: int
    name: str
    category: str = "internal"
    provider: str = "amazon_s3"
    is_default: bool = False
    configuration: Json = field(default_factory=dict)


def classes_of(data: Json) -> list[str]:
    """Return the class names in an annotation document of the first form; one of another form has none to speak of."""
    annotations = data.get("annotations")
    listed = annotations.values() if isinstance(annotations, dict) else ()
    made = [one for part in listed if isinstance(part, list) for one in part if isinstance(one, dict)]
    named = [one["classification"] for one in made if isinstance(one.get("classification"), dict)]
    return sorted({one["class"] for one in named if one.get("class") and isinstance(one["class"], str)})
