"""What gRPC says went wrong, and ours: one table of status codes."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError

import grpc

from dragoman.calls.binding import ErrorTable, from_status
from dragoman.calls.over_grpc import KINDS, OPEN_END, Code
from dragoman.errors import DragomanError, InvalidData, Timeout, Unavailable

DETAILS = "grpc-status-details-bin"
"""Trailing metadata that carries a serialized `google.rpc.Status`, by convention of gRPC."""
NEVER_SENT = ("failed to connect", "name resolution", "dns resolution", "no address")
"""What gRPC's core says, in lower case, when no connection was made, so that the server saw nothing."""
OVERSIZE = ("message larger than max", "message too large")

READS = ("Authenticate", "BinaryData", "BoundingBoxLabels", "CreateBinaryDataSignedURL", "Get", "List", "TagsBy")
"""What the names of methods begin with that change nothing on the platform."""


class CallFailed(Exception):
    """A call that ended with a status other than OK.

    It takes the place of `grpc.RpcError`, whose text the scrubber cannot clean.

    Args:
        path: The method's path.
        code: The status.
        said: What the server, or gRPC itself, said.
        details: The serialized `google.rpc.Status`, if there was one.
        retry_after: Seconds from the metadata `retry-after`, if there was one.
    """

    def __init__(
        self, path: str, code: grpc.StatusCode, said: str, details: bytes = b"", retry_after: float | None = None
    ) -> None:
        super().__init__(f"{path}: {code.name}: {said}")
        self.path = path
        self.code = code
        self.said = said
        self.details = details
        self.retry_after = retry_after

    @property
    def maybe_applied(self) -> bool:
        """Whether the call may have changed something although it failed."""
        return self.code in OPEN_END and not self.path.rpartition("/")[2].startswith(READS)

    @classmethod
    def of(cls, path: str, error: Any) -> CallFailed:
        """Take what matters from gRPC's own error."""
        trailing = dict(error.trailing_metadata() or ())
        asked = str(trailing.get("retry-after", ""))
        details = trailing.get(DETAILS, b"")
        return cls(path, error.code(), error.details() or "", details, float(asked) if asked.isdigit() else None)


def translated(failed: CallFailed) -> DragomanError:
    """Return our error for a status, with what its details say."""
    said = failed.said.lower()
    message = f"Viam answered {failed.code.name}: {failed.said}"
    if failed.code is Code.RESOURCE_EXHAUSTED and any(text in said for text in OVERSIZE):
        return InvalidData(message, hint="The setting `message_mib` limits messages; Viam has limits of its own.")
    if failed.code is Code.UNAVAILABLE and any(text in said for text in NEVER_SENT):
        return Unavailable(f"Viam cannot be reached: {failed.said}", hint="Check the endpoint.")
    found = _Details(failed.details)
    return KINDS[failed.code](
        ". ".join([message, *found.texts]),
        retry_after=found.retry_after if found.retry_after is not None else failed.retry_after,
        request_id=found.request_id,
        field=found.field,
        maybe_applied=failed.maybe_applied,
    )


class _Details:
    """What a `google.rpc.Status` says beyond its message."""

    def __init__(self, serialized: bytes) -> None:
        self.texts: list[str] = []
        self.retry_after: float | None = None
        self.request_id: str | None = None
        self.field: str | None = None
        if serialized:
            self._read(serialized)

    def _read(self, serialized: bytes) -> None:
        from google.protobuf.message import DecodeError
        from google.rpc import error_details_pb2, status_pb2

        try:
            details = list(status_pb2.Status.FromString(serialized).details)
            for detail in details:
                kind = getattr(error_details_pb2, detail.TypeName().rpartition(".")[2], None)
                if kind is not None and kind.DESCRIPTOR.name in self._READERS:
                    self._READERS[kind.DESCRIPTOR.name](self, kind.FromString(detail.value))
        except DecodeError:
            # The status itself stands; what was to explain it is not readable.
            self.texts.append("Its details cannot be read")

    def _bad_request(self, detail: Any) -> None:
        for violation in detail.field_violations:
            self.field = self.field or violation.field
            self.texts.append(f"{violation.field}: {violation.description}")

    def _precondition(self, detail: Any) -> None:
        self.texts += [violation.description for violation in detail.violations]

    def _retry(self, detail: Any) -> None:
        self.retry_after = detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9

    def _request(self, detail: Any) -> None:
        self.request_id = detail.request_id

    def _info(self, detail: Any) -> None:
        self.texts.append(f"Reason {detail.reason} of {detail.domain}")

    _READERS: dict[str, Callable[[_Details, Any], None]] = {
        "BadRequest": _bad_request,
        "PreconditionFailure": _precondition,
        "RetryInfo": _retry,
        "RequestInfo": _request,
        "ErrorInfo": _info,
    }


def _http(error: HTTPError) -> DragomanError:
    return from_status(error.code, f"Viam answered {error.code} to a download: {error.reason}.")


ERRORS: ErrorTable = {
    CallFailed: translated,
    HTTPError: _http,
    URLError: lambda error: Unavailable(f"A file cannot be fetched: {error.reason}."),
    TimeoutError: lambda error: Timeout(f"A file did not come in time: {error}."),
    ConnectionError: lambda error: Unavailable(f"The connection to a file broke: {error}."),
    OSError: lambda error: InvalidData(f"A file cannot be read or written: {error}."),
    HTTPException: lambda error: Unavailable(f"The connection to a file broke: {error!r}."),
    UnicodeEncodeError: lambda error: InvalidData(f"A text is no Unicode: {error}."),
}
