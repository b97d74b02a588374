"""Asking for several things at once and giving the answers in the order of the questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def asked_ahead(ask: Callable[[T], R], things: Iterable[T], pool: ThreadPoolExecutor, most: int) -> Iterator[R]:
    """Yield `ask(thing)` for each thing, in their order.

    Args:
        ask: Called in threads of the pool.
        things: Taken as they are needed, never more than `most` ahead of what was yielded.
        pool: The threads.
        most: Questions that are asked or answered and not yet yielded.
    """
    pending: deque[Future[R]] = deque()
    try:
        for thing in things:
            pending.append(pool.submit(ask, thing))
            if len(pending) == most:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
