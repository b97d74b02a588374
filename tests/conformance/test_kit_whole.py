"""The kit leaves nothing out: every public operation of every facet is proved by one of its tests."""

from __future__ import annotations

from dragoman import conformance
from dragoman.interface import FACETS


def test_every_operation_is_proved_by_a_test_of_the_kit() -> None:
    kits = [getattr(conformance, name) for name in conformance.__all__ if name.startswith("Base")]
    tests = [getattr(kit, name) for kit in kits for name in dir(kit) if name.startswith("test_")]
    proved = {operation for test in tests for operation in getattr(test, "__needs__", ())}
    assert proved == {str(operation) for facet in FACETS for operation in facet.operations.values()}
