"""What servers refuse, over REST and over gRPC, and ours: one table."""

from __future__ import annotations

from dragoman.calls.binding import ErrorTable, from_status
from dragoman.calls.over_http import asked_to_wait, transport_errors
from dragoman.errors import DragomanError, NotFound, PlatformError
from dragoman_openinference.refusals import GrpcRefused, RestRefused

LENGTH = 500
"""Characters of a message that are shown: MLServer repeats the tensors that it refuses."""
FAILED = 500
"""The status of a model that fails. It would fail again, so it is not tried again."""


def _rest(error: RestRefused) -> DragomanError:
    text = _text(str(error.status), error.message)
    if error.absent:
        return NotFound(text)
    if error.status == FAILED:
        return PlatformError(text)
    return from_status(error.status, text, retry_after=asked_to_wait(error.headers))


def _grpc(error: GrpcRefused) -> DragomanError:
    text = _text(error.code, error.message)
    if error.absent:
        return NotFound(text)
    # Whoever was refused has gRPC.
    from dragoman.calls.over_grpc import KINDS, Code

    return KINDS[Code[error.code]](text)


def _text(status: str, message: str) -> str:
    said = " ".join(message.split())[:LENGTH]
    return f"The server answered {status}: {said}" if said else f"The server answered {status}."


ERRORS: ErrorTable = {**transport_errors("The server"), RestRefused: _rest, GrpcRefused: _grpc}
