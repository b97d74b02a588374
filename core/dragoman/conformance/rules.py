"""What keeps a kit's result honest: tests cannot be removed, and are replaced only with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])


def needs(*operations: str) -> Callable[[Test], Test]:
    """Say which operations (`"facet.operation"`) a kit test uses; where one is a gap, the test is skipped with it."""

    def mark(test: Test) -> Test:
        test.__needs__ = operations  # type: ignore[attr-defined]
        return test

    return mark


def overrides(reason: str) -> Callable[[Test], Test]:
    """Replace a kit test, and say why. The class that it stands in must inherit a test of that name."""
    if not reason.strip():
        raise TypeError("An overridden kit test needs a reason.")

    def mark(test: Test) -> Test:
        test.__overrides__ = reason  # type: ignore[attr-defined]
        return test

    return mark


class Kit:
    """Base of all kit classes; it watches what subclasses do to the tests."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.__module__.startswith("dragoman.conformance."):
            return
        for name, value in vars(cls).items():
            if not name.startswith("test_"):
                continue
            inherited = any(name in vars(base) for base in cls.__mro__[1:])
            reason = getattr(value, "__overrides__", None)
            if inherited and not callable(value):
                raise TypeError(f"{cls.__name__} removes the kit test {name}; declare a Gap in the adapter instead.")
            if inherited and reason is None:
                raise TypeError(f"{cls.__name__} replaces the kit test {name} without @overrides(reason).")
            if reason is not None and not inherited:
                raise TypeError(f"{cls.__name__}.{name} overrides nothing.")
