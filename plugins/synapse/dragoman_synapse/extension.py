"""Base of what Synapse offers beyond the facets: calls that pass through the core's pipeline like those of a facet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from dragoman.calls.pipeline import Operation, Page


class Extension:
    """A group of operations of a Synapse backend.

    Args:
        adapter: The backend that it belongs to.
    """

    name: ClassVar[str]

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    def _call(self, name: str, translate: Callable[..., Any], *arguments: Any, repeatable: bool = True) -> Any:
        """Return what a translation returns, surrounded by everything a call needs."""
        return self._adapter.pipeline.call(Operation(self.name, name, repeatable), translate, *arguments)

    def _pages(
        self, name: str, fetch: Callable[[str | None, int], Page[Any]], size: int | None = None
    ) -> Iterator[Any]:
        """Iterate over a listing, one call per page."""
        found: Iterator[Any] = self._adapter.pipeline.pages(Operation(self.name, name), fetch, size)
        return found

    def __repr__(self) -> str:
        return f"<synapse {self.name}>"
