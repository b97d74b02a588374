"""Routes about presets: settings of evaluations that are saved under a name."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.detections import RollupGroup
from dragoman_nucleus.emulator.evaluations import Preset
from dragoman_nucleus.emulator.exclusions import AnyRule
from dragoman_nucleus.emulator.items import found
from dragoman_nucleus.emulator.routes.names import delete, get, patch, post
from dragoman_nucleus.emulator.state import State

Name = Annotated[str, Meta(min_length=1)]


class PresetSettings(msgspec.Struct, kw_only=True, rename="camel"):
    """What is given of a preset."""

    name: Name | UnsetType = UNSET
    rollup_groups: list[RollupGroup] | UnsetType | None = UNSET
    exclusion_rules: list[AnyRule] | UnsetType | None = UNSET

    def apply(self, preset: Preset) -> None:
        """Change what is given, also to nothing."""
        for field in self.__struct_fields__:
            value = getattr(self, field)
            if value is not UNSET:
                setattr(preset, field, value)


class NewPreset(PresetSettings, kw_only=True, rename="camel"):
    name: Name


NEW_PRESET = msgspec.json.Decoder(NewPreset)
PRESET_SETTINGS = msgspec.json.Decoder(PresetSettings)


class Presets:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("evaluationV2Presets", self.all),
            post("evaluationV2Presets", self.create),
            patch("evaluationV2Presets/{preset}", self.change),
            delete("evaluationV2Presets/{preset}", self.delete),
        ]

    def _named(self, request: Request) -> Preset:
        return found(self._state.presets, request.path_params["preset"], "Preset")

    async def all(self, request: Request) -> object:
        return [preset.to_json() for preset in self._state.presets.values()]

    async def create(self, request: Request) -> object:
        wanted = await read_json(request, NEW_PRESET)
        self._check_name(wanted.name, None)
        now = self._state.clock.now()
        preset = Preset(id=self._state.ids.new("prev"), name=wanted.name, created=now, updated=now)
        wanted.apply(preset)
        self._state.presets[preset.id] = preset
        return preset.to_json()

    async def change(self, request: Request) -> object:
        preset = self._named(request)
        wanted = await read_json(request, PRESET_SETTINGS)
        self._check_name(wanted.name, preset)
        wanted.apply(preset)
        preset.updated = self._state.clock.now()
        return preset.to_json()

    def _check_name(self, name: str | UnsetType, but: Preset | None) -> None:
        if any(preset.name == name and preset is not but for preset in self._state.presets.values()):
            raise ApiError(409, f"A preset with name {name} exists already.")

    async def delete(self, request: Request) -> object:
        del self._state.presets[self._named(request).id]
        return Response(status_code=204)
