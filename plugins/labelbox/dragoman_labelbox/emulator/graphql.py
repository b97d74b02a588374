"""Just enough GraphQL for the SDK: requests taken apart by operation name and first root field, and errors.

There is no GraphQL engine: the SDK never introspects and ignores extra fields, so every answer holds whole objects.
Some arguments live in the text of a query instead of its variables; the helpers here read them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request

Json = dict[str, Any]

_OPERATION = re.compile(r"^\s*(?:query|mutation)\s+(\w+)")
_ROOT = re.compile(r"\{\s*(\w+)")
_PAGE = re.compile(r"skip:\s*(\d+)\s+first:\s*(\d+)")
_FILTER = re.compile(r"(\w+?)(_not|_lt|_gt|_lte|_gte|_in)?:\s*\$(param_\d+)")
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

    def filters(self) -> list[tuple[str, str, Any]]:
        """Return the comparisons that stand in the text: field, suffix and value."""
        return [(name, suffix or "", self.variables.get(param)) for name, suffix, param in _FILTER.findall(self.text)]

    def literals(self) -> list[str]:
        """Return the strings that stand in the text."""
        return _LITERALS.findall(self.text)

    def matches(self, fields: Mapping[str, Any]) -> bool:
        """Say whether an object passes the filters; fields that it does not have are not looked at."""
        for name, suffix, value in self.filters():
            if name not in fields or (suffix and suffix != "_not"):
                continue
            if (fields[name] == value) is (suffix == "_not"):
                return False
        return True

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
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError) as error:
        raise GraphQLError("GRAPHQL_PARSE_FAILED", f"The body is no GraphQL request: {error}", http=400) from error


async def _multipart(request: Request, base: str) -> Query:
    async with request.form(max_part_size=1 << 30) as form:
        try:
            operations = json.loads(await _text(form["operations"]))
            places: dict[str, list[str]] = json.loads(await _text(form["map"]))
            query = query_of(operations["query"], operations.get("variables"), base)
        except (KeyError, ValueError) as error:
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
