"""Helpers for all test folders, importable by name: `memory` (an in-memory platform), `moving` (what migrations move).

The test folders are no packages (pytest imports by path), so the helper modules are put in place here, by path too.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]


def _share(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


for _name, _folder in (
    ("memory", "core"),
    ("calling", "core"),
    ("moving", "migrate"),
    ("platforms", "migrate"),
    ("distributions", "packaging"),
    ("pages", "docs"),
):
    _share(_name, Path(__file__).parent / _folder / f"{_name}.py")

# A machine under load is no fault of the code: examples are counted, not timed. CI draws the same ones every time, so
# that a change is blamed for what it broke; other runs draw new ones.
settings.register_profile(
    "dragoman",
    max_examples=50,
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("dragoman")


@pytest.fixture
def fresh_plugins() -> Iterator[None]:
    """Forget the plugins that this process has loaded, before the test and after it."""
    from dragoman.plugins import installed

    installed.cache_clear()
    yield
    installed.cache_clear()
