"""Refusals, and the two shapes in which the platform reports them.

The v2 protocol has the status in HTTP and `{"message": ...}` in the body. The older one answers 200 with the status and
an error code in the body; only 413 and 429 are real there.
"""

from __future__ import annotations

from starlette.responses import Response

from dragoman.emulate.app import ApiError, json_response

CODES = {
    400: "INVALID_ARGUMENTS_ERROR",
    401: "AUTHENTICATION_ERROR",
    403: "AUTHORISATION_ERROR",
    404: "RESOURCE_NOT_FOUND_ERROR",
    409: "RESOURCE_EXISTS_ERROR",
}
STATUSES = {code: status for status, code in CODES.items()}


class Refusal(ApiError):
    """A refusal with one of the older protocol's own codes."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(STATUSES.get(code, 400), message)
        self.code = code


def refuse_v2(refusal: ApiError) -> Response:
    """Render a refusal for the v2 protocol."""
    return json_response({"message": refusal.message}, refusal.status, refusal.headers)


def refuse_legacy(refusal: ApiError) -> Response:
    """Render a refusal for the older protocol."""
    if refusal.status in (413, 429):
        return refuse_v2(refusal)
    code = getattr(refusal, "code", None) or CODES.get(refusal.status, "UNKNOWN_ERROR")
    body = {"status": refusal.status, "response": [code], "payload": refusal.message or None}
    return json_response(body)
