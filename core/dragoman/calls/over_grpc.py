"""What plugins that speak gRPC share: which of our errors a status code is, and which codes leave the outcome open.

grpcio is imported here; a plugin that uses this asks for it itself.
"""

from __future__ import annotations

import grpc

from dragoman.errors import (
    AuthenticationError,
    Conflict,
    DragomanError,
    InvalidData,
    NotFound,
    PermissionDenied,
    PlatformError,
    RateLimited,
    Timeout,
    Unavailable,
    Unsupported,
)

Code = grpc.StatusCode
KINDS: dict[grpc.StatusCode, type[DragomanError]] = {
    Code.CANCELLED: Unavailable,
    Code.UNKNOWN: PlatformError,
    Code.INVALID_ARGUMENT: InvalidData,
    Code.DEADLINE_EXCEEDED: Timeout,
    Code.NOT_FOUND: NotFound,
    Code.ALREADY_EXISTS: Conflict,
    Code.PERMISSION_DENIED: PermissionDenied,
    Code.UNAUTHENTICATED: AuthenticationError,
    Code.RESOURCE_EXHAUSTED: RateLimited,
    Code.FAILED_PRECONDITION: Conflict,
    Code.ABORTED: Conflict,
    Code.OUT_OF_RANGE: InvalidData,
    Code.UNIMPLEMENTED: Unsupported,
    Code.INTERNAL: PlatformError,
    Code.UNAVAILABLE: Unavailable,
    Code.DATA_LOSS: PlatformError,
}
"""The error of each status code (gRPC's own documentation of them)."""
OPEN_END = (Code.CANCELLED, Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.UNAVAILABLE, Code.DATA_LOSS)
"""Codes that leave open whether the call was carried out."""
