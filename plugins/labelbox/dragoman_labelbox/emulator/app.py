"""The application of the Labelbox emulator: GraphQL by operation name, REST calls, files; the key is checked first.

Scripted faults may also name one GraphQL operation, although all have one path: a rule for
`*/graphql/createModelPyApi` acts on that operation only. What is not emulated says so, with the code
`NOT_EMULATED`, so that it cannot be taken for a missing object.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router

from dragoman.emulate.app import json_response
from dragoman_labelbox.emulator.graphql import GraphQLError, Handler, parse
from dragoman_labelbox.emulator.routes import HANDLERS
from dragoman_labelbox.emulator.routes.downloads import Downloads
from dragoman_labelbox.emulator.routes.rest import Rest
from dragoman_labelbox.emulator.routes.vectors import Vectors
from dragoman_labelbox.emulator.state import State

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from dragoman.emulate import Faults

ENDPOINTS = ("/graphql", "/_gql")
OPEN = "/files/"
"""Where files are fetched without credentials."""
REPORTS = "/api/v1/performance/"
"""Where performance reports and sign-in sessions would be."""


def application(state: State, api_key: str, faults: Faults) -> ASGIApp:
    """Return the application that serves a state to whoever knows the key."""
    operations: dict[str, Handler] = {}
    for subject in HANDLERS:
        operations |= subject(state).operations()
    routes = [*Rest(state).routes(), *Downloads(state).routes(), *Vectors(state).routes()]
    router = Router(routes, redirect_slashes=False, default=_not_served)
    graphql = GraphQL(operations, faults, state)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if not path.startswith(OPEN) and not _knows(Request(scope), api_key, state):
            refusal = GraphQLError("AUTHENTICATION_ERROR", "Invalid API key", http=401)
            await json_response({**refusal.body(), "message": refusal.message}, 401)(scope, receive, send)
        elif path in ENDPOINTS:
            await graphql(scope, receive, send)
        else:
            await router(scope, receive, send)

    return guarded


def _knows(request: Request, api_key: str, state: State) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    known = secrets.compare_digest(token.encode(), api_key.encode()) or state.accepts(token)
    return scheme == "Bearer" and known


class GraphQL:
    """Reads a request, lets the faults of its operation act, and answers it."""

    def __init__(self, operations: dict[str, Handler], faults: Faults, state: State) -> None:
        self._operations = operations
        self._faults = faults
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        try:
            query = await parse(Request(scope, _replay(body)))
        except GraphQLError as refusal:
            await json_response(refusal.body(), refusal.http)(scope, receive, send)
            return

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await self._answer(query)(scope, receive, send)

        faulty = self._faults.wrap(answer, self._state.clock)
        await faulty({**scope, "path": f"/graphql/{query.operation}"}, _replay(body), send)

    def _answer(self, query: Any) -> Response:
        handler = self._operations.get(query.operation)
        if handler is None:
            reason = f"The emulator does not serve {query.operation}."
            return json_response(GraphQLError("NOT_EMULATED", reason).body())
        try:
            return json_response({"data": {query.root: handler(query)}})
        except GraphQLError as refusal:
            return json_response(refusal.body(), refusal.http)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # No engine checks the types of variables, and the SDK asks for two minutes again after a 5xx.
            reason = f"The arguments of {query.operation} cannot be read: {error!r}."
            return json_response(GraphQLError("GRAPHQL_VALIDATION_FAILED", reason).body(), 400)


def _replay(body: bytes) -> Callable[[], Awaitable[Message]]:
    """Return a `receive` that gives a body that was read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _not_served(scope: Scope, receive: Receive, send: Send) -> None:
    reason = f"The emulator does not serve {scope['method']} {scope['path']}."
    # The SDK asks for four minutes again for reports that fail with a 5xx.
    status = 400 if scope["path"].startswith(REPORTS) else 501
    await json_response({"message": reason}, status)(scope, receive, send)
