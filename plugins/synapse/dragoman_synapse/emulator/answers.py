"""How the emulated API reads queries and shapes answers: pages and errors of one interface, envelopes of the other.

Handlers raise `ApiError`, or `FieldErrors` for what the framework behind Synapse says of single fields.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, Handler, json_response, read_json, route
from dragoman.emulate.emulation import Settings

T = TypeVar("T")
Json = dict[str, Any]
PAGE_SIZE = 100
TRUE, FALSE = ("true", "True", "1", "t"), ("false", "False", "0", "f")
CODES = {400: "VALIDATION_ERROR", 401: "UNAUTHENTICATED", 403: "FORBIDDEN", 404: "NOT_FOUND", 409: "INVALID_STATE"}
OBJECT = msgspec.json.Decoder(dict[str, Any])
EXPECTED: dict[type, str] = {
    str: "Not a valid string.",
    bool: "Must be a valid boolean.",
    list: "Expected a list of items.",
    dict: "Expected a dictionary of items.",
}
"""What is said of a field that must be of a kind and is not."""
ANY = msgspec.json.Decoder(Any)


class FieldErrors(ApiError):
    """A refusal with status 400 that says what is wrong with each field."""

    def __init__(self, **fields: str) -> None:
        super().__init__(400, "; ".join(f"{name}: {text}" for name, text in fields.items()))
        self.fields = fields


# -- reading -------------------------------------------------------------------------------------------------------


async def body_of(request: Request, required: Sequence[str] = ()) -> Json:
    """Return the JSON object in a body; an empty one is `{}`.

    Raises:
        FieldErrors: A required field is missing or empty.
        ApiError: 400, it is no JSON object.
    """
    given = await read_json(request, OBJECT)
    missing = {name: "This field is required." for name in required if given.get(name) in (None, "")}
    if missing:
        raise FieldErrors(**missing)
    return given


def check(given: Json, **kinds: type) -> None:
    """Refuse an object whose fields are of other kinds than they must be; what is not there or null is no fault.

    Raises:
        FieldErrors: For every field of another kind.
    """
    wrong = {
        name: EXPECTED[kind]
        for name, kind in kinds.items()
        if given.get(name) is not None and not isinstance(given[name], kind)
    }
    if wrong:
        raise FieldErrors(**wrong)


def filled(given: Json, *names: str) -> None:
    """Refuse an object in which one of the names is there and empty.

    Raises:
        FieldErrors: For every one that is.
    """
    blank = {name: "This field may not be blank." for name in names if name in given and not given[name]}
    if blank:
        raise FieldErrors(**blank)


def known(given: Json, *names: str) -> None:
    """Refuse an object that has other names.

    Raises:
        FieldErrors: For every other one.
    """
    others = {name: "This field cannot be changed." for name in given if name not in names}
    if others:
        raise FieldErrors(**others)


def objects(given: Json, name: str) -> list[Json]:
    """Return the objects that a field lists; none, if it is not there.

    Raises:
        FieldErrors: It is no list of objects.
    """
    check(given, **{name: list})
    found = given.get(name) or []
    if not all(isinstance(one, dict) for one in found):
        raise FieldErrors(**{name: EXPECTED[dict]})
    return list(found)


def boolean(request: Request, name: str) -> bool | None:
    """Return a boolean of the query in either spelling; None if it is not there."""
    text = request.query_params.get(name)
    return None if text is None else truth(text, name)


def truth(text: str, name: str) -> bool:
    """Return a boolean that was given as text."""
    if text not in TRUE + FALSE:
        raise FieldErrors(**{name: "Must be a valid boolean."})
    return text in TRUE


def texts(request: Request, name: str) -> list[str]:
    """Return the texts that a query names, one per key, or several in one with commas; empty ones count for nothing."""
    return [part for text in request.query_params.getlist(name) for part in text.split(",") if part]


def numbers(request: Request, name: str) -> list[int]:
    """Return the whole numbers that a query names, one per key, or several in one with commas."""
    return [number(text, name) for value in request.query_params.getlist(name) for text in value.split(",")]


def number(text: Any, name: str) -> int:
    """Return a whole number that was given as text or as one."""
    try:
        return int(text)
    except (TypeError, ValueError, OverflowError):
        raise FieldErrors(**{name: "A valid integer is required."}) from None


def moment(request: Request, name: str) -> datetime | None:
    """Return a point of time of the query; one without a zone is in UTC."""
    text = request.query_params.get(name)
    return None if text is None else instant(text, name)


def instant(text: Any, name: str) -> datetime:
    """Return a point of time that was given as text."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise FieldErrors(**{name: "Enter a valid date/time."}) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# -- the first interface -------------------------------------------------------------------------------------------


