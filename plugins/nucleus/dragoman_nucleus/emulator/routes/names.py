"""What the route modules share: the base path, and how they are put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import route

BASE = "/v1/nucleus"


class Page(msgspec.Struct):
    """Body of a request for one page; what else the SDK sends with it makes no difference here."""

    token: str | None = msgspec.field(default=None, name="pageToken")
    size: int = msgspec.field(default=10_000, name="pageSize")


class Tags(msgspec.Struct):
    tags: list[str]


PAGE = msgspec.json.Decoder(Page)
TAGS = msgspec.json.Decoder(Tags)


def api(method: str, path: str, handler: Callable[[Request], Awaitable[object]]) -> Route:
    """Make a route below the base path of the API."""
    return route(method, f"{BASE}/{path}", handler)


get = partial(api, "GET")
post = partial(api, "POST")
delete = partial(api, "DELETE")


def added(known: list[str], more: list[str]) -> list[str]:
    """Return a list with more entries at its end, none of them twice."""
    return list(dict.fromkeys([*known, *more]))
