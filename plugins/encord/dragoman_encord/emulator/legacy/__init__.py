"""The older protocol: one address, a query type and a method in the body, and the status in the answer's body."""

from __future__ import annotations

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response

from dragoman.emulate.app import ApiError, json_response
from dragoman_encord.emulator.errors import Refusal, refuse_legacy
from dragoman_encord.emulator.legacy.datasets import Datasets
from dragoman_encord.emulator.legacy.projects import Projects
from dragoman_encord.emulator.legacy.query import Handlers, Query
from dragoman_encord.emulator.legacy.rows import Rows
from dragoman_encord.emulator.state import State

SUBJECTS = (Datasets, Projects, Rows)


class Legacy:
    """The handlers of the older protocol, by query type and method."""

    def __init__(self, state: State) -> None:
        self._handlers: Handlers = {}
        for subject in SUBJECTS:
            self._handlers |= subject(state).handlers()

    async def answer(self, headers: Headers, body: bytes) -> Response:
        """Answer one request, whose signature has been checked."""
        try:
            wanted = msgspec.json.decode(body)
            handler = self._handlers.get((wanted["query_type"], wanted["query_method"]))
            values = wanted["values"]
        except (msgspec.DecodeError, KeyError, TypeError):
            return refuse_legacy(Refusal("INVALID_ARGUMENTS_ERROR", "The body is not a query."))
        if handler is None:
            return refuse_legacy(Refusal("METHOD_NOT_ALLOWED_ERROR"))
        base = f"http://{headers.get('host', '')}"
        query = Query(headers.get("resourceid", ""), values.get("uid"), values.get("payload") or {}, base)
        try:
            response = handler(query)
        except ApiError as refusal:
            return refuse_legacy(refusal)
        except (KeyError, TypeError, AttributeError) as error:
            return refuse_legacy(Refusal("INVALID_ARGUMENTS_ERROR", f"The query does not fit: {error!r}."))
        return json_response({"status": 200, "response": response})
