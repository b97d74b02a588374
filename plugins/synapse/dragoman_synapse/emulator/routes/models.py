"""Models, in both interfaces. Their files come by chunked upload in the first and within the form in the second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, decode, json_response
from dragoman_synapse.emulator.answers import (
    OBJECT,
    FieldErrors,
    body_of,
    boolean,
    check,
    filled,
    known,
    moment,
    number,
    only_fields,
    page,
    page_v2,
    truth,
    v1,
    v2,
)
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Model
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
KNOWN = ("name", "plugin", "version", "checkpoint", "chunked_upload", "configuration", "description")
EXTRA = ("model_type", "project", "metrics", "is_active")
"""Fields that only the oldest documentation has. They are kept and shown; newer clients refuse to send them."""
READERS: dict[str, Callable[[Model], Any]] = {
    "id": lambda model: model.id,
    "name": lambda model: model.name,
    "category": lambda model: model.category,
    "created": lambda model: model.created,
}


class ModelRoutes:
    """The handlers of the models of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._uploads = platform.uploads

    def routes(self) -> list[Route]:
        one = "/v2/models/{model}/"
        return [
            v1("GET", "/models/", self.listed),
            v1("POST", "/models/", self.create),
            v1("GET", "/models/{model}/", self.get),
            v2("GET", "/v2/models/", self.listed_v2),
            v2("POST", "/v2/models/", self.create_v2),
            v2("GET", one, self.get_v2),
            v2("PATCH", one, self.change),
            v2("DELETE", one, self.delete),
            v2("GET", f"{one}lineage/", self.lineage),
        ]

    async def listed(self, request: Request) -> object:
        passing = [model for model in _newest_first(tenant_of(request)) if _passes(request, model)]
        rows = chosen(request, passing, READERS)
        return page(request, rows, self._platform.settings, lambda model: self._show(request, model))

    async def get(self, request: Request) -> object:
        return only_fields(request, self._show(request, tenant_of(request).model(request.path_params["model"])))

    async def create(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["name"])
        check(given, name=str, plugin=str, version=str, description=str, configuration=dict)
        facts = {name: given[name] for name in KNOWN if given.get(name) is not None}
        tenant.check_name(given["name"])
        if "plugin" in facts and facts["plugin"] not in tenant.plugins:
            raise FieldErrors(plugin=f"Object with code={facts['plugin']} does not exist.")
        if "checkpoint" in facts:
            facts["checkpoint"] = _checkpoint(tenant, facts["checkpoint"])
        if "chunked_upload" in facts:
            facts["file"] = self._uploads.taken(tenant, facts.pop("chunked_upload"))
        made = tenant.add_model(**facts, extra={name: given[name] for name in EXTRA if name in given})
        return json_response(self._show(request, made), 201)

    async def listed_v2(self, request: Request) -> object:
        released = boolean(request, "is_released")
        passing = [model for model in _newest_first(tenant_of(request)) if released in (None, model.is_released)]
        return page_v2(request, chosen(request, passing, READERS), self._platform.settings, _brief)

    async def get_v2(self, request: Request) -> object:
        return _detailed(tenant_of(request).model(request.path_params["model"]))

    async def create_v2(self, request: Request) -> object:
        tenant, file = tenant_of(request), None
        kind = request.headers.get("content-type", "")
        if kind.startswith("multipart/"):
            form = await self._uploads.form(request)
            assert form.path is not None
            given: Json = form.fields
            if form.filename:
                file = self._platform.media.add(form.filename, form.path)
        elif kind.startswith("application/x-www-form-urlencoded"):
            # So the SDK's asynchronous client sends a model without a file.
            given = dict(parse_qsl((await request.body()).decode(errors="replace")))
        else:
            given = await body_of(request)
            check(given, **dict.fromkeys(("name", "description", "configuration", "version", "is_external"), str))
        if not given.get("name"):
            raise FieldErrors(name="This field is required.")
        tenant.check_name(given["name"])
        checkpoint = given.get("checkpoint")
        made = tenant.add_model(
            name=given["name"],
            description=given.get("description") or "",
            **_plugin_facts(tenant, given),
            checkpoint=None if checkpoint is None else _checkpoint(tenant, checkpoint),
            is_external=truth(given.get("is_external") or "false", "is_external"),
            # A text in either case, as all fields of a form are.
            configuration=decode((given.get("configuration") or "{}").encode(), OBJECT),
            file=file,
        )
        return json_response({"data": _detailed(made), "meta": {}}, 201)

    async def change(self, request: Request) -> object:
        tenant = tenant_of(request)
        model = tenant.model(request.path_params["model"])
        given = await body_of(request)
        known(given, "name", "description")
        check(given, name=str, description=str)
        filled(given, "name")
        if given.get("name", model.name) != model.name:
            tenant.check_name(given["name"])
        for name in ("name", "description"):
            if name in given:
                setattr(model, name, given[name] or "")
        return _detailed(model)

    async def delete(self, request: Request) -> object:
        tenant = tenant_of(request)
        model = tenant.model(request.path_params["model"])
        if any(other.checkpoint == model.id for other in tenant.models.values()):
            raise ApiError(409, "Other models were trained from this one.")
        del tenant.models[model.id]
        if model.file is not None:
            self._platform.media.forget(model.file)
        return Response(status_code=204)

    async def lineage(self, request: Request) -> object:
        tenant = tenant_of(request)
        model = tenant.model(request.path_params["model"])
        version = tenant.versions.get(model.dataset_version or 0)
        ancestors, parent = [], model.checkpoint
        while parent in tenant.models:
            held = tenant.models[parent]
            ancestors.append({"id": held.id, "name": held.name, "description": held.description})
            parent = held.checkpoint
        return {
            "model": {**_brief(model), "created_by_id": None, "neural_net_id": None},
            "train_summary": None,
            "dataset_version": {
                "id": version.id,
                "version": version.version,
                "ground_truth_dataset_id": version.dataset,
            }
            if version
            else None,
            "gt_source_counts": {},
            "ancestors": ancestors,
            "truncated": False,
            "max_depth": 100,
        }

    def _show(self, request: Request, model: Model) -> Json:
        shown = {
            "id": model.id,
            "name": model.name,
            "description": model.description,
            "category": model.category,
            "plugin": model.plugin,
            "version": model.version,
            "checkpoint": model.checkpoint,
            "configuration": model.configuration,
            "created": model.created.isoformat(),
            "created_at": model.created.isoformat(),
            **model.extra,
        }
        # The SDK cannot read a file that is null, only one that is not there.
        if model.file is not None and boolean(request, "include_file") is not False:
            shown["file"] = self._platform.media.url(request, model.file)
        wanted = {part for text in request.query_params.getlist("expand") for part in text.split(",")}
        if "metrics" in wanted:
            shown.setdefault("metrics", {})
        if "versions" in wanted:
            children = [held.id for held in tenant_of(request).models.values() if held.checkpoint == model.id]
            shown["versions"] = children
        if "evaluations" in wanted:
            shown["evaluations"] = []
        return shown


