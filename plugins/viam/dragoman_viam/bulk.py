"""What the answers to many concurrent calls say of the rows behind them. No call of Viam's writes several rows."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from dragoman.errors import Conflict, DragomanError, InvalidData, NotFound
from dragoman.schema import RowResult
from dragoman_viam.errors import CallFailed, translated

FOUND = RowResult("created", reason="Found by look-up: Viam holds the row as it was sent.")
_OF_THE_ROW = (InvalidData, NotFound, Conflict)
"""What a call refuses because of what was sent, and not because of who sent it or when."""


class Attempts(threading.local):
    """What earlier attempts at a batch have sent; the core tries a batch again in the same thread, with the same list.

    So a row that an earlier attempt wrote is told apart from one that was there before.
    """

    def __init__(self) -> None:
        self._batch: Sequence[Any] | None = None
        self._sent: set[Hashable] = set()

    def of(self, batch: Sequence[Any]) -> set[Hashable]:
        """Return what was sent of a batch so far; to be added to."""
        if batch is not self._batch:
            self._batch, self._sent = batch, set()
        return self._sent


def rejection(error: DragomanError) -> RowResult:
    """Return the outcome of a row that is refused for its own sake."""
    return RowResult("rejected", reason=error.message)


def rejections(answers: Iterable[Any]) -> list[RowResult | None]:
    """Return the outcomes of the calls that were refused for the sake of what was sent; None for those that were not.

    Raises:
        DragomanError: A call failed otherwise, so that all are to be tried again; others may have been carried out.
    """
    refused: list[RowResult | None] = []
    failure: DragomanError | None = None
    cause: Exception | None = None
    for answer in answers:
        error = _error(answer)
        if error is not None and not isinstance(error, _OF_THE_ROW):
            failure, cause = failure or error, cause or answer
        refused.append(rejection(error) if isinstance(error, _OF_THE_ROW) else None)
    if failure is not None:
        failure.maybe_applied = failure.maybe_applied or len(refused) > 1
        raise failure from cause
    return refused


def _error(answer: Any) -> DragomanError | None:
    if isinstance(answer, CallFailed):
        return translated(answer)
    return answer if isinstance(answer, DragomanError) else None
