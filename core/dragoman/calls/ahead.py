"""Asking before the answer is needed: for several things at once, or for one while others are used."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


_WANTED = ContextVar("read ahead", default=False)


@contextmanager
def reading_ahead() -> Iterator[None]:
    """While the context lasts, each page of a listing is fetched while the items of the one before it are used.

    It is for those who want all of it: whoever stops early has asked for a page in vain, and is not waiting for it.
    """
    before = _WANTED.set(True)
    try:
        yield
    finally:
        _WANTED.reset(before)


def coming(ask: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Callable[[], R]:
    """Return what gives the answer: in `reading_ahead` it is asked for now, in a thread, else when it is needed.

    The caller's context variables hold in the thread too, such as the span that it is in. Nobody waits for the thread
    whose answer is not needed any more, not even the end of the process.
    """
    if not _WANTED.get():
        return lambda: ask(*args, **kwargs)
    context, answer = copy_context(), Future[R]()

    def work() -> None:
        try:
            answer.set_result(context.run(ask, *args, **kwargs))
        except BaseException as error:  # whatever it is, it is raised where the answer is needed
            answer.set_exception(error)

    threading.Thread(target=work, name="ahead", daemon=True).start()
    return answer.result


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
