"""What a server says of itself and of its models, the same over REST and gRPC; and how versions are named."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from dragoman.errors import NotFound


class ServerFacts(msgspec.Struct, frozen=True):
    """A server: its name and version, and the extensions of the protocol that it has."""

    name: str
    version: str = ""
    extensions: list[str] = []


class TensorFacts(msgspec.Struct, frozen=True):
    """A tensor that a model takes or gives; -1 stands for any length."""

    name: str
    datatype: str
    shape: list[int]


class ModelFacts(msgspec.Struct, frozen=True):
    """A model, or one version of it."""

    name: str
    platform: str = ""
    versions: list[str] = []
    inputs: list[TensorFacts] = []
    outputs: list[TensorFacts] = []


class Entry(msgspec.Struct, frozen=True):
    """A version of a model in the repository; not loaded ones may have no version."""

    name: str
    version: str = ""
    state: str = ""
    reason: str = ""

    @property
    def condition(self) -> str:
        """The state in one spelling: MLServer says `State.READY` over gRPC, and everybody else `READY`."""
        return self.state.rpartition(".")[2]


@dataclass(frozen=True)
class Place:
    """A version of a model; None is the one that the server chooses."""

    model: str
    version: str | None = None

    @classmethod
    def of(cls, version: str) -> Place:
        """Read the id of a version, `NAME/VERSION`, or `NAME` where the server chooses.

        Raises:
            NotFound: It names nothing.
        """
        model, _, number = version.partition("/")
        if not model or "/" in number:
            raise NotFound(
                f"There is no version {version!r}; they are called NAME/VERSION, or NAME for the default one."
            )
        return cls(model, number or None)

    def __str__(self) -> str:
        return f"{self.model}/{self.version}" if self.version else self.model


def by_age(entry: Entry) -> list[int | str]:
    """Return what versions are sorted by: numbers in them count as numbers, so that 10 comes after 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", entry.version)]