def v1(method: str, path: str, handler: Handler) -> Route:
    """Make a route of the first interface."""
    return route(method, path, handler, refuse_v1)


def only_fields(request: Request, shown: Json) -> Json:
    """Return what `fields` asks for of an object; without it, all."""
    return _only(texts(request, "fields"), shown)


def _only(wanted: Sequence[str], shown: Json) -> Json:
    return {name: shown[name] for name in wanted if name in shown} if wanted else shown


def page(request: Request, rows: Sequence[T], settings: Settings, show: Callable[[T], Json]) -> Json:
    """Cut a page out of rows and show the `fields` of them; `next` and `previous` are absolute.

    `pagination=cursor`, which the SDK's exports ask for, gives pages that lead on without saying how many there are.
    """
    wanted = texts(request, "fields")

    def fields_of(row: T) -> Json:
        return _only(wanted, show(row))

    if request.query_params.get("pagination") == "cursor":
        further, results = _from_cursor(request, rows, settings, fields_of, "page_size")
        return {"next": further, "previous": None, "results": results}
    place, size = _number_of(request, "page", 1), _number_of(request, "page_size", PAGE_SIZE)
    size = min(size, settings.page_limit or size)
    start = (place - 1) * size
    if place > 1 and start >= len(rows):
        raise ApiError(404, "Invalid page.")
    further = str(request.url.include_query_params(page=place + 1)) if start + size < len(rows) else None
    before = str(request.url.include_query_params(page=place - 1)) if place > 1 else None
    results = [fields_of(row) for row in rows[start : start + size]]
    return {"count": len(rows), "next": further, "previous": before, "results": results}


def refuse_v1(refusal: ApiError) -> Response:
    """Render a refusal as the first interface does."""
    if isinstance(refusal, FieldErrors):
        return json_response({name: [text] for name, text in refusal.fields.items()}, 400)
    return json_response({"detail": refusal.message}, refusal.status, refusal.headers)


# -- the second interface ------------------------------------------------------------------------------------------


def v2(method: str, path: str, handler: Handler) -> Route:
    """Make a route of the second interface; what the handler returns is put into an envelope."""

    async def enveloped(request: Request) -> object:
        answer = await handler(request)
        if isinstance(answer, Response):
            return answer
        return {"data": answer, "meta": _meta()} if not isinstance(answer, _Page) else answer.envelope

    return route(method, path, enveloped, refuse_v2)


class _Page(msgspec.Struct):
    envelope: Json


def page_v2(request: Request, rows: Sequence[T], settings: Settings, show: Callable[[T], Json]) -> _Page:
    """Cut a page out of rows; the cursor is a position, and `next_cursor` a full link, as the SDK needs it."""
    further, data = _from_cursor(request, rows, settings, show, "per_page")
    pagination = {"next_cursor": further, "previous_cursor": None}
    return _Page({"data": data, "meta": {**_meta(), "pagination": pagination}})


def refuse_v2(refusal: ApiError) -> Response:
    """Render a refusal as the second interface does, in an envelope."""
    fields = refusal.fields if isinstance(refusal, FieldErrors) else {}
    error = {
        "code": CODES.get(refusal.status, "ERROR"),
        "message": "The request is not valid." if fields else refusal.message,
        "details": [{"field": name, "message": text} for name, text in fields.items()],
    }
    return json_response({"error": error, "meta": _meta()}, refusal.status, refusal.headers)


def _meta() -> Json:
    return {"request_id": uuid.uuid4().hex}


def _from_cursor(
    request: Request, rows: Sequence[T], settings: Settings, show: Callable[[T], Json], size_name: str
) -> tuple[str | None, list[Json]]:
    start, size = _number_of(request, "cursor", 0), _number_of(request, size_name, PAGE_SIZE)
    end = start + min(size, settings.page_limit or size)
    further = str(request.url.include_query_params(cursor=end)) if end < len(rows) else None
    return further, [show(row) for row in rows[start:end]]


def _number_of(request: Request, name: str, default: int) -> int:
    found = number(request.query_params.get(name, default), name)
    if found < min(default, 1):
        raise FieldErrors(**{name: "Ensure this value is not too small."})
    return found
