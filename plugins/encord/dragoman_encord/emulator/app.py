"""The application of the Encord emulator: both protocols, with the check of the credentials in front of them.

Signed links need no credentials. What the real platform has and this emulator has not is answered with 501, so that it
cannot be taken for a missing object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from dragoman.emulate.app import json_response
from dragoman_encord.emulator.auth import refusal_legacy, refusal_v2
from dragoman_encord.emulator.errors import Refusal, refuse_legacy
from dragoman_encord.emulator.legacy import Legacy
from dragoman_encord.emulator.routes.account import Account
from dragoman_encord.emulator.routes.analytics import Analytics
from dragoman_encord.emulator.routes.attachments import Attachments
from dragoman_encord.emulator.routes.collections import Collections
from dragoman_encord.emulator.routes.datasets import Datasets
from dragoman_encord.emulator.routes.explorer import Explorer
from dragoman_encord.emulator.routes.folders import Folders
from dragoman_encord.emulator.routes.groups import Groups
from dragoman_encord.emulator.routes.issues import Issues
from dragoman_encord.emulator.routes.items import Items
from dragoman_encord.emulator.routes.models import Models
from dragoman_encord.emulator.routes.names import BASE
from dragoman_encord.emulator.routes.ontologies import Ontologies
from dragoman_encord.emulator.routes.people import People
from dragoman_encord.emulator.routes.predict import Predict
from dragoman_encord.emulator.routes.presets import Presets
from dragoman_encord.emulator.routes.projects import Projects
from dragoman_encord.emulator.routes.reviews import Reviews
from dragoman_encord.emulator.routes.trainings import Trainings
from dragoman_encord.emulator.routes.uploads import Uploads
from dragoman_encord.emulator.routes.workflow import Workflows
from dragoman_encord.emulator.state import State

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LEGACY = ("/public", "/public/user")
SUBJECTS = (
    Models,
    Trainings,
    Attachments,
    Predict,
    Projects,
    Workflows,
    Reviews,
    Analytics,
    Issues,
    Ontologies,
    Datasets,
    Folders,
    Items,
    Groups,
    Collections,
    Presets,
    Explorer,
    Uploads,
    People,
    Account,
)


def application(state: State) -> ASGIApp:
    """Return the application that serves a state to whoever signs with one of its keys."""
    routes = [*state.blobs.routes()]
    for subject in SUBJECTS:
        routes += subject(state).routes()
    router = Router(routes, redirect_slashes=False, default=_not_served)
    legacy = Legacy(state)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith("/objects/"):
            await router(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        answer = _refused(scope, body, state)
        if answer is not None:
            await answer(scope, receive, send)
        elif path in LEGACY:
            await (await legacy.answer(Headers(scope=scope), body))(scope, receive, send)
        else:
            await router(scope, _replayed(body), send)

    return guarded


def _refused(scope: Scope, body: bytes, state: State) -> Response | None:
    if len(body) > state.body_limit:
        return json_response({"message": f"The body has more than {state.body_limit} bytes."}, 413)
    if scope["path"] in LEGACY:
        code = refusal_legacy(Headers(scope=scope), body, state)
        return refuse_legacy(Refusal(code)) if code else None
    if not scope["path"].startswith(f"{BASE}/"):
        return None
    reason = refusal_v2(scope, body, state)
    return json_response({"message": reason}, 401) if reason else None


def _replayed(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _not_served(scope: Scope, receive: Receive, send: Send) -> None:
    reason = f"The emulator does not serve {scope['method']} {scope['path']}."
    await json_response({"message": reason}, 501)(scope, receive, send)
