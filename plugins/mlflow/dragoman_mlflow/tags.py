"""What MLflow has no field for, kept as tags whose names begin with `dragoman.`. Pure; no network.

Of a registered model: `name` (where it is not the key), `key` (where MLflow takes it only in another spelling), `task`,
`features` (a JSON list, in the order of the outputs) and `metadata` (a JSON object). Of a version: `name`, `config`,
`tags`, `metadata`, `status`, `dataset`, `metrics` (a JSON object: the metric's name to the name that MLflow takes, for
the metrics that count), and `weights` (name of the file). Tags of others are shown among the metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from dragoman.errors import InvalidData, PlatformError

PREFIX = "dragoman."
LONGEST = 100_000
"""Characters of a tag that MLflow takes."""
T = TypeVar("T")
Json = dict[str, Any]


class Tags:
    """The tags of a registered model or of a version.

    Args:
        wire: What MLflow answers: a list of objects with `key` and `value`.
        owner: Whose they are, for messages.
    """

    def __init__(self, wire: Iterable[Json], owner: str) -> None:
        every = {tag["key"]: tag.get("value", "") for tag in wire}
        self._owner = owner
        self._ours = {name.removeprefix(PREFIX): value for name, value in every.items() if name.startswith(PREFIX)}
        self.others: dict[str, str] = {name: value for name, value in every.items() if not name.startswith(PREFIX)}
        """Those that are not ours."""

    def text(self, name: str) -> str | None:
        """Return a tag of ours, or None."""
        return self._ours.get(name)

    def json(self, name: str, kind: type[T]) -> T | None:
        """Return a tag of ours that is JSON, or None.

        Raises:
            PlatformError: Somebody has written something else there.
        """
        text = self._ours.get(name)
        if text is None:
            return None
        try:
            return msgspec.json.decode(text, type=kind)
        except msgspec.DecodeError as error:
            raise PlatformError(
                f"The tag {PREFIX}{name} of {self._owner} is not what was written there: {error}",
                hint="Correct it in MLflow, or delete it there.",
            ) from error


def written(facts: Mapping[str, Any]) -> list[Json]:
    """Return facts as tags of ours: texts as they are, everything else as JSON; None is left out.

    Raises:
        InvalidData: One is longer than MLflow takes.
    """
    return [{"key": PREFIX + name, "value": _text(name, value)} for name, value in facts.items() if value is not None]


def _text(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if len(text) > LONGEST:
        raise InvalidData(
            f"{name} has {len(text)} characters as MLflow stores it, which takes {LONGEST} at most.", field=name
        )
    return text
