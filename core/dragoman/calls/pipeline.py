"""One call from the core to a platform: observers, limiter, translation, error binding, retry.

Retry is by tenacity: full jitter, `Retry-After` honoured. What is not repeatable is sent again only when it
certainly did not arrive; otherwise it becomes `OutcomeUnknown` and the facet looks it up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, NoReturn, TypeVar

import tenacity

from dragoman.calls.ahead import coming
from dragoman.calls.binding import ErrorTable, bind
from dragoman.calls.limits import Limits
from dragoman.calls.scrub import Scrubber
from dragoman.errors import DragomanError, InvalidData, OutcomeUnknown, PluginError

logger = logging.getLogger("dragoman.calls")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Operation:
    """A public operation of a facet.

    Args:
        facet: Name of the facet, such as `"models"`.
        name: Name of the operation, such as `"create"`.
        repeatable: Sending it twice does no more than sending it once (reads; writes keyed by id).
        composed_of: Operations that the core makes this one of where a platform has no such call.
    """

    facet: str
    name: str
    repeatable: bool = True
    composed_of: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.facet}.{self.name}"


@dataclass(slots=True)
class Call:
    """One call as observers see it: `seconds` and `error` are set when it has ended.

    Args:
        platform: Name of the backend.
        operation: What is called.
        attempts: How often it was tried.
        doubtful: Whether an attempt failed that may have been carried out all the same.
    """

    platform: str
    operation: Operation
    attempts: int = 0
    doubtful: bool = False
    started: float = field(default_factory=time.perf_counter)
    seconds: float | None = None
    error: DragomanError | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing. `next` is the cursor of the page after it, None or empty at the end."""

    items: Iterable[T]
    next: str | None = None


class Pipeline:
    """Carries the calls of one backend.

    Args:
        platform: Name of the backend, for errors and observers.
        errors: The plugin's table of vendor exceptions.
        limits: What the platform bears.
        scrubber: Knows the secrets.
        hooks: The observers, as pluggy's hook caller.
        sleep: Waits that many seconds; tests put their own here.
    """

    def __init__(
        self,
        platform: str,
        *,
        errors: ErrorTable,
        limits: Limits,
        scrubber: Scrubber,
        hooks: Any,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.platform = platform
        self.limits = limits
        self._errors = errors
        self._scrubber = scrubber
        self._hooks = hooks
        self._jitter = tenacity.wait_random_exponential(multiplier=0.5, max=30)
        self._acquire = _limiter(platform, limits)
        self._sleep = sleep

    def call(self, operation: Operation, translate: Callable[..., T], *arguments: Any) -> T:
        """Return `translate(*arguments)`, surrounded by everything a call needs.

        Raises:
            DragomanError: The call failed for good; the vendor's exception is the cause.
        """
        return self.carry(operation, translate, *arguments)[0]

    def carry(self, operation: Operation, translate: Callable[..., T], *arguments: Any) -> tuple[T, Call]:
        """Do what `call` does, and return the call with the result."""
        with self._observed(operation) as call:
            return self._retrying(operation)(self._attempt, call, translate, arguments), call

    def stream(self, operation: Operation, translate: Callable[..., Iterator[T]], *arguments: Any) -> Iterator[T]:
        """Yield what `translate(*arguments)` yields. Its errors are bound; a stream that broke is not begun again."""
        with self._observed(operation) as call:
            call.attempts = 1
            self._acquire()
            try:
                yield from translate(*arguments)
            except Exception as cause:  # whatever a vendor's SDK raises becomes an error of ours
                self._fail(call, cause)

    def warn(self, what: str) -> None:
        """Tell the log of something that a call does not fail for."""
        logger.warning("%s: %s", self.platform, self._scrubber.text(what))

    def refuse(self, error: InvalidData, policy: Literal["raise", "skip"]) -> None:
        """Refuse something that is on the platform and that no row can be made of.

        Args:
            error: What is wrong, and with what.
            policy: `"skip"` it with a line in the log, or fail for it.
        """
        if policy == "raise":
            raise error
        self.warn(f"Left out: {error.message}")

    @contextmanager
    def _observed(self, operation: Operation) -> Iterator[Call]:
        call = Call(self.platform, operation)
        self._hooks.dragoman_before_call(call=call)
        try:
            yield call
        except DragomanError as error:
            call.error = error
            raise
        finally:
            call.seconds = time.perf_counter() - call.started
            logger.debug("%s %s: %d attempts, %s", call.platform, operation, call.attempts, call.error or "ok")
            self._hooks.dragoman_after_call(call=call)

    def pages(self, operation: Operation, fetch: Callable[[str | None, int], Page[T]], size: int | None) -> Iterator[T]:
        """Yield the items of all pages, one call per page: when it is needed, or sooner in `reading_ahead`."""
        ask = partial(self.carry, operation, fetch)
        size = size or self.limits.page_size
        cursor: str | None = None
        page, call = ask(cursor, size)
        while True:
            if not isinstance(page, Page):
                raise self._broken(operation, f"A {type(page).__name__} was returned in the place of a Page")
            # Many platforms say with an empty text that there are no more.
            later = coming(ask, page.next, size) if page.next and page.next != cursor else None
            try:
                yield from page.items
            except Exception as cause:  # items that are made as they are asked for fail when the call has ended
                self._fail(call, cause)
            if not page.next:
                return
            if later is None:
                raise self._broken(operation, f"Page {cursor!r} names itself as the next")
            cursor = page.next
            page, call = later()

    def _broken(self, operation: Operation, what: str) -> PluginError:
        return PluginError(f"{what}.", platform=self.platform, operation=str(operation))

    def _retrying(self, operation: Operation) -> tenacity.Retrying:
        def again(error: BaseException) -> bool:
            return isinstance(error, DragomanError) and error.retryable

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(again),
            wait=self._wait,
            stop=tenacity.stop_after_attempt(self.limits.attempts) | tenacity.stop_before_delay(self.limits.deadline),
            sleep=self._sleep,
            reraise=True,
        )

    def _attempt(self, call: Call, translate: Callable[..., T], arguments: Sequence[Any]) -> T:
        call.attempts += 1
        self._acquire()
        try:
            return translate(*arguments)
        except Exception as cause:  # whatever a vendor's SDK raises becomes an error of ours
            self._fail(call, cause)

    def _fail(self, call: Call, cause: Exception) -> NoReturn:
        """Raise our error for a vendor's, with the facts of the call."""
        error = bind(cause, self._errors, self._scrubber)
        call.doubtful = call.doubtful or error.maybe_applied
        if error.maybe_applied and not call.operation.repeatable:
            error = OutcomeUnknown(
                f"The request was sent and its answer was lost ({error.message})",
                hint="Look the thing up before you send it again.",
            )
        error.platform = error.platform or self.platform
        error.operation = error.operation or str(call.operation)
        if error is cause:
            raise error
        raise error from cause

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after", None)
        return float(asked) if asked is not None else self._jitter(state)


def _limiter(name: str, limits: Limits) -> Callable[[], object]:
    if limits.calls_per_second is None:
        return lambda: None
    from pyrate_limiter import Duration, Limiter, Rate

    limiter = Limiter(Rate(limits.calls_per_second, Duration.SECOND))
    return lambda: limiter.try_acquire(name)
