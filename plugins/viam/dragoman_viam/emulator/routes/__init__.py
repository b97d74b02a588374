"""The methods of the services, one module per service. Each class has its methods under their names on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from dragoman_viam.emulator.refusals import Refusal
from dragoman_viam.emulator.state import State

Answer = Mapping[str, Any]
"""The fields of an answer."""


class Routes:
    """Methods of one service: `streams` take a stream, `lists` answer with one. All but `streams` hold the lock.

    What takes a stream yields its answer, and keeps what came only when it is resumed: a stream that breaks off ends
    like any other, and nobody asks for what follows the answer.
    """

    service: ClassVar[str]
    streams: ClassVar[frozenset[str]] = frozenset()
    lists: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, state: State) -> None:
        self.state = state

    def methods(self) -> dict[str, Callable[[Any], Answer]]:
        """Return the methods by their names on the wire, which begin with a capital."""
        return {name: getattr(self, name) for name in dir(self) if name[0].isupper()}


def first_of(frames: Iterator[Any], field: str, problem: Refusal) -> Any:
    """Return a field of a stream's first message, or refuse a stream that begins with anything else."""
    first = next(frames, None)
    if first is None or not first.HasField(field):
        raise problem
    return getattr(first, field)
