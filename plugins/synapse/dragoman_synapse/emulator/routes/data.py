"""Data and the way it becomes ground truth: files, data units, projects and their tasks."""

from __future__ import annotations

import hashlib
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response, read_json
from dragoman_synapse.emulator.access import tenant_of
from dragoman_synapse.emulator.answers import ANY, FieldErrors, body_of, number, numbers, page, v1, v2
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.tenant import DataUnit, Project, Task, Tenant

Json = dict[str, Any]


class DataRoutes:
    """The handlers of data and tasks of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._uploads = platform.uploads

    def routes(self) -> list[Route]:
        return [
            v1("POST", "/data_files/", self.add_file),
            v1("GET", "/data_collections/", self.collections),
            v1("GET", "/data_collections/{collection}/", self.collection),
            v1("POST", "/data_units/", self.add_units),
            v1("GET", "/data_units/", self.units),
            v1("GET", "/projects/{project}/", self.project),
            v1("POST", "/tasks/", self.add_tasks),
            v1("GET", "/sdk/tasks/", self.tasks),
            v1("PUT", "/tasks/{task}/annotate_task_data/", self.annotate),
            v2("POST", "/v2/data-collections/", self.create_collection),
            v2("POST", "/v2/projects/", self.create_project),
        ]

    async def add_file(self, request: Request) -> object:
        tenant = tenant_of(request)
        if request.headers.get("content-type", "").startswith("multipart/"):
            form = await self._uploads.form(request)
            assert form.path is not None
            content = form.path.read_bytes()
            form.path.unlink()
            stored = self._platform.media.add(form.filename, content)
        else:
            given = await body_of(request, ["chunked_upload"])
            stored = self._uploads.taken(tenant, given["chunked_upload"])
            content = stored.read()
        checksum = hashlib.md5(content).hexdigest()
        tenant.data_files[checksum] = stored
        answer = {"id": tenant.new_id(), "checksum": checksum, "size": stored.size, "file": stored.name}
        return json_response(answer, 201)

    async def collections(self, request: Request) -> object:
        rows = list(tenant_of(request).collections.items())
        return page(request, rows, self._platform.settings, lambda held: {"id": held[0], "name": held[1]})

    async def collection(self, request: Request) -> object:
        tenant, key = tenant_of(request), number(request.path_params["collection"], "collection")
        if key not in tenant.collections:
            raise ApiError(404, "Not found.")
        return {"id": key, "name": tenant.collections[key], "file_specifications": []}

    async def create_collection(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["name"])
        key = tenant.new_id()
        tenant.collections[key] = given["name"]
        shown = _collection(tenant, key, given)
        return json_response({"data": shown, "meta": {}}, 201)

    async def add_units(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await read_json(request, ANY)
        made = [self._unit(tenant, one) for one in (given if isinstance(given, list) else [given])]
        shown = [_unit(unit) for unit in made]
        return json_response({"results": shown} if isinstance(given, list) else shown[0], 201)

    def _unit(self, tenant: Tenant, given: Any) -> DataUnit:
        if number(given.get("data_collection"), "data_collection") not in tenant.collections:
            raise FieldErrors(data_collection=f'Invalid pk "{given.get("data_collection")}" - object does not exist.')
        files = {}
        for name, info in (given.get("files") or {}).items():
            if info.get("checksum") not in tenant.data_files:
                raise FieldErrors(files=f"There is no data file of the checksum {info.get('checksum')}.")
            files[name] = tenant.data_files[info["checksum"]]
        return tenant.add_unit(files, given.get("meta"), collection=int(given["data_collection"]))

    async def units(self, request: Request) -> object:
        wanted = numbers(request, "data_collection")
        rows = [unit for unit in tenant_of(request).units.values() if not wanted or unit.collection in wanted]
        return page(request, rows, self._platform.settings, _unit)

    async def project(self, request: Request) -> object:
        return _project(tenant_of(request).project(request.path_params["project"]))

    async def create_project(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["name"])
        made = Project(
            id=tenant.new_id(),
            name=given["name"],
            collection=given.get("data_collection"),
            dataset=given.get("ground_truth_dataset"),
        )
        tenant.projects[made.id] = made
        return json_response({"data": _project(made), "meta": {}}, 201)

    async def add_tasks(self, request: Request) -> object:
        tenant = tenant_of(request)
        given = await body_of(request, ["project", "data"])
        if number(given["project"], "project") not in tenant.projects:
            raise FieldErrors(project=f'Invalid pk "{given["project"]}" - object does not exist.')
        chosen = [number(one.get("data_unit"), "data_unit") for one in given["data"]]
        for key in chosen:
            if key not in tenant.units:
                raise FieldErrors(data_unit=f'Invalid pk "{key}" - object does not exist.')
        made = [Task(id=tenant.new_id(), project=given["project"], unit=tenant.units[key]) for key in chosen]
        tenant.tasks.update({task.id: task for task in made})
        return json_response({"results": [_task(task) for task in made]}, 201)

    async def tasks(self, request: Request) -> object:
        wanted = request.query_params.get("project")
        rows = [task for task in tenant_of(request).tasks.values() if wanted in (None, str(task.project))]
        return page(request, rows, self._platform.settings, _task)

    async def annotate(self, request: Request) -> object:
        tenant, key = tenant_of(request), number(request.path_params["task"], "task")
        if key not in tenant.tasks:
            raise ApiError(404, "Not found.")
        given = await body_of(request, ["action"])
        task, data = tenant.tasks[key], given.get("data") or {}
        if request.query_params.get("schema") != "any" and not _is_document(data):
            raise FieldErrors(data="The data does not match dm_schema_v1.")
        task.data, task.submitted = data, given["action"] == "submit"
        dataset = tenant.projects[task.project].dataset
        if task.submitted and tenant.review_automatically and dataset is not None:
            tenant.add_truth(dataset, task.unit, data, task.unit.meta.get("category", "train"))
        return _task(task)


def _is_document(data: Json) -> bool:
    parts = (data.get("annotations"), data.get("annotationsData"))
    return all(isinstance(part, dict) and all(isinstance(v, list) for v in part.values()) for part in parts)


def _unit(unit: DataUnit) -> Json:
    return {"id": unit.id, "data_collection": unit.collection, "meta": unit.meta}


def _collection(tenant: Tenant, key: int, given: Json) -> Json:
    """Return a new collection as the SDK's own class wants to read it."""
    specifications = [
        {"id": tenant.new_id(), "file_type_display": one.get("file_type"), **one}
        for one in given.get("file_specifications") or ()
    ]
    category = given.get("category") or "image"
    return {
        "id": key,
        "tenant_id": 1,
        "name": given["name"],
        "description": given.get("description") or "",
        "category": category,
        "category_display": category,
        "meta": given.get("meta") or {},
        "caution": "sensitive_content",
        "access_level": "private",
        "is_archived": False,
        "created": tenant.now().isoformat(),
        "count_projects": 0,
        "file_specifications": specifications,
    }


def _project(project: Project) -> Json:
    return {
        "id": project.id,
        "name": project.name,
        "data_collection": project.collection,
        "ground_truth_dataset": project.dataset,
        "configuration": {},
    }


def _task(task: Task) -> Json:
    return {
        "id": task.id,
        "project": task.project,
        "data_unit": task.unit.id,
        "data": task.data,
        "is_submitted": task.submitted,
    }
