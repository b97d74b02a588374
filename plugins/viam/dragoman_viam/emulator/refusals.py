"""What the emulator refuses, as gRPC statuses with details in the form of `google.rpc.Status`."""

from __future__ import annotations

from typing import Any

import grpc

DETAILS = "grpc-status-details-bin"


class Refusal(Exception):
    """A status other than OK.

    Args:
        code: The status.
        message: What is wrong.
        details: Messages of `google.rpc.error_details` that explain it.
    """

    def __init__(self, code: grpc.StatusCode, message: str, *details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    @property
    def reason(self) -> str:
        """What is wrong, also where the details tell it."""
        told = [one.description for detail in self.details for one in getattr(detail, "field_violations", ())]
        return "; ".join(told) or self.message

    def trailing(self) -> tuple[tuple[str, bytes], ...]:
        """Return the trailing metadata that carry the details."""
        if not self.details:
            return ()
        from google.rpc import status_pb2

        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            status.details.add().Pack(detail)
        return ((DETAILS, status.SerializeToString()),)


def invalid(message: str, field: str = "") -> Refusal:
    """Refuse an argument; `field` is told apart in the details."""
    from google.rpc import error_details_pb2

    if not field:
        return Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
    violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
    detail = error_details_pb2.BadRequest(field_violations=[violation])
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, "invalid request", detail)


def missing(what: str, name: str) -> Refusal:
    """Refuse a name that nothing has."""
    return Refusal(grpc.StatusCode.NOT_FOUND, f"{what} {name!r} not found")


def exists(what: str, name: str) -> Refusal:
    """Refuse a second thing of one name."""
    return Refusal(grpc.StatusCode.ALREADY_EXISTS, f"{what} {name!r} already exists")


def too_early(message: str) -> Refusal:
    """Refuse what the state of a thing does not allow."""
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, message)


def unimplemented(message: str) -> Refusal:
    """Refuse what the platform does and the emulator does not."""
    return Refusal(grpc.StatusCode.UNIMPLEMENTED, message)


def denied(message: str) -> Refusal:
    """Refuse what the key may not do."""
    return Refusal(grpc.StatusCode.PERMISSION_DENIED, message)


def unauthenticated(message: str) -> Refusal:
    """Refuse a caller who is not known."""
    return Refusal(grpc.StatusCode.UNAUTHENTICATED, message)
