"""Small helpers for the HTTP applications of emulators: JSON bodies in, JSON answers out, errors as JSON.

JSON is read and written by msgspec, which takes plain values and typed structs alike.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

T = TypeVar("T")

Handler = Callable[[Request], Awaitable[object]]


class ApiError(Exception):
    """A refusal that the client is told; the application decides on the shape of the body.

    Args:
        status: HTTP status.
        message: What is wrong, in the words of the emulated platform.
        headers: Extra headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a JSON body."""
    try:
        body = msgspec.json.encode(value)
    except OverflowError:
        # msgspec reads integers of any size but writes none beyond 64 bits.
        body = json.dumps(msgspec.to_builtins(value)).encode()
    return Response(body, status, headers, media_type="application/json")


async def read_json(request: Request, decoder: msgspec.json.Decoder[T]) -> T:
    """Read the body of any request, GET and DELETE included, as JSON.

    Args:
        request: The request. An empty body is read as `{}`.
        decoder: Decides what the body must look like.

    Raises:
        ApiError: 400, the body is not JSON or not what the decoder accepts.
    """
    return decode(await request.body() or b"{}", decoder)


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode JSON, turning what msgspec says into a refusal with status 400."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(400, f"Invalid request body: {error}") from error


def refuse(refusal: ApiError) -> Response:
    """Render a refusal as `{"error": message}`, the shape that most platforms use."""
    return json_response({"error": refusal.message}, refusal.status, refusal.headers)


def route(method: str, path: str, handler: Handler, render: Callable[[ApiError], Response] = refuse) -> Route:
    """Make a route for exactly one verb.

    Args:
        method: The verb. Another one on the same path is not a match, where starlette would answer 405.
        path: Path pattern of starlette, such as `"/models/{model}"` or `"/items/{key:path}"`.
        handler: Returns a `Response`, or any value that msgspec encodes; raises `ApiError` to refuse.
        render: Turns a refusal into the shape in which the platform reports errors.
    """

    async def endpoint(request: Request) -> Response:
        try:
            answer = await handler(request)
        except ApiError as refusal:
            return render(refusal)
        return answer if isinstance(answer, Response) else json_response(answer)

    return _OneVerb(path, endpoint, methods=[method])


class _OneVerb(Route):
    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return (Match.NONE, {}) if match is Match.PARTIAL else (match, child)


def as_dict(value: Any) -> dict[str, Any]:
    """Turn a struct into plain values, as they would appear in JSON."""
    built: dict[str, Any] = msgspec.to_builtins(value)
    return built
