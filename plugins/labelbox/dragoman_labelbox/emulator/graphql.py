"""Just enough GraphQL for the SDK: requests taken apart by operation name and first root field, and errors.

There is no GraphQL engine: the SDK never introspects and ignores extra fields, so every answer holds whole objects.
Some arguments live in the text of a query instead of its variables; the helpers here read them.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request

from dragoman_labelbox.emulator.comparing import compares

Json = dict[str, Any]
T = TypeVar("T")

_OPERATION = re.compile(r"^\s*(?:query|mutation)\s+(\w+)")
_ROOT = re.compile(r"\{\s*(\w+)")
_PAGE = re.compile(r"skip:\s*(\d+),?\s*first:\s*(\d+)")
_ORDER = re.compile(r"orderBy:\s*(\w+)_(ASC|DESC)")
_SUBJECT = re.compile(r"\(\s*where:\s*\{\s*id\s*:\s*\$(\w+)\s*\}\s*\)")
_FILTER = re.compile(r"(\w+):\s*\$(param_\d+)")
_LITERALS = re.compile(r"\"([^\"]+)\"")


class GraphQLError(Exception):
    """A refusal in the platform's form: `errors: [{message, extensions: {code, exception: {status}}}]`.

    Args:
        code: Such as `"RESOURCE_NOT_FOUND"`.
        message: What is wrong.
        status: The status inside `INTERNAL_SERVER_ERROR`, by which the platform tells client errors apart.
        http: HTTP status of the answer.
    """

    def __init__(self, code: str, message: str, *, status: int | None = None, http: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.http = http

    def body(self) -> Json:
        extensions: Json = {"code": self.code}
        if self.status is not None:
            extensions["exception"] = {"status": self.status}
        return {"errors": [{"message": self.message, "errors": self.message, "extensions": extensions}], "data": None}


def not_found(kind: str, key: str) -> GraphQLError:
    """Return the refusal of an id that does not exist."""
    return GraphQLError("RESOURCE_NOT_FOUND", f"{kind} {key} does not exist.")


def invalid(message: str, status: int = 422) -> GraphQLError:
    """Return the refusal of a bad argument."""
    return GraphQLError("INTERNAL_SERVER_ERROR", message, status=status)


@dataclass
class Query:
    """One GraphQL request: operation name, first root field, text, variables, and the base URL it was sent to."""

    operation: str
    root: str
    text: str
    variables: Json
    base: str
    files: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    """Uploaded parts by the path of their variable: file name, content type, content."""

    def get(self, name: str) -> Any:
        """Return a variable.

        Raises:
            GraphQLError: It is missing.
        """
        if name not in self.variables:
            raise GraphQLError("GRAPHQL_VALIDATION_FAILED", f"Variable ${name} is missing.")
        return self.variables[name]

    def page(self) -> tuple[int, int]:
        """Return `skip` and `first` of an offset page."""
        found = _PAGE.search(self.text)
        return (int(found[1]), int(found[2])) if found else (0, 100)

    def subject(self) -> str:
        """Return the id of the object that the root field names: `project(where: {id: $projectId})`.

        Raises:
            GraphQLError: It names none.
        """
        found = _SUBJECT.search(self.text)
        if found is None:
            raise GraphQLError("GRAPHQL_VALIDATION_FAILED", f"{self.operation} needs an id.")
        key: str = self.get(found[1])
        return key

    def paged(self, items: Iterable[T], show: Callable[[T], Json]) -> list[Json]:
        """Return the objects that pass the comparisons, in the order and on the offset page that the text asks for.

        The object that the root field names is no comparison, and fields that an object does not show, such as
        `deleted`, are not looked at.

        Args:
            items: The objects.
            show: Shows one as the API does. Nothing is shown that is not on the page, unless it is compared.
        """
        skip, first = self.page()
        compared = [each for each in _FILTER.findall(_SUBJECT.sub("", self.text)) if each[0] != "deleted"]
        order = _ORDER.search(self.text)
        if not compared and order is None:
            return [show(item) for item in itertools.islice(items, skip, skip + first)]
        shown = map(show, items)
        kept = [
            each for each in shown if all(compares(each, name, self.variables.get(param)) for name, param in compared)
        ]
        if order is not None:
            name = order[1]
            kept.sort(key=lambda each: (each[name] is not None, each[name]), reverse=order[2] == "DESC")
        return kept[skip : skip + first]

    def cursor_page(
        self, items: list[T], limit: int | None, usual: int = 100, cursor: str = "from"
    ) -> tuple[list[T], str | None]:
        """Return the page that a cursor and the variable `first` ask for, and the cursor of the next one.

        Args:
            items: What is paged.
            limit: Largest page, whatever the client asks for.
            usual: Size of a page if the client asks for none.
            cursor: Name of the variable that is the cursor.
        """
        start, first = int(self.variables.get(cursor) or 0), self.variables.get("first") or usual
        end = start + min(first, limit or first)
        return items[start:end], str(end) if end < len(items) else None

    def literals(self) -> list[str]:
        """Return the strings that stand in the text."""
        return _LITERALS.findall(self.text)

    def file(self) -> tuple[str, str, bytes]:
        """Return the one uploaded file."""
        if "variables.file" not in self.files:
            raise invalid("No file was uploaded.", 400)
        return self.files["variables.file"]


Handler = Callable[[Query], Any]
Dispatch = Callable[[Query], Awaitable[Any]]

_BODY = msgspec.json.Decoder(dict[str, Any])


async def parse(request: Request) -> Query:
    """Read a GraphQL request, plain or multipart.

    Raises:
        GraphQLError: It is neither.
    """
    base = str(request.base_url).rstrip("/")
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _multipart(request, base)
    try:
        body = _BODY.decode(await request.body())
        return query_of(body["query"], body.get("variables"), base)
    except (msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise GraphQLError("GRAPHQL_PARSE_FAILED", f"The body is no GraphQL request: {error}", http=400) from error


async def _multipart(request: Request, base: str) -> Query:
    async with request.form(max_part_size=1 << 30) as form:
        try:
            operations = json.loads(await _text(form["operations"]))
            places: dict[str, list[str]] = json.loads(await _text(form["map"]))
            query = query_of(operations["query"], operations.get("variables"), base)
        except (KeyError, TypeError, ValueError) as error:
            raise GraphQLError("GRAPHQL_PARSE_FAILED", f"The form is no GraphQL upload: {error}", http=400) from error
        for part, paths in places.items():
            file = form.get(part)
            if isinstance(file, UploadFile):
                content = await file.read()
                for path in paths:
                    query.files[path] = (file.filename or "", file.content_type or "", content)
    return query


async def _text(part: UploadFile | str) -> str:
    return part if isinstance(part, str) else (await part.read()).decode()


def query_of(text: str, variables: Json | None, base: str) -> Query:
    """Take the text of a query apart.

    Raises:
        GraphQLError: It has no operation name or no root field.
    """
    operation, root = _OPERATION.match(text), _ROOT.search(text)
    if operation is None or root is None:
        raise GraphQLError("GRAPHQL_PARSE_FAILED", "The query has no operation name or no root field.", http=400)
    return Query(operation[1], root[1], text, variables or {}, base)
