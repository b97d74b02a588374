"""Every status of gRPC has a counterpart, with what its details say."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from dragoman import Conflict, InvalidData, NotFound, PlatformError, RateLimited, Timeout, Unavailable, Unsupported
from dragoman.calls.binding import bind
from dragoman.calls.over_grpc import KINDS
from dragoman.calls.scrub import Scrubber
from dragoman_viam.errors import ERRORS, CallFailed, translated
from dragoman_viam.messages import SERVICES, modules

Code = grpc.StatusCode
PATH = "/viam.app.v1.AppService/CreateRegistryItem"


def failed(code: Any, said: str = "no", *details: Any) -> CallFailed:
    """A failed call whose status has these details."""
    status = status_pb2.Status()
    for detail in details:
        status.details.add().Pack(detail)
    return CallFailed(PATH, code, said, status.SerializeToString() if details else b"")


def test_every_status_has_a_counterpart() -> None:
    assert set(KINDS) == set(Code) - {Code.OK}


@pytest.mark.parametrize(
    ("code", "kind", "maybe_applied"),
    [
        (Code.NOT_FOUND, NotFound, False),
        (Code.ALREADY_EXISTS, Conflict, False),
        (Code.FAILED_PRECONDITION, Conflict, False),
        (Code.INVALID_ARGUMENT, InvalidData, False),
        (Code.UNIMPLEMENTED, Unsupported, False),
        (Code.RESOURCE_EXHAUSTED, RateLimited, False),
        (Code.UNAVAILABLE, Unavailable, True),
        (Code.CANCELLED, Unavailable, True),
        (Code.DEADLINE_EXCEEDED, Timeout, True),
        (Code.INTERNAL, PlatformError, True),
    ],
)
def test_a_status_is_one_of_our_errors(code: Any, kind: type, maybe_applied: bool) -> None:
    bound = bind(failed(code, "the reason"), ERRORS, Scrubber([]))
    assert type(bound) is kind
    assert bound.maybe_applied is maybe_applied
    assert "the reason" in bound.message


@pytest.mark.parametrize("service", SERVICES)
def test_what_only_reads_leaves_nothing_open(service: str) -> None:
    (full, _), kept = SERVICES[service], ("Get", "List", "Authenticate")
    for method in modules()[service].DESCRIPTOR.services_by_name[full.rpartition(".")[2]].methods_by_name:
        bound = translated(CallFailed(f"/{full}/{method}", Code.UNAVAILABLE, "Socket closed"))
        if method.startswith(kept):
            assert not bound.maybe_applied, method
        if method.startswith(("Add", "Cancel", "Delete", "Remove", "Submit", "Update", "FileUpload", "CreateDataset")):
            assert bound.maybe_applied, method


@pytest.mark.parametrize(
    "said",
    [
        "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:9: Connection refused",
        "DNS resolution failed for nowhere.invalid:443",
    ],
)
def test_what_never_left_was_not_applied(said: str) -> None:
    bound = translated(failed(Code.UNAVAILABLE, said))
    assert (type(bound), bound.maybe_applied) == (Unavailable, False)
    assert "endpoint" in (bound.hint or "")


@pytest.mark.parametrize(
    "said", ["Sent message larger than max (5 vs. 4)", "SERVER: Received message larger than max (5 vs. 4)"]
)
def test_a_message_that_is_too_large_is_no_rate_limit(said: str) -> None:
    bound = translated(failed(Code.RESOURCE_EXHAUSTED, said))
    assert isinstance(bound, InvalidData)
    assert "message_mib" in (bound.hint or "")


def test_details_name_the_field() -> None:
    violation = error_details_pb2.BadRequest.FieldViolation(field="tags", description="too few examples")
    bound = translated(failed(Code.INVALID_ARGUMENT, "bad", error_details_pb2.BadRequest(field_violations=[violation])))
    assert bound.field == "tags"
    assert "too few examples" in bound.message


def test_details_say_when_to_come_back_and_which_request_it_was() -> None:
    retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000))
    request = error_details_pb2.RequestInfo(request_id="r-7")
    bound = translated(failed(Code.RESOURCE_EXHAUSTED, "slow", retry, request))
    assert (bound.retry_after, bound.request_id) == (2.5, "r-7")


def test_details_give_reasons() -> None:
    info = error_details_pb2.ErrorInfo(reason="QUOTA", domain="viam.com")
    condition = error_details_pb2.PreconditionFailure.Violation(description="it is still running")
    broken = error_details_pb2.PreconditionFailure(violations=[condition])
    message = translated(failed(Code.FAILED_PRECONDITION, "no", info, broken)).message
    assert "QUOTA" in message
    assert "still running" in message


def test_details_that_cannot_be_read_leave_the_status() -> None:
    bound = translated(CallFailed(PATH, Code.NOT_FOUND, "gone", b"\xff\xff\xff"))
    assert isinstance(bound, NotFound)
    assert "gone" in bound.message


def test_details_of_a_kind_that_is_not_known_are_passed_over() -> None:
    bound = translated(failed(Code.NOT_FOUND, "gone", error_details_pb2.Help(), Duration(seconds=1)))
    assert isinstance(bound, NotFound)


def test_a_secret_in_a_status_is_masked_in_the_error_and_in_its_cause() -> None:
    cause = failed(Code.UNAUTHENTICATED, "the key KEY-1 is wrong")
    bound = bind(cause, ERRORS, Scrubber(["KEY-1"]))
    assert "KEY-1" not in f"{bound}{bound!r}{cause}{cause!r}{vars(cause)}"
