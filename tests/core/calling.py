"""A pipeline to make calls with: a clock that only sleeping moves, and an observer that writes down what it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memory import hook_caller

from dragoman import (
    hookimpl,
)
from dragoman.calls.limits import Limits
from dragoman.calls.pipeline import Call, Operation, Pipeline
from dragoman.calls.scrub import Scrubber

READ = Operation("models", "get")
CREATE = Operation("models", "create", repeatable=False)
SECRET = "sk-live-0123456789"


class Observer:
    """Writes down what the hooks tell."""

    def __init__(self) -> None:
        self.before: list[Call] = []
        self.after: list[Call] = []

    @hookimpl
    def dragoman_before_call(self, call: Call) -> None:
        assert call.seconds is None
        self.before.append(call)

    @hookimpl
    def dragoman_after_call(self, call: Call) -> None:
        self.after.append(call)


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def make(clock: Clock, *observers: object, errors: Any = None, **limits: Any) -> Pipeline:
    return Pipeline(
        "acme",
        errors=errors or {},
        limits=Limits(**limits),
        scrubber=Scrubber([SECRET]),
        hooks=hook_caller(*observers),
        sleep=clock.sleep,
    )


def failing(*errors: Exception | None) -> Callable[[], str]:
    """Return a translation that raises these in turn; None, and the end, answer."""
    left = list(errors)

    def translate() -> str:
        error = left.pop(0) if left else None
        if error is not None:
            raise error
        return "answer"

    return translate
