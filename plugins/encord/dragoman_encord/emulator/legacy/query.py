"""One question of the older protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Query:
    """What a request asks: the thing that its headers name, an id of the client's choice, its content, and our root."""

    resource: str
    uid: Any
    payload: Any
    base: str


Handlers = dict[tuple[str, str], Callable[[Query], Any]]
"""Query type and method to what answers it."""
