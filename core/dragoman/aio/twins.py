"""Asynchronous twins of single operations. Each is declared with the synchronous method that it runs and is typed by.

class AsyncModels(AsyncFacet):
    create = Call(Models.create)      # await models.create("detector", task=..., features=...)
    list = Stream(Models.list)        # async for model in models.list()
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial, update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import anyio
from anyio import from_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from dragoman.aio.threads import Stopped, Workers
from dragoman.interface import Facet

P = ParamSpec("P")
T = TypeVar("T")
Row = TypeVar("Row")
Function = TypeVar("Function", bound=Callable[..., Any])

ROWS_AHEAD = 256
"""Rows of an asynchronous source that may wait for the thread that writes them."""


class AsyncFacet:
    """Base of the asynchronous facets.

    Args:
        facet: The facet of a connected backend.
        workers: Where its calls run.
    """

    def __init__(self, facet: Facet, workers: Workers) -> None:
        self._facet = facet
        self._workers = workers

    def supports(self, operation: str) -> bool:
        """Return whether the adapter translates an operation of this facet; composition by the core is left aside."""
        return self._facet.supports(operation)

    def __repr__(self) -> str:
        return f"<async {repr(self._facet)[1:]}"


class _Twin:
    """What the kinds of twins share: the method that they run."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._name = method.__name__
        self.__doc__ = method.__doc__

    def _bound(self, facet: AsyncFacet) -> Callable[..., Any]:
        """Return the method of the adapter's own facet, which may be another than the one that was declared."""
        bound: Callable[..., Any] = getattr(facet._facet, self._name)
        return bound


class Call(_Twin, Generic[P, T]):
    """An operation that returns one thing, to be awaited."""

    def __init__(self, method: Callable[Concatenate[Any, P], T]) -> None:
        super().__init__(method)

    @overload
    def __get__(self, facet: None, owner: type) -> Self: ...

    @overload
    def __get__(self, facet: AsyncFacet, owner: type) -> Callable[P, Awaitable[T]]: ...

    def __get__(self, facet: AsyncFacet | None, owner: type) -> Self | Callable[P, Awaitable[T]]:
        if facet is None:
            return self
        method, workers = self._bound(facet), facet._workers

        async def call(*arguments: P.args, **named: P.kwargs) -> T:
            return await workers.run(partial(method, *arguments, **named))

        return _like(method, call)


class Stream(_Twin, Generic[P, T]):
    """An operation that yields rows, for `async for`. Its errors come with the first row, at the earliest."""

    def __init__(self, method: Callable[Concatenate[Any, P], Iterator[T]]) -> None:
        super().__init__(method)

    @overload
    def __get__(self, facet: None, owner: type) -> Self: ...

    @overload
    def __get__(self, facet: AsyncFacet, owner: type) -> Callable[P, AsyncIterator[T]]: ...

    def __get__(self, facet: AsyncFacet | None, owner: type) -> Self | Callable[P, AsyncIterator[T]]:
        if facet is None:
            return self
        method, workers = self._bound(facet), facet._workers

        def stream(*arguments: P.args, **named: P.kwargs) -> AsyncIterator[T]:
            return workers.iterate(partial(method, *arguments, **named))

        return _like(method, stream)


class Write(_Twin, Generic[Row, P, T]):
    """A bulk write, to be awaited. Its rows may come from an asynchronous source, which is read as they are written."""

    def __init__(self, method: Callable[Concatenate[Any, Iterable[Row], P], T]) -> None:
        super().__init__(method)

    @overload
    def __get__(self, facet: None, owner: type) -> Self: ...

    @overload
    def __get__(
        self, facet: AsyncFacet, owner: type
    ) -> Callable[Concatenate[Iterable[Row] | AsyncIterable[Row], P], Awaitable[T]]: ...

    def __get__(
        self, facet: AsyncFacet | None, owner: type
    ) -> Self | Callable[Concatenate[Iterable[Row] | AsyncIterable[Row], P], Awaitable[T]]:
        if facet is None:
            return self
        method, workers = self._bound(facet), facet._workers

        async def write(*arguments: Any, **named: Any) -> T:
            # As with the method, the rows may be given by their name.
            rows = arguments[0] if arguments else named.get("rows")
            if not isinstance(rows, AsyncIterable):
                return await workers.run(partial(method, *arguments, **named))
            source: _Source[Row] = _Source(rows)
            named.pop("rows", None)
            return await source.feeding(workers, partial(method, source.read(), *arguments[1:], **named))

        return _like(method, write)


class _Source(Generic[Row]):
    """Rows on their way from an asynchronous source to the thread that writes them."""

    def __init__(self, rows: AsyncIterable[Row]) -> None:
        self._rows = rows
        self._complete = False
        self._error: Exception | None = None
        self._send: MemoryObjectSendStream[Row]
        self._receive: MemoryObjectReceiveStream[Row]
        self._send, self._receive = anyio.create_memory_object_stream[Row](ROWS_AHEAD)

    async def feeding(self, workers: Workers, write: Callable[[], T]) -> T:
        """Return what `write` returns in a worker thread, while the rows are taken from the source here."""
        written: list[T] = []
        failure: Exception | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._feed)
            try:
                written.append(await workers.run(write, on_stop=self._send.close))
            except Exception as error:  # any: raised inside of the group, it would come as a group of errors
                failure = error
            group.cancel_scope.cancel()
        self._receive.close()
        if failure is not None:
            raise failure
        return written[0]

    async def _feed(self) -> None:
        with self._send:
            try:
                async for row in self._rows:
                    await self._send.send(row)
                self._complete = True
            except Exception as error:  # whatever the caller's rows raise is raised where they are written
                self._error = error

    def read(self) -> Iterator[Row]:
        """Yield the rows, in a worker thread.

        Raises:
            Exception: What the source raised, after the rows before it.
        """
        with suppress(anyio.EndOfStream, CancelledError):
            while True:
                yield from_thread.run(self._receive.receive)
        if self._error is not None:
            raise self._error
        if not self._complete:
            raise Stopped


def _like(method: Callable[..., Any], twin: Function) -> Function:
    """Return the twin with the name and the documentation of its method."""
    update_wrapper(twin, method)
    return twin