def _checkpoint(tenant: Tenant, given: Any) -> int:
    """Return the id of the model that another was trained from, or refuse it."""
    key = number(given, "checkpoint")
    if key not in tenant.models:
        raise FieldErrors(checkpoint=f'Invalid pk "{given}" - object does not exist.')
    return key


def _plugin_facts(tenant: Tenant, given: Json) -> Json:
    """Return the plugin and the version of a model in the second interface.

    The SDK sends the id of a release; its schema also has that of a plugin, with a version or for the latest release.
    """
    if given.get("plugin") is None:
        return {}
    key, version = number(given["plugin"], "plugin"), given.get("version")
    for plugin in tenant.plugins.values():
        for release in reversed(plugin.releases):
            if key == release.id or (key == plugin.id and version in (None, release.version)):
                return {"plugin": plugin.code, "version": version or release.version}
    raise FieldErrors(plugin=f'Invalid pk "{given["plugin"]}" - object does not exist.')


def _newest_first(tenant: Tenant) -> list[Model]:
    return sorted(tenant.models.values(), key=lambda model: model.id, reverse=True)


def _passes(request: Request, model: Model) -> bool:
    """Return whether a model passes the filters of the oldest documentation.

    A model that has no such field is not filtered by it.
    """
    query = request.query_params
    extra = model.extra
    if "project" in query and "project" in extra and str(extra["project"]) != query["project"]:
        return False
    if "model_type" in query and "model_type" in extra and extra["model_type"] != query["model_type"]:
        return False
    active = boolean(request, "is_active")
    if active is not None and "is_active" in extra and extra["is_active"] is not active:
        return False
    after = moment(request, "created_after")
    if after is not None and model.created < after:
        return False
    words = query.get("search", "").casefold()
    return words in model.name.casefold() or words in model.description.casefold()


def _brief(model: Model) -> Json:
    return {
        "id": model.id,
        "name": model.name,
        "category": model.category,
        "is_released": model.is_released,
        "is_external": model.is_external,
        "created": model.created.isoformat(),
    }


def _detailed(model: Model) -> Json:
    return {
        **_brief(model),
        "tenant_id": 1,
        "neural_net_id": 0,
        "dataset_id": model.dataset_version or 0,
        "description": model.description,
        "configuration": model.configuration,
    }
