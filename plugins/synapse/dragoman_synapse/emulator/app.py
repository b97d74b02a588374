"""The application of the Synapse emulator: all routes, with the check of the tokens in front of the API.

Signed files need no token. What the platform has and this emulator has not is answered with 501, so that it cannot be
taken for a missing object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Router

from dragoman.emulate.app import ApiError
from dragoman_synapse.emulator.access import admitted
from dragoman_synapse.emulator.answers import refuse_v1, refuse_v2
from dragoman_synapse.emulator.media import PLACE
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.routes.assignment_records import AssignmentRecordRoutes
from dragoman_synapse.emulator.routes.assignments import AssignmentRoutes
from dragoman_synapse.emulator.routes.collections import CollectionRoutes
from dragoman_synapse.emulator.routes.data import DataRoutes
from dragoman_synapse.emulator.routes.job_logs import JobLogRoutes
from dragoman_synapse.emulator.routes.logs import LogRoutes
from dragoman_synapse.emulator.routes.models import ModelRoutes
from dragoman_synapse.emulator.routes.plugin_records import PluginRecordRoutes
from dragoman_synapse.emulator.routes.plugins import PluginRoutes
from dragoman_synapse.emulator.routes.projects import ProjectRoutes
from dragoman_synapse.emulator.routes.runs import RunRoutes
from dragoman_synapse.emulator.routes.storages import StorageRoutes
from dragoman_synapse.emulator.routes.task_records import TaskRecordRoutes
from dragoman_synapse.emulator.routes.tasks import TaskRoutes
from dragoman_synapse.emulator.routes.trains import TrainRoutes
from dragoman_synapse.emulator.routes.truth_records import TruthRecordRoutes
from dragoman_synapse.emulator.routes.truths import TruthRoutes
from dragoman_synapse.emulator.routes.unit_records import UnitRecordRoutes
from dragoman_synapse.emulator.tenant import KEY

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


SUBJECTS = (
    ModelRoutes,
    TruthRoutes,
    TruthRecordRoutes,
    RunRoutes,
    TrainRoutes,
    LogRoutes,
    JobLogRoutes,
    PluginRoutes,
    PluginRecordRoutes,
    DataRoutes,
    UnitRecordRoutes,
    CollectionRoutes,
    StorageRoutes,
    ProjectRoutes,
    TaskRoutes,
    TaskRecordRoutes,
    AssignmentRoutes,
    AssignmentRecordRoutes,
)


def application(platform: Platform) -> ASGIApp:
    """Return the application that serves a platform to whoever has a token of one of its tenants."""
    routes = [*platform.media.routes(), *platform.uploads.routes()]
    routes += [route for subject in SUBJECTS for route in subject(platform).routes()]
    router = Router(routes, redirect_slashes=False, default=_not_served)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(PLACE):
            try:
                scope = {**scope, KEY: admitted(scope, platform)}
            except ApiError as refusal:
                await _refused(scope, refusal)(scope, receive, send)
                return
        await router(scope, receive, send)

    return guarded


def _refused(scope: Scope, refusal: ApiError) -> ASGIApp:
    render = refuse_v2 if scope["path"].startswith("/v2/") else refuse_v1
    return render(refusal)


async def _not_served(scope: Scope, receive: Receive, send: Send) -> None:
    reason = f"The emulator does not serve {scope['method']} {scope['path']}."
    await _refused(scope, ApiError(501, reason))(scope, receive, send)
