"""Synapse's answers and httpx's exceptions, and ours: one table."""

from __future__ import annotations

from typing import Any

from dragoman.calls.binding import ErrorTable, from_status
from dragoman.calls.over_http import asked_to_wait, transport_errors
from dragoman.errors import Conflict, DragomanError
from dragoman_synapse.client import FileRefused, SynapseRefused

TAKEN = ("already exists", "unique set")
"""What the framework behind Synapse (Django's REST framework) says of a name that is taken, with the status 400."""


def _refused(error: SynapseRefused) -> DragomanError:
    message, field = said(error.detail)
    text = f"Synapse answered {error.status}: {message}" if message else f"Synapse answered {error.status}."
    if error.status == 400 and any(words in message for words in TAKEN):
        return Conflict(text, field=field)
    found = from_status(
        error.status,
        text,
        retry_after=asked_to_wait(error.headers),
        request_id=_request_id(error),
    )
    found.field = field
    return found


def said(detail: Any) -> tuple[str, str | None]:
    """Return what an error body says, in one line, and the field that it names.

    The first interface answers `{"detail": text}` or `{field: [texts]}`, the second one
    `{"error": {"code", "message", "details": [{"field", "message"}]}}`; what stands before them may answer a page.
    """
    if not isinstance(detail, dict):
        return " ".join(str(detail).split()), None
    if isinstance(second := detail.get("error"), dict):
        listed = [entry for entry in second.get("details") or () if isinstance(entry, dict)]
        parts = [str(second.get("message") or second.get("code") or "")]
        parts += [f"{entry.get('field')}: {entry.get('message')}" for entry in listed]
        return "; ".join(filter(None, parts)), str(listed[0].get("field")) if listed else None
    if isinstance(detail.get("detail"), str):
        return detail["detail"], None
    named = {name: _joined(value) for name, value in detail.items()}
    field = next((name for name in named if name != "non_field_errors"), None)
    return "; ".join(f"{name}: {text}" for name, text in named.items()), field


def _joined(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _request_id(error: SynapseRefused) -> str | None:
    meta = error.detail.get("meta") if isinstance(error.detail, dict) else None
    named = meta.get("request_id") if isinstance(meta, dict) else None
    return named or error.headers.get("x-request-id")


def _file(error: FileRefused) -> DragomanError:
    # The address is not shown: its signature opens the file.
    return from_status(error.status, str(error), retry_after=asked_to_wait(error.headers))


ERRORS: ErrorTable = {**transport_errors("Synapse"), SynapseRefused: _refused, FileRefused: _file}
