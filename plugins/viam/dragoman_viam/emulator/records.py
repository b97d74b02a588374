"""What the state is made of, where a message alone does not tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dragoman_viam.emulator.blobs import Blob


@dataclass
class Image:
    """One piece of binary data. `number` grows in the order of arrival."""

    number: int
    metadata: Any
    content: Blob


@dataclass
class Row:
    """One reading of a sensor: `metadata` says where it was captured, `data` what it is. `number` grows by arrival.

    When it was taken is a time stamp of protobuf, which is finer than a datetime.
    """

    number: int
    metadata: Any
    data: Any
    time_requested: Any
    time_received: Any
    time_synced: datetime


@dataclass
class Key:
    """A key that is accepted: what it consists of, and the message in which it is told."""

    payload: str
    message: Any


@dataclass
class Package:
    """One version of a package."""

    message: Any
    content: Blob


@dataclass(frozen=True)
class Export:
    """One export of sequences. `asked` counts the looks at it."""

    content: Blob
    created: datetime
    asked: int = 0
    completed: datetime | None = None


@dataclass
class Job:
    """One training job. `asked` counts the looks at it since it was last changed."""

    metadata: Any
    labels: tuple[str, ...]
    asked: int = 0
    logs: list[tuple[str, datetime, str]] = field(default_factory=list)
    fails_with: str | None = None


@dataclass
class User:
    """A person: which organisations they are a member of, and since when."""

    id: str
    email: str
    joined: dict[str, datetime] = field(default_factory=dict)


@dataclass
class Invoice:
    """One charge of an organisation. `asked` counts the looks at it."""

    message: Any
    organization: str
    description: str
    asked: int = 0
    fails_with: str | None = None
