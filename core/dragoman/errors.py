"""The one error tree. Every failure that a user sees is one of these classes.

    DragomanError
     +-- AuthenticationError   the platform does not accept the credentials, or there are none
     +-- PermissionDenied      the credentials are good, the action is not allowed
     +-- NotFound              the thing named does not exist (on the platform, or among the plugins)
     +-- Conflict              it exists already, or changed meanwhile
     +-- InvalidData           a value breaks the schema or the platform's rules
     +-- Unsupported           the platform cannot do this; the reason and the way out are in the message
     +-- WouldLose             the call would lose data and no policy was chosen
     +-- RateLimited           too many calls; `retry_after` says how long to wait
     +-- Unavailable           the platform does not answer, or answers that it cannot now
     +-- Timeout               the deadline passed before there was an answer
     +-- OutcomeUnknown        a mutation was sent and its answer was lost
     +-- PartialFailure        some rows of a bulk call were not accepted; the report says which
     +-- PlatformError         the platform or its SDK failed in a way that has no class of its own
     +-- PluginError           a plugin is broken or breaks its contract

A message is one sentence with the facts; `hint` says what to do next. The vendor's exception is the `__cause__`.
Errors carry no secrets: `dragoman.calls.scrub` cleans causes before they are attached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from dragoman.schema import Report

DOCS = "docs/errors.md"


class DragomanError(Exception):
    """Base of all errors of this library.

    Args:
        message: One sentence with the facts.
        hint: What the reader can do about it, one sentence.
        platform: Name of the backend, such as `"nucleus"`.
        operation: Facet and operation, such as `"predictions.write"`.
        request_id: The platform's own id of the failed request, when it gives one.
        row: Zero-based position of the offending row in the caller's input.
        field: Path of the offending field, such as `"geometry.width"`.
        retry_after: Seconds that the platform asks to wait before the next try.
        report: Outcomes of the rows handled before a bulk call stopped.
        maybe_applied: The request may have reached the platform and been carried out, although no answer came.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        platform: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
        row: int | None = None,
        field: str | None = None,
        retry_after: float | None = None,
        report: Report | None = None,
        maybe_applied: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.platform = platform
        self.operation = operation
        self.request_id = request_id
        self.row = row
        self.field = field
        self.retry_after = retry_after
        self.report = report
        self.maybe_applied = maybe_applied

    @property
    def docs(self) -> str:
        """Where the documentation explains this class of error."""
        return f"{DOCS}#{self.code}"

    def __str__(self) -> str:
        where = ", ".join(
            part
            for part in (
                " ".join(filter(None, (self.platform, self.operation))),
                f"row {self.row}" if self.row is not None else "",
                f"field {self.field}" if self.field else "",
            )
            if part
        )
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} {self.hint}" if self.hint else text

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain JSON values, for logs and `--json`."""
        facts = {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "platform": self.platform,
            "operation": self.operation,
            "request_id": self.request_id,
            "row": self.row,
            "field": self.field,
            "retryable": self.retryable,
            "docs": self.docs,
        }
        return {name: value for name, value in facts.items() if value is not None}


class AuthenticationError(DragomanError):
    """The platform does not accept the credentials, or none were given."""

    code = "authentication"


class PermissionDenied(DragomanError):
    """The credentials are good but do not allow this action."""

    code = "permission-denied"


class NotFound(DragomanError):
    """The thing named does not exist."""

    code = "not-found"


class Conflict(DragomanError):
    """The thing exists already, or was changed by somebody else meanwhile."""

    code = "conflict"


class InvalidData(DragomanError, ValueError):
    """A value breaks the schema or the platform's rules. `row` and `field` say where."""

    code = "invalid-data"


class Unsupported(DragomanError):
    """The platform cannot do this. The message has the reason, the hint the way out."""

    code = "unsupported"


class WouldLose(DragomanError):
    """The call would lose data and the caller chose no policy for it."""

    code = "would-lose"


class RateLimited(DragomanError):
    """The platform asks for fewer calls. `retry_after` is in seconds, when it says so."""

    code = "rate-limited"
    retryable = True


class Unavailable(DragomanError):
    """The platform cannot be reached, or says that it cannot answer now."""

    code = "unavailable"
    retryable = True


class Timeout(DragomanError):
    """No answer came before the deadline."""

    code = "timeout"
    retryable = True


class OutcomeUnknown(DragomanError):
    """A mutation was sent and its answer was lost: it may or may not have happened."""

    code = "outcome-unknown"


class PartialFailure(DragomanError):
    """Some rows of a bulk call were not accepted. `report` has every outcome."""

    code = "partial-failure"


class PlatformError(DragomanError):
    """The platform or its SDK failed in a way that has no class of its own."""

    code = "platform-error"


class PluginError(DragomanError):
    """A plugin cannot be loaded or breaks its contract."""

    code = "plugin-error"
