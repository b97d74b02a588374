"""What Viam does beyond the facets: groups of calls on the backend, carried by the same pipeline as theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from dragoman.calls.pipeline import Operation

T = TypeVar("T")


class Extension:
    """Base of a group of calls. `name` is the attribute under which a backend has it.

    Args:
        adapter: The backend.
    """

    name: ClassVar[str]

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def _call(self, operation: str, translate: Callable[..., T], *arguments: Any, repeatable: bool = True) -> T:
        """Make a call with everything around it; `repeatable` as in `dragoman.calls.pipeline.Operation`."""
        named = Operation(self.name, operation, repeatable)
        made: T = self._adapter.pipeline.call(named, translate, *arguments)
        return made

    def __repr__(self) -> str:
        return f"<viam {self.name}>"
