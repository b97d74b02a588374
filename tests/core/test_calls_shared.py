"""What plugins share around their calls: errors of httpx and gRPC, files that come whole, questions asked ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import msgspec
import pytest

from dragoman import InvalidData, PlatformError, Unavailable
from dragoman.calls.ahead import asked_ahead
from dragoman.calls.binding import bind
from dragoman.calls.over_grpc import KINDS
from dragoman.calls.over_http import asked_to_wait, save, transport_errors
from dragoman.calls.scrub import Scrubber
from dragoman.errors import DragomanError, Timeout

ERRORS = transport_errors("Acme")


def subclasses(kind: type[Exception]) -> Iterator[type[Exception]]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_exception_of_httpx_has_a_counterpart() -> None:
    for kind in (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, *subclasses(httpx.HTTPError)):
        assert any(base in ERRORS for base in kind.__mro__), kind


@pytest.mark.parametrize(
    ("error", "kind", "maybe_applied"),
    [
        (httpx.ConnectError("x"), Unavailable, False),
        (httpx.ReadError("x"), Unavailable, True),
        (httpx.ReadTimeout("x"), Timeout, True),
        (httpx.ConnectTimeout("x"), Unavailable, False),
        (httpx.UnsupportedProtocol("x"), InvalidData, False),
        (msgspec.DecodeError("x"), PlatformError, True),
        (KeyError("id"), PlatformError, True),
    ],
)
def test_an_error_says_whether_the_request_may_have_been_carried_out(
    error: Exception, kind: type[DragomanError], maybe_applied: bool
) -> None:
    found = bind(error, ERRORS, Scrubber([]))
    assert (type(found), found.maybe_applied) == (kind, maybe_applied)
    assert "Acme" in found.message or kind is InvalidData


def test_every_code_of_grpc_but_success_has_an_error() -> None:
    assert set(KINDS) == set(grpc.StatusCode) - {grpc.StatusCode.OK}


@pytest.mark.parametrize(("header", "seconds"), [("3", 3.0), ("soon", None), ("", None)])
def test_a_wait_is_read_where_it_is_a_number(header: str, seconds: float | None) -> None:
    assert asked_to_wait({"Retry-After": header}) == seconds


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise httpx.ReadError("cut")

    with pytest.raises(httpx.ReadError):
        save(broken(), tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
    assert save([b"a", b"b"], tmp_path / "file").read_bytes() == b"ab"


class TestAskedAhead:
    def test_answers_come_in_the_order_of_the_questions(self) -> None:
        later = threading.Event()

        def ask(number: int) -> int:
            if number == 0:
                later.wait(10)
            else:
                later.set()
            return number

        with ThreadPoolExecutor(2) as pool:
            assert list(asked_ahead(ask, range(5), pool, 4)) == list(range(5))

    def test_questions_are_taken_no_further_ahead_than_told(self) -> None:
        taken: list[int] = []

        def questions() -> Iterator[int]:
            for number in range(10):
                taken.append(number)
                yield number

        with ThreadPoolExecutor(1) as pool:
            answers = asked_ahead(lambda number: number, questions(), pool, 3)
            assert next(answers) == 0
            assert taken == [0, 1, 2]

    def test_an_error_ends_the_answers_at_its_place(self) -> None:
        def ask(number: int) -> int:
            return 1 // (2 - number)

        with ThreadPoolExecutor(2) as pool:
            answers = asked_ahead(ask, range(9), pool, 4)
            assert [next(answers), next(answers)] == [0, 1]
            with pytest.raises(ZeroDivisionError):
                next(answers)
