"""The application of the Nucleus emulator: all routes, with the check of the credentials in front of the API.

Uploaded files and signed upload URLs need no credentials. What the API of the real platform has and this
emulator has not is answered with 501, so that it cannot be taken for a missing object.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Router

from dragoman.emulate.app import json_response
from dragoman_nucleus.emulator.routes.annotations import Annotations
from dragoman_nucleus.emulator.routes.benchmarks import Benchmarks
from dragoman_nucleus.emulator.routes.datasets import Datasets
from dragoman_nucleus.emulator.routes.deduplication import Deduplication
from dragoman_nucleus.emulator.routes.evaluation_results import EvaluationResults
from dragoman_nucleus.emulator.routes.evaluations import Evaluations
from dragoman_nucleus.emulator.routes.indexing import Indexing
from dragoman_nucleus.emulator.routes.items import DatasetItems
from dragoman_nucleus.emulator.routes.labeling import Labeling
from dragoman_nucleus.emulator.routes.leaderboard import Leaderboard
from dragoman_nucleus.emulator.routes.merging import Merging
from dragoman_nucleus.emulator.routes.metadata import Metadata
from dragoman_nucleus.emulator.routes.models import Models
from dragoman_nucleus.emulator.routes.names import BASE
from dragoman_nucleus.emulator.routes.other_products import OtherProducts
from dragoman_nucleus.emulator.routes.predictions import Predictions
from dragoman_nucleus.emulator.routes.presets import Presets
from dragoman_nucleus.emulator.routes.queries import Queries
from dragoman_nucleus.emulator.routes.runs import Runs
from dragoman_nucleus.emulator.routes.scenario_evaluations import ScenarioEvaluations
from dragoman_nucleus.emulator.routes.scenario_tests import ScenarioTests
from dragoman_nucleus.emulator.routes.scenes import Scenes
from dragoman_nucleus.emulator.routes.scores import Scores
from dragoman_nucleus.emulator.routes.slice_exports import SliceExports
from dragoman_nucleus.emulator.routes.slices import Slices
from dragoman_nucleus.emulator.routes.tracks import Tracks
from dragoman_nucleus.emulator.routes.weights import ModelWeights
from dragoman_nucleus.emulator.state import State

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

FILES = ("/media/", "/uploads/")
"""Where files are sent and fetched, outside of the API and without credentials."""
SUBJECTS = (
    Datasets,
    DatasetItems,
    Annotations,
    Models,
    Runs,
    Merging,
    Predictions,
    Queries,
    Slices,
    SliceExports,
    Benchmarks,
    Evaluations,
    EvaluationResults,
    Leaderboard,
    Presets,
    ScenarioTests,
    ScenarioEvaluations,
    Scores,
    Indexing,
    Deduplication,
    Labeling,
    OtherProducts,
    ModelWeights,
    Scenes,
    Tracks,
    Metadata,
)


def application(state: State, api_key: str) -> ASGIApp:
    """Return the application that serves a state to whoever knows the key."""
    routes = [*state.blobs.routes(), *state.weights.routes(), *state.jobs.routes(BASE)]
    for subject in SUBJECTS:
        routes += subject(state).routes()
    router = Router(routes, redirect_slashes=False, default=_not_served)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        scope = _below_base(scope)
        needs_key = scope["path"].startswith(f"{BASE}/")
        if needs_key and not _knows(Headers(scope=scope), api_key):
            await UNAUTHORIZED(scope, receive, send)
        else:
            await router(scope, receive, send)

    return guarded


def _below_base(scope: Scope) -> Scope:
    """Let a client name the bare URL as its endpoint, too: what is no file's address is a route of the API."""
    path: str = scope["path"]
    if path.startswith((f"{BASE}/", *FILES)):
        return scope
    return {**scope, "path": BASE + path}


def _knows(headers: Headers, api_key: str) -> bool:
    limited = headers.get("x-limited-access-key")
    if limited is not None:
        return _same(limited, api_key)
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    return _same(decoded, f"{api_key}:")


def _same(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode(), expected.encode())


async def _not_served(scope: Scope, receive: Receive, send: Send) -> None:
    reason = f"The emulator does not serve {scope['method']} {scope['path']}."
    await json_response({"error": reason}, 501)(scope, receive, send)


UNAUTHORIZED: Response = json_response({"error": "Invalid API key."}, 401)
