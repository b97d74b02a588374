"""What the route modules share: the base path, how routes and pages are made, and how bodies are read.

A body may have its fields in camel case or in snake case, as on the platform; unknown ones are passed over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, decode, route
from dragoman_encord.emulator.errors import refuse_v2
from dragoman_encord.emulator.filters import snake

BASE = "/v2/public"
PAGE_SIZE, LARGEST_PAGE = 100, 1000
T = TypeVar("T")
_ANY = msgspec.json.Decoder()
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_MANY = msgspec.json.Decoder(list[dict[str, Any]])


def api(method: str, path: str, handler: Callable[[Request], Awaitable[object]]) -> Route:
    """Make a route below the base path of the API."""
    return route(method, f"{BASE}/{path}", handler, refuse_v2)


get = partial(api, "GET")
post = partial(api, "POST")
put = partial(api, "PUT")
patch = partial(api, "PATCH")
delete = partial(api, "DELETE")


async def read(request: Request, kind: type[T]) -> T:
    """Read a JSON body as `kind`.

    Raises:
        ApiError: 400, it is not such a body.
    """
    return convert(decode(await request.body() or b"{}", _ANY), kind)


def convert(body: Any, kind: type[T]) -> T:
    """Return a decoded body as `kind`, its outermost names in snake case."""
    if not isinstance(body, dict):
        raise ApiError(400, "The body is not an object.")
    try:
        return msgspec.convert({snake(name): value for name, value in body.items()}, kind)
    except msgspec.ValidationError as error:
        raise ApiError(400, f"The body does not fit: {error}.") from error


async def read_plain(request: Request) -> dict[str, Any]:
    """Read a JSON body whose names are the client's own.

    Raises:
        ApiError: 400, it is no object.
    """
    return decode(await request.body(), _OBJECT)


async def read_list(request: Request) -> list[dict[str, Any]]:
    """Read a JSON body that is a list of objects.

    Raises:
        ApiError: 400, it is no such body.
    """
    return decode(await request.body() or b"[]", _MANY)


def whole(things: Iterable[Any]) -> dict[str, Any]:
    """Return a listing that has only one page."""
    return {"results": list(things), "nextPageToken": None}


def page(request: Request, things: Sequence[Any], limit: int | None, size: int = PAGE_SIZE) -> dict[str, Any]:
    """Cut the page that a request asks for out of all things, and say where the next one begins.

    None stands for a thing that is not asked for now, so that others keep their positions from page to page.
    """
    token = request.query_params.get("pageToken")
    if token is not None and not token.isdecimal():
        raise ApiError(400, f"The page token {token} was not issued here.")
    asked = [n for n in range(int(token or 0), len(things)) if things[n] is not None]
    most = min(size, limit or size)
    following = str(asked[most]) if len(asked) > most else None
    return {"results": [things[n] for n in asked[:most]], "nextPageToken": following}


def page_size(request: Request) -> int:
    """Return the size of page that a query asks for.

    Raises:
        ApiError: 400, it is not from 1 to 1000.
    """
    size = request.query_params.get("pageSize", str(PAGE_SIZE))
    if not size.isdecimal() or not 1 <= int(size) <= LARGEST_PAGE:
        raise ApiError(400, f"A page has from 1 to {LARGEST_PAGE} entries, not {size}.")
    return int(size)


def flag(request: Request, name: str) -> bool:
    """Return a boolean of the query, which clients write as Python does."""
    return request.query_params.get(name, "").lower() == "true"


def base_url(request: Request) -> str:
    """Return the root of this server as the client named it."""
    return str(request.base_url).rstrip("/")
