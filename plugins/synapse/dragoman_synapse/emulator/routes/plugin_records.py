"""Plugins and their releases in the second interface, where a model names the release that it is of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_synapse.emulator.answers import body_of, check, filled, known, page_v2, v2
from dragoman_synapse.emulator.jobs import Plugin, Release
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.routes.plugins import releases_of
from dragoman_synapse.emulator.tenant import tenant_of

Json = dict[str, Any]
Published = tuple[Plugin, Release]
AUTHOR = {"id": 1, "email": "owner@synapse.example", "name": "owner"}
PLUGINS: dict[str, Callable[[Plugin], Any]] = {
    "id": lambda held: held.id,
    "code": lambda held: held.code,
    "name": lambda held: held.name,
    "category": lambda held: held.category,
    "is_active": lambda held: True,
}
RELEASES: dict[str, Callable[[Published], Any]] = {
    "id": lambda one: one[1].id,
    "plugin": lambda one: one[0].id,
    "version": lambda one: one[1].version,
    "debug": lambda one: one[1].debug,
    "created": lambda one: one[1].created,
}


class PluginRecordRoutes:
    """The handlers of the plugins of a platform in the second interface."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        plugins, releases = "/v2/plugins/", "/v2/plugin-releases/"
        return [
            v2("GET", plugins, self.plugins),
            v2("GET", f"{plugins}{{plugin}}/", self.plugin),
            v2("PATCH", f"{plugins}{{plugin}}/", self.change),
            v2("GET", releases, self.releases),
            v2("GET", f"{releases}{{release}}/", self.release),
            v2("DELETE", f"{releases}{{release}}/", self.delete),
        ]

    async def plugins(self, request: Request) -> object:
        rows = chosen(request, tenant_of(request).plugins.values(), PLUGINS)
        return page_v2(request, rows, self._platform.settings, _brief)

    async def plugin(self, request: Request) -> object:
        return _detailed(_plugin(request))

    async def change(self, request: Request) -> object:
        held, given = _plugin(request), await body_of(request)
        known(given, "name", "description")
        check(given, name=str, description=str)
        filled(given, "name")
        held.name = given.get("name", held.name)
        held.description = given.get("description", held.description) or ""
        return _detailed(held)

    async def releases(self, request: Request) -> object:
        rows = chosen(request, releases_of(tenant_of(request)), RELEASES)
        return page_v2(request, rows, self._platform.settings, _brief_release)

    async def release(self, request: Request) -> object:
        plugin, release = one = _release(request)
        return {
            **_brief_release(one),
            "plugin": {name: getattr(plugin, name) for name in ("id", "code", "name", "category")},
            "readme": "",
            "config": release.config,
            "run_schema": {},
            "installation_schema": {},
            "available_actions": list(release.config.get("actions") or {}),
            "author_id": AUTHOR["id"],
            "author": AUTHOR,
            "meta": {},
        }

    async def delete(self, request: Request) -> object:
        plugin, release = _release(request)
        plugin.releases.remove(release)
        return Response(status_code=204)


def _plugin(request: Request) -> Plugin:
    """Return the plugin of an id; the first interface alone knows it by its code."""
    for held in tenant_of(request).plugins.values():
        if str(held.id) == request.path_params["plugin"]:
            return held
    raise ApiError(404, "Not found.")


def _release(request: Request) -> Published:
    for plugin, release in releases_of(tenant_of(request)):
        if str(release.id) == request.path_params["release"]:
            return plugin, release
    raise ApiError(404, "Not found.")


def _brief(held: Plugin) -> Json:
    return {
        "id": held.id,
        "code": held.code,
        "name": held.name,
        "category": held.category,
        "is_active": True,
        "created": held.created.isoformat(),
    }


def _detailed(held: Plugin) -> Json:
    return {
        **_brief(held),
        "tenant_id": 1,
        "description": held.description,
        "system_only": False,
        "is_public": False,
    }


def _brief_release(one: Published) -> Json:
    plugin, release = one
    return {
        "id": release.id,
        "plugin_id": plugin.id,
        "version": release.version,
        "created": release.created.isoformat(),
        "debug": release.debug,
        "is_released": not release.debug,
    }
