"""What the route modules share: the base path, and how they are put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, route
from dragoman_nucleus.emulator.items import Numbered, page_of
from dragoman_nucleus.emulator.state import State

N = TypeVar("N", bound=Numbered)

BASE = "/v1/nucleus"


class Page(msgspec.Struct):
    """Body of a request for one page; what else the SDK sends with it makes no difference here."""

    token: str | None = msgspec.field(default=None, name="pageToken")
    size: int = msgspec.field(default=10_000, name="pageSize")


class QueryPage(Page):
    """Body of a request for one page of what a query selects."""

    query: str | None = None


class ExportPage(QueryPage):
    """Body of a request for one page of an export."""

    mirrored: bool = msgspec.field(default=False, name="chip")


class Tags(msgspec.Struct):
    tags: list[str]


PAGE = msgspec.json.Decoder(Page)
EXPORT_PAGE = msgspec.json.Decoder(ExportPage)
TAGS = msgspec.json.Decoder(Tags)


class _Text(Convertor[str]):
    """The rest of a path, whatever it holds: names may have slashes, and line breaks, at which starlette's own ends."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("text", _Text())


def api(method: str, path: str, handler: Callable[[Request], Awaitable[object]]) -> Route:
    """Make a route below the base path of the API."""
    return route(method, f"{BASE}/{path}", handler)


get = partial(api, "GET")
post = partial(api, "POST")
patch = partial(api, "PATCH")
delete = partial(api, "DELETE")


def paged(state: State, things: Sequence[N], token: str | None, size: int) -> tuple[list[N], str | None]:
    """Return the page of things that a client asks for, and the token of the next one."""
    return page_of(things, token, size, state.settings.page_limit)


def position(request: Request) -> int:
    """Return the position of an item that a path names.

    Raises:
        ApiError: 400, it is no number.
    """
    text: str = request.path_params["position"]
    try:
        return int(text)
    except ValueError as error:
        raise ApiError(400, f"{text} is not the number of an item.") from error


def added(known: list[str], more: list[str]) -> list[str]:
    """Return a list with more entries at its end, none of them twice."""
    return list(dict.fromkeys([*known, *more]))
