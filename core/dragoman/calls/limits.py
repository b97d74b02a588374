"""What a platform bears: batch and page sizes, rate, and how long to keep trying."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that an adapter declares and the core keeps.

    Args:
        batch_size: Most rows of one bulk request.
        page_size: Rows of one page when the caller does not say.
        calls_per_second: Most calls per second; None for no limit.
        attempts: Most attempts of one call.
        deadline: Seconds after which a call is not tried again.
    """

    batch_size: int = 1000
    page_size: int = 1000
    calls_per_second: int | None = None
    attempts: int = 5
    deadline: float = 300.0
