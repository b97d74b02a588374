"""Presets: groups of labels and exclusion rules under a name, to evaluate with again and again (`prev_` ids)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import requests

from dragoman.interface.base import ref
from dragoman.schema.base import Control
from dragoman_nucleus.evaluating import Groups, rollup
from dragoman_nucleus.extension import Extension, carried
from dragoman_nucleus.wire import Json


class Preset(Control):
    """A configuration of evaluations: class name to its labels, and the SDK's exclusion rules."""

    id: str
    name: str
    groups: dict[str, tuple[str, ...]] | None = None
    exclude: tuple[Json, ...] = ()


class Presets(Extension):
    """Create, list, change and delete presets of your own."""

    name = "presets"

    @carried(repeatable=False)
    def create(self, name: str, *, groups: Groups | None = None, exclude: Sequence[Json] = ()) -> Preset:
        """Create a preset; arguments as in `benchmarks.evaluate`."""
        wanted = {"name": name, **rollup(groups)} | ({"exclusionRules": list(exclude)} if exclude else {})
        return _preset(self._client.post(wanted, "evaluationV2Presets"))

    @carried()
    def update(
        self,
        preset: str | Preset,
        *,
        name: str | None = None,
        groups: Groups | None = None,
        exclude: Sequence[Json] | None = None,
    ) -> Preset:
        """Change the fields that are given and return it as it is then."""
        changes: Json = ({"name": name} if name else {}) | rollup(groups)
        changes |= {} if exclude is None else {"exclusionRules": list(exclude)}
        return _preset(self._client.connection.patch(changes, f"evaluationV2Presets/{ref(preset)}"))

    @carried()
    def delete(self, preset: str | Preset) -> None:
        """Delete a preset."""
        self._client.make_request({}, f"evaluationV2Presets/{ref(preset)}", requests.delete, True)

    @carried()
    def list(self) -> list[Preset]:
        """Return your presets."""
        return [_preset(found) for found in self._client.get("evaluationV2Presets")]


def _preset(wire: Json) -> Preset:
    groups = _decoded(wire.get("rollup_groups", wire.get("rollupGroups")))
    rules = _decoded(wire.get("exclusion_rules", wire.get("exclusionRules")))
    named = {group.get("class_name", group.get("className")): tuple(group["labels"]) for group in groups or ()}
    return Preset(id=wire["id"], name=wire["name"], groups=named or None, exclude=tuple(rules or ()))


def _decoded(value: Any) -> Any:
    """Nucleus sends these fields as objects or as JSON texts."""
    return msgspec.json.decode(value) if isinstance(value, str) else value
