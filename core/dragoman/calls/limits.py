"""What a platform bears: batch and page sizes, rate, and how long to keep trying."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.errors import PluginError


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that an adapter declares and the core keeps.

    Args:
        batch_size: Most rows of one bulk request.
        page_size: Rows of one page when the caller does not say.
        in_flight: Most bulk writes that a migration has under way at once; rows of one item are never in two of them.
        calls_per_second: Most calls per second; None for no limit.
        attempts: Most attempts of one call.
        deadline: Seconds after which a call is not tried again.
    """

    batch_size: int = 1000
    page_size: int = 1000
    in_flight: int = 1
    calls_per_second: int | None = None
    attempts: int = 5
    deadline: float = 300.0

    def __post_init__(self) -> None:
        for name in ("batch_size", "page_size", "in_flight", "calls_per_second", "attempts"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PluginError(f"Limits have {name} = {value!r}; it must be at least 1.")
