"""What Nucleus has and no facet names: methods of the platform's own, reached as `backend.slices` and the like.

Each goes through the adapter's pipeline as a facet's operation does: observers, limiter, retry, errors, scrubbing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

from dragoman.calls.pipeline import Operation, Page

E = TypeVar("E", bound="Extension")
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Extension:
    """Base of the platform's own subjects. `name` is the attribute under which the backend has one."""

    name: ClassVar[str]

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    @property
    def _client(self) -> Any:
        return self._adapter.client

    def _pages(
        self, operation: str, fetch: Callable[[str | None, int], Page[T]], size: int | None = None
    ) -> Iterator[T]:
        """Iterate over a listing, each page of which is a call of its own."""
        pages: Iterator[T] = self._adapter.pipeline.pages(Operation(self.name, operation), fetch, size)
        return pages

    def __repr__(self) -> str:
        return f"<nucleus {self.name}>"


def carried(*, repeatable: bool = True) -> Callable[[Callable[Concatenate[E, P], R]], Callable[Concatenate[E, P], R]]:
    """Send a method through the pipeline.

    Args:
        repeatable: Sending it twice does no more than sending it once. What is not repeatable and loses its answer
            raises `OutcomeUnknown`.
    """

    def mark(method: Callable[Concatenate[E, P], R]) -> Callable[Concatenate[E, P], R]:
        @wraps(method)
        def call(self: E, /, *args: P.args, **kwargs: P.kwargs) -> R:
            operation = Operation(self.name, method.__name__, repeatable)
            result: R = self._adapter.pipeline.call(operation, lambda: method(self, *args, **kwargs))
            return result

        return call

    return mark
