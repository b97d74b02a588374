"""Agents, and the plugins that they run: their releases, and how these are published."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, decode, json_response
from dragoman_synapse.emulator.answers import OBJECT, FieldErrors, body_of, check, only_fields, page, truth, v1
from dragoman_synapse.emulator.jobs import Plugin, Release
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
PLUGIN_FIELDS = {"name": str, "category": str, "description": str}


class PluginRoutes:
    """The handlers of the agents and plugins of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        return [
            v1("GET", "/agents/", self.agents),
            v1("POST", "/agents/{token}/connect/", self.connect),
            v1("POST", "/plugins/", self.create),
            v1("GET", "/plugins/{plugin}/", self.plugin),
            v1("PUT", "/plugins/{plugin}/", self.change),
            v1("GET", "/plugin_releases/", self.releases),
            v1("POST", "/plugin_releases/", self.publish),
            v1("GET", "/plugin_releases/{release:path}/", self.release),
        ]

    async def agents(self, request: Request) -> object:
        readers = {"id": lambda agent: agent.id, "name": lambda agent: agent.name, "status": lambda agent: agent.status}
        rows = chosen(request, tenant_of(request).agents.values(), readers)
        return page(request, rows, self._platform.settings, lambda agent: agent.to_json())

    async def connect(self, request: Request) -> object:
        token = request.path_params["token"]
        for agent in tenant_of(request).agents.values():
            if agent.token == token:
                agent.status = "connected"
                return agent.to_json()
        raise ApiError(404, "Not found.")

    async def plugin(self, request: Request) -> object:
        return _detailed(tenant_of(request).plugin(request.path_params["plugin"]))

    async def create(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["name"])
        check(given, code=str, **PLUGIN_FIELDS)
        # A code stands in addresses.
        code = given.get("code") or re.sub(r"\W+", "-", given["name"].lower()).strip("-")
        if code in tenant.plugins:
            raise FieldErrors(code="plugin with this code already exists.")
        return json_response(_detailed(_new_plugin(tenant, code, given)), 201)

    async def change(self, request: Request) -> object:
        held = tenant_of(request).plugin(request.path_params["plugin"])
        given = await body_of(request)
        check(given, **PLUGIN_FIELDS)
        for name in PLUGIN_FIELDS:
            if name in given:
                setattr(held, name, given[name] or "")
        return _detailed(held)

    async def releases(self, request: Request) -> object:
        readers = {
            "id": lambda one: one[1].id,
            "created": lambda one: one[1].created,
            "plugin": lambda one: {one[0].code, str(one[0].id)},
            "version": lambda one: one[1].version,
            "debug": lambda one: one[1].debug,
        }
        rows = chosen(request, releases_of(tenant_of(request)), readers)
        return page(request, rows, self._platform.settings, lambda one: self._show(request, *one))

    async def release(self, request: Request) -> object:
        """Answer by id, or by the code of the plugin and the version, as in `detector@1.0.0`."""
        key = request.path_params["release"]
        for plugin, release in releases_of(tenant_of(request)):
            if key in (str(release.id), f"{plugin.code}@{release.version}"):
                return only_fields(request, self._show(request, plugin, release))
        raise ApiError(404, "Not found.")

    async def publish(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await self._given(request)
        check(given, plugin=str, version=str, config=dict, requirements=list, debug=bool)
        missing = {name: "This field is required." for name in ("plugin", "version") if not given.get(name)}
        if missing:
            raise FieldErrors(**missing)
        code, config = given["plugin"], given.get("config") or {}
        plugin = tenant.plugins.get(code) or _new_plugin(tenant, code, config)
        if any(held.version == given["version"] for held in plugin.releases):
            raise FieldErrors(version=f"The version {given['version']} already exists.")
        made = tenant.add_release(
            plugin,
            given["version"],
            config=config,
            requirements=given.get("requirements") or [],
            debug=given.get("debug", False),
            file=given.get("file"),
        )
        return json_response(self._show(request, plugin, made), 201)

    async def _given(self, request: Request) -> Json:
        """Read a release: JSON, or a form with the archive, whose fields are texts."""
        if not request.headers.get("content-type", "").startswith("multipart/"):
            return await body_of(request)
        form = await self._platform.uploads.form(request)
        given: Json = {**form.fields, "file": self._platform.media.add(form.filename, form.taken())}
        given["requirements"] = form.repeated.get("requirements", [])
        given["config"] = decode(form.fields.get("config", "{}").encode(), OBJECT)
        given["debug"] = truth(form.fields.get("debug", "False"), "debug")
        return given

    def _show(self, request: Request, plugin: Plugin, release: Release) -> Json:
        return {
            "id": release.id,
            "version": release.version,
            "config": release.config,
            "requirements": release.requirements,
            "debug": release.debug,
            "file": self._platform.media.url(request, release.file) if release.file else None,
            "created": release.created.isoformat(),
            "plugin": {**plugin.to_json(), "manifest": release.config},
        }


def releases_of(tenant: Tenant) -> list[tuple[Plugin, Release]]:
    return [(plugin, release) for plugin in tenant.plugins.values() for release in plugin.releases]


def _new_plugin(tenant: Tenant, code: str, given: Json) -> Plugin:
    facts = {name: given[name] for name in PLUGIN_FIELDS if given.get(name)}
    return tenant.add_plugin(code, **facts)


def _detailed(plugin: Plugin) -> Json:
    releases = [{"id": one.id, "version": one.version, "debug": one.debug} for one in plugin.releases]
    return {**plugin.to_json(), "releases": releases}
