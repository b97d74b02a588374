"""Datasets of ground truth and their versions, in both interfaces; truths and events, in the views of the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response
from dragoman_synapse.emulator.answers import (
    FieldErrors,
    body_of,
    boolean,
    check,
    filled,
    moment,
    numbers,
    only_fields,
    page,
    page_v2,
    v1,
    v2,
)
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Dataset, DatasetVersion, Event, classes_of
from dragoman_synapse.emulator.routes.truth_records import event_brief
from dragoman_synapse.emulator.shown import file_list, file_of, files_of
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
READERS: dict[str, Callable[[Event], Any]] = {
    "id": lambda event: event.id,
    "pgh_id": lambda event: event.id,
    "ground_truth": lambda event: event.truth,
    "categories": lambda event: event.category,
    "classes": lambda event: set(classes_of(event.data)),
    "created": lambda event: event.created,
}
VERSION_READERS: dict[str, Callable[[DatasetVersion], Any]] = {
    "id": lambda version: version.id,
    "version": lambda version: version.version,
    "created": lambda version: version.created,
}
VERSIONS = ("ground_truth_dataset_versions", "ground_truth_dataset_version")
"""What a query calls the versions that it wants events of. The SDK's export has found either to be followed."""


class TruthRoutes:
    """The handlers of the ground truth of a platform."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        datasets, dataset = "/v2/ground-truth-datasets/", "/v2/ground-truth-datasets/{dataset}/"
        return [
            v1("GET", "/ground_truth_dataset_versions/", self.versions),
            v1("GET", "/ground_truth_dataset_versions/{version}/", self.version),
            v1("GET", "/ground_truths/", self.truths),
            v1("GET", "/sdk/ground_truth_events/", self.events),
            v1("GET", "/sdk/ground_truth_events/data/", self.events_data),
            v1("GET", "/sdk/ground_truth_events/files/", self.events_files),
            v2("GET", datasets, self.datasets_v2),
            v2("POST", datasets, self.create_dataset),
            v2("GET", dataset, self.dataset_v2),
            v2("PUT", dataset, self.change_dataset),
            v2("PATCH", dataset, self.change_dataset),
            v2("DELETE", dataset, self.delete_dataset),
            v2("GET", f"{dataset}versions/", self.versions_v2),
            v2("POST", f"{dataset}versions/", self.create_version),
            v2("GET", f"{dataset}versions/{{version}}/", self.version_v2),
            v2("GET", f"{dataset}versions/{{version}}/events/", self.events_v2),
        ]

    # -- the first interface ---------------------------------------------------------------------------------------

    async def versions(self, request: Request) -> object:
        tenant = tenant_of(request)
        datasets, archived = numbers(request, "ground_truth_dataset"), boolean(request, "is_archived")
        rows = [
            version
            for version in tenant.versions.values()
            if (not datasets or version.dataset in datasets) and archived in (None, version.is_archived)
        ]
        found = chosen(request, rows, VERSION_READERS)
        return page(request, found, self._platform.settings, lambda version: _version(tenant, version))

    async def version(self, request: Request) -> object:
        tenant = tenant_of(request)
        return only_fields(request, _version(tenant, tenant.version(request.path_params["version"])))

    async def truths(self, request: Request) -> object:
        rows = _chosen(request, oldest_first=True)
        return page(request, rows, self._platform.settings, lambda event: self._truth(request, event))

    async def events(self, request: Request) -> object:
        rows = _chosen(request)
        return page(request, rows, self._platform.settings, lambda event: self._event(request, event))

    async def events_data(self, request: Request) -> object:
        rows = _chosen(request)
        return page(request, rows, self._platform.settings, lambda event: {"id": event.id, "data": event.data})

    async def events_files(self, request: Request) -> object:
        def show(event: Event) -> Json:
            return {"id": event.id, "files": file_list(self._files(request, event))}

        return page(request, _chosen(request), self._platform.settings, show)

    def _truth(self, request: Request, event: Event) -> Json:
        return {
            "id": event.truth,
            "ground_truth_dataset": event.dataset,
            "data_unit": event.unit.id,
            "category": event.category,
            "classes": classes_of(event.data),
            "files": self._files(request, event, annotations=True),
            "data": event.unit.meta,
            "created_at": event.created.isoformat(),
        }

    def _event(self, request: Request, event: Event) -> Json:
        unit, files = event.unit, self._files(request, event)
        return {
            "id": event.id,
            "category": event.category,
            "data": event.data,
            "files": files,
            # The SDK's export takes the original from here.
            "data_unit": {"id": unit.id, "meta": unit.meta, "files": files},
            "ground_truth_dataset_version": event.versions[-1] if event.versions else None,
            "metadata": unit.meta,
            "created_at": event.created.isoformat(),
        }

    def _files(self, request: Request, event: Event, *, annotations: bool = False) -> Json:
        files = files_of(request, self._platform.media, event.unit)
        if annotations:
            held = event.annotations
            files["data_meta_1"] = file_of(request, self._platform.media, held, "data", primary=False, meta={})
        return files

    # -- the second interface --------------------------------------------------------------------------------------

    async def datasets_v2(self, request: Request) -> object:
        readers = {"id": lambda held: held.id, "name": lambda held: held.name, "project": lambda held: held.project}
        rows = chosen(request, tenant_of(request).datasets.values(), readers)
        return page_v2(request, rows, self._platform.settings, lambda held: {"id": held.id, "name": held.name})

    async def create_dataset(self, request: Request) -> object:
        given = await body_of(request, ["name"])
        _check_dataset(given)
        made = tenant_of(request).add_dataset(given["name"], given.get("description") or "")
        return json_response({"data": _dataset(made), "meta": {}}, 201)

    async def dataset_v2(self, request: Request) -> object:
        return _dataset(tenant_of(request).dataset(request.path_params["dataset"]))

    async def change_dataset(self, request: Request) -> object:
        held = tenant_of(request).dataset(request.path_params["dataset"])
        given = await body_of(request, ["name"] if request.method == "PUT" else [])
        _check_dataset(given)
        for name in ("name", "description"):
            if name in given:
                setattr(held, name, given[name] or "")
        return _dataset(held)

    async def delete_dataset(self, request: Request) -> object:
        tenant = tenant_of(request)
        tenant.forget_dataset(tenant.dataset(request.path_params["dataset"]))
        return Response(status_code=204)

    async def versions_v2(self, request: Request) -> object:
        tenant = tenant_of(request)
        rows = tenant.versions_of(tenant.dataset(request.path_params["dataset"]).id)
        return page_v2(request, rows, self._platform.settings, _version_v2)

    async def create_version(self, request: Request) -> object:
        tenant = tenant_of(request)
        held = tenant.dataset(request.path_params["dataset"])
        given = await body_of(request, ["version"])
        check(given, version=str, description=str)
        if any(version.version == given["version"] for version in tenant.versions_of(held.id)):
            raise FieldErrors(non_field_errors="The fields ground_truth_dataset, version must make a unique set.")
        made = tenant.add_version(held.id, given["version"], given.get("description") or "")
        return json_response({"data": _version_v2(made), "meta": {}}, 201)

    async def version_v2(self, request: Request) -> object:
        return _version_v2(self._version_of(request))

    async def events_v2(self, request: Request) -> object:
        rows = sorted(self._version_of(request).events, key=lambda event: -event.id)
        return page_v2(request, rows, self._platform.settings, event_brief)

    def _version_of(self, request: Request) -> DatasetVersion:
        tenant = tenant_of(request)
        version = tenant.version(request.path_params["version"])
        if version.dataset != tenant.dataset(request.path_params["dataset"]).id:
            raise ApiError(404, "Not found.")
        return version


def _chosen(request: Request, *, oldest_first: bool = False) -> Sequence[Event]:
    """Return the events that the query asks for: those of the versions it names, else the latest of each truth."""
    tenant = tenant_of(request)
    versions = [_version_or_refusal(tenant, key, name) for name in VERSIONS for key in numbers(request, name)]
    datasets = numbers(request, "ground_truth_dataset")
    if versions:
        # An event that several versions froze is there once.
        found = list({event.id: event for version in versions for event in version.events}.values())
    elif datasets:
        found = [truth.latest for key in datasets for truth in tenant.truths_of(key)]
    else:
        found = [truth.latest for truth in tenant.truths.values()]
    passing = _filtered(request, tenant, found)
    if not (oldest_first or versions):
        passing = sorted(passing, key=lambda event: event.id)
    return chosen(request, passing, READERS)


def _version_or_refusal(tenant: Tenant, key: int, name: str) -> DatasetVersion:
    if key not in tenant.versions:
        raise FieldErrors(**{name: f"Select a valid choice. {key} is not one of the available choices."})
    return tenant.versions[key]


def _filtered(request: Request, tenant: Tenant, events: Sequence[Event]) -> Sequence[Event]:
    query = request.query_params
    after, projects = moment(request, "created_after"), numbers(request, "project")
    category, kind = query.get("category"), query.get("data_type")
    words = query.get("search", "").casefold()
    if not (after or projects or category or kind or words):
        return events
    return [
        event
        for event in events
        if (after is None or event.created >= after)
        and (not projects or tenant.datasets[event.dataset].project in projects)
        and category in (None, event.category)
        and (kind is None or any(name.partition("_")[0] == kind for name in event.unit.files))
        and (not words or words in str(event.data).casefold())
    ]


def _check_dataset(given: Json) -> None:
    check(given, name=str, description=str)
    filled(given, "name")
    if len(given.get("name") or "") > 200:
        raise FieldErrors(name="Ensure this field has no more than 200 characters.")


def _version(tenant: Tenant, version: DatasetVersion) -> Json:
    dataset = tenant.datasets[version.dataset]
    counts: dict[str, int] = {}
    for event in version.events:
        counts[event.category] = counts.get(event.category, 0) + 1
    return {
        "id": version.id,
        "version": version.version,
        "name": version.version,
        "ground_truth_dataset": {"id": dataset.id, "name": dataset.name},
        "event_count": len(version.events),
        "description": version.description,
        "is_archived": version.is_archived,
        "is_active": not version.is_archived,
        "statistics": {"categories": counts},
        "created_at": version.created.isoformat(),
    }


def _version_v2(version: DatasetVersion) -> Json:
    return {
        "id": version.id,
        "version": version.version,
        "created": version.created.isoformat(),
        "ground_truth_dataset_id": version.dataset,
        "description": version.description,
        "is_archived": version.is_archived,
    }


def _dataset(dataset: Dataset) -> Json:
    return {
        "id": dataset.id,
        "name": dataset.name,
        "tenant_id": 1,
        "project_id": dataset.project,
        "description": dataset.description,
    }
