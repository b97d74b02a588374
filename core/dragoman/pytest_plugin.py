"""Fixtures for users' own tests, found by pytest wherever Dragoman is installed. Nothing is imported until one is used.

def test_upload(dragoman_emulator):
    labelbox = dragoman_emulator("labelbox")
    my_upload_script.main()            # calls dragoman.connect("labelbox"), and reaches the emulator
    assert [dataset.name for dataset in labelbox.backend.datasets.list()] == ["street"]
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from dragoman.testing import Emulated


class EmulatorFactory(Protocol):
    """What the fixture `dragoman_emulator` is: call it with the name of a platform, as often as you like."""

    def __call__(self, platform: str, /, **settings: Any) -> Emulated:
        """Serve the emulator of a platform until the end of the test; see `dragoman.testing.emulated`."""


@pytest.fixture
def dragoman_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatorFactory]:
    """Serve emulators of platforms until the end of the test: `dragoman_emulator("labelbox")`.

    The environment leads to the newest emulator of each platform, so that code under test which calls
    `dragoman.connect("labelbox")`, in this process or another, reaches it and never the platform.
    """
    from dragoman.testing import emulated

    with ExitStack() as served:

        def start(platform: str, /, **settings: Any) -> Emulated:
            started = served.enter_context(emulated(platform, **settings))
            for name, value in started.variables.items():
                monkeypatch.setenv(name, value)
            return started

        yield start
