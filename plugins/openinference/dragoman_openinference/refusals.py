"""What a server refuses, as it says it; `errors` makes ours of them. No gRPC is imported."""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.errors import Unsupported

ABSENT = ("ModelNotFound", "failed to poll from model repository", "failed to get model version from")
"""What servers say of a model that is not there under codes of other meanings, seen at MLServer 1.7.1 (gRPC: UNKNOWN)
and Triton 2.51 (loading: 500 and INTERNAL; a version that is no number: INVALID_ARGUMENT)."""


def _says_absent(message: str) -> bool:
    return any(words in message for words in ABSENT)


class RestRefused(Exception):
    """A server answered with an error status.

    Args:
        status: The HTTP status.
        message: What it says.
        headers: The headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"The server answered {status}.")
        self.status = status
        self.message = message
        self.headers = headers
        self.absent = status == 404 or _says_absent(message)
        """Whether what was asked for is not there."""


class GrpcRefused(Exception):
    """A call that ended with a status other than OK.

    It takes the place of `grpc.RpcError`, whose text the scrubber cannot clean.

    Args:
        code: Name of the status, such as `NOT_FOUND`.
        message: What the server, or gRPC itself, says.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.absent = code == "NOT_FOUND" or _says_absent(message)
        """Whether what was asked for is not there."""


def lists_no_models() -> Unsupported:
    """Return the error of a server without the extension for its repository."""
    return Unsupported("This server does not list its models.", hint="Name them: models.get(NAME).")
