"""Label Studio's answers and httpx's exceptions, and ours: one table."""

from __future__ import annotations

from typing import Any

from dragoman.calls.binding import ErrorTable, from_status
from dragoman.calls.over_http import asked_to_wait, transport_errors
from dragoman.errors import DragomanError
from dragoman_labelstudio.client import LabelStudioRefused

LENGTH = 500
"""Characters of an answer that are shown: it repeats the rows that it refuses."""


def _refused(error: LabelStudioRefused) -> DragomanError:
    message, field = said(error.detail)
    text = f"Label Studio answered {error.status}: {message}" if message else f"Label Studio answered {error.status}."
    request = error.detail.get("id") if isinstance(error.detail, dict) else None
    found = from_status(
        error.status,
        text,
        retry_after=asked_to_wait(error.headers),
        request_id=request if isinstance(request, str) else None,
    )
    found.field = field
    return found


def said(detail: Any) -> tuple[str, str | None]:
    """Return what an error body says, in one line, and the field that it names.

    The body is `{"id", "status_code", "version", "detail", "validation_errors"?}`, or a bare `{"detail"}`, a list of
    texts, or a page, of which nothing is shown.
    """
    if isinstance(detail, list):
        return _flat(detail), None
    if not isinstance(detail, dict):
        return "", None
    errors = detail.get("validation_errors")
    if isinstance(errors, dict) and errors:
        field = next((name for name in errors if name != "non_field_errors"), None)
        return "; ".join(f"{name}: {_flat(value)}" for name, value in errors.items())[:LENGTH], field
    return _flat(errors or detail.get("detail") or ""), None


def _flat(value: Any) -> str:
    texts = (_flat(one) for one in value) if isinstance(value, list) else str(value).split()
    return " ".join(filter(None, texts))[:LENGTH]


ERRORS: ErrorTable = {**transport_errors("Label Studio"), LabelStudioRefused: _refused}
