"""Ground truths and their events in the second interface: slim listings, single ones, and many with their documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_synapse.emulator.answers import FieldErrors, body_of, check, number, page_v2, v2
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.queries import chosen
from dragoman_synapse.emulator.records import Event, Truth, classes_of
from dragoman_synapse.emulator.shown import files_of
from dragoman_synapse.emulator.tenant import Tenant, tenant_of

Json = dict[str, Any]
BULK = 200
"""Most objects of one bulk request."""
TRUTH_READERS: dict[str, Callable[[Truth], Any]] = {
    "id": lambda truth: truth.id,
    "ground_truth_dataset": lambda truth: truth.dataset,
    "category": lambda truth: truth.latest.category,
    "classes": lambda truth: set(classes_of(truth.latest.data)),
}
EVENT_READERS: dict[str, Callable[[Event], Any]] = {
    "pgh_id": lambda event: event.id,
    "pgh_obj_id": lambda event: event.truth,
    "ground_truth_dataset": lambda event: event.dataset,
    "ground_truth_dataset_version": lambda event: set(event.versions),
}


class TruthRecordRoutes:
    """The handlers of the ground truths of a platform in the second interface."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def routes(self) -> list[Route]:
        truths, events = "/v2/ground-truths/", "/v2/ground-truth-events/"
        return [
            v2("GET", truths, self.truths),
            v2("POST", f"{truths}bulk-data/", self.truths_data),
            v2("GET", f"{truths}{{truth}}/", self.truth),
            v2("GET", events, self.events),
            v2("POST", f"{events}bulk-data/", self.events_data),
            v2("GET", f"{events}{{event}}/", self.event),
        ]

    async def truths(self, request: Request) -> object:
        rows = _chosen_truths(request)
        return page_v2(request, rows, self._platform.settings, _truth_brief)

    async def truth(self, request: Request) -> object:
        tenant = tenant_of(request)
        return _truth(tenant, tenant.truth(request.path_params["truth"]))

    async def truths_data(self, request: Request) -> object:
        ids, tenant = await _asked(request, "ids"), tenant_of(request)
        known = {truth.id: truth for truth in _chosen_truths(request)}
        return [_truth(tenant, known[key]) for key in ids if key in known]

    async def events(self, request: Request) -> object:
        datasets = tenant_of(request).datasets
        readers = {**EVENT_READERS, "project": lambda event: datasets[event.dataset].project}
        rows = chosen(request, _events(tenant_of(request)), readers)
        return page_v2(request, rows, self._platform.settings, event_brief)

    async def event(self, request: Request) -> object:
        key = number(request.path_params["event"], "pgh_id")
        for event in _events(tenant_of(request)):
            if event.id == key:
                return event_brief(event)
        raise ApiError(404, "Not found.")

    async def events_data(self, request: Request) -> object:
        ids = await _asked(request, "pgh_ids")
        media, known = self._platform.media, {event.id: event for event in _events(tenant_of(request))}
        return [
            {
                **event_brief(event),
                "data": event.data,
                "files": files_of(request, media, event.unit),
                "files_manifest": {},
            }
            for event in (known[key] for key in ids if key in known)
        ]


def event_brief(event: Event) -> Json:
    """Return an event as listings show it."""
    return {
        "id": event.truth,
        "pgh_id": event.id,
        "pgh_obj_id": event.truth,
        "pgh_label": "update",
        "data_unit_id": event.unit.id,
        "ground_truth_dataset_id": event.dataset,
        "data_size": event.annotations.size,
        "data_digest": None,
        "data_content_type": "application/json",
    }


async def _asked(request: Request, name: str) -> list[int]:
    """Return the ids that are asked for, in their order, in which they are answered."""
    given = await body_of(request, [name])
    check(given, **{name: list})
    wanted = given[name]
    if len(wanted) > BULK:
        raise FieldErrors(**{name: f"Ensure this field has no more than {BULK} elements."})
    return [number(one, name) for one in wanted]


def _events(tenant: Tenant) -> Sequence[Event]:
    """Return all events, the latest of each ground truth and those that versions froze; newest first."""
    frozen = {event.id: event for version in tenant.versions.values() for event in version.events}
    known = frozen | {truth.latest.id: truth.latest for truth in tenant.truths.values()}
    return sorted(known.values(), key=lambda event: -event.id)


def _chosen_truths(request: Request) -> list[Truth]:
    """Return the ground truths that a query asks for."""
    tenant = tenant_of(request)
    readers = {
        **TRUTH_READERS,
        "categories": TRUTH_READERS["category"],
        "project": lambda truth: tenant.datasets[truth.dataset].project,
    }
    return chosen(request, tenant.truths.values(), readers)


def _truth_brief(truth: Truth) -> Json:
    return {
        "id": truth.id,
        "ground_truth_dataset_id": truth.dataset,
        "data_unit_id": truth.latest.unit.id,
        "category": truth.latest.category,
    }


def _truth(tenant: Tenant, truth: Truth) -> Json:
    return {
        **_truth_brief(truth),
        "project_id": tenant.datasets[truth.dataset].project,
        "data": truth.latest.data,
        "classes": classes_of(truth.latest.data),
    }
