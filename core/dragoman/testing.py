"""Emulated platforms for users' own tests: served on loopback, with a backend that is connected to them.

`dragoman.pytest_plugin` makes a fixture of it; other test runners use `emulated` as a context manager. How an emulator
behaves is the business of its plugin, and how it is served that of `dragoman.emulate`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dragoman.adapter import Adapter
from dragoman.connecting import connect
from dragoman.emulate import Emulation, Live, running
from dragoman.plugins import installed
from dragoman.settings import PlatformSettings


@dataclass(frozen=True)
class Emulated(Live[Any]):
    """A platform that is being emulated; `url`, `credentials`, `state`, `faults` and `journal` are those of `Live`.

    Args:
        url: Root of the server, without a trailing slash.
        emulation: What is served.
        connection: The settings that lead to it: `dragoman.connect(name, **connection)`.
        variables: The same as environment variables, for code that calls `dragoman.connect(name)` itself.
        opened: Closes the backend when the emulator stops.
    """

    connection: Mapping[str, Any]
    variables: Mapping[str, str]
    opened: ExitStack

    @cached_property
    def backend(self) -> Adapter:
        """A backend that is connected to the emulator; closed when the emulator stops."""
        return self.opened.enter_context(connect(self.platform, **self.connection))


@contextmanager
def emulated(platform: str, **settings: Any) -> Iterator[Emulated]:
    """Serve the emulator of a platform for as long as the block lasts. Its jobs are done when they are first asked for.

    Args:
        platform: Name of a backend that has an emulator.
        settings: Further settings of the backend, such as a project.

    Raises:
        NotFound: There is no such backend, or it has no emulator.
        PluginError: What the emulator needs is not installed.
    """
    emulation: Emulation[Any] = installed().platform(platform).load("emulator")()
    emulation.settings.job_polls = 0
    with running(emulation) as live, ExitStack() as opened:
        connection, variables = leading_to(live, **settings)
        yield Emulated(live.url, emulation, connection, variables, opened)


def leading_to(live: Live[Any], **settings: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what leads to an emulator that is being served: as settings of its backend, and as environment variables.

    Args:
        live: The emulator.
        settings: Further settings of the backend.
    """
    kind: type[PlatformSettings] = installed().platform(live.platform).load("settings")
    connection = {**_addresses(kind, live.url), **live.credentials, **settings}
    return connection, _variables(kind, connection)


def _addresses(kind: type[PlatformSettings], url: str) -> dict[str, str]:
    """Return the settings that name an address of the platform, with the emulator in place of its host.

    They are `endpoint`, and those whose default is a web address.
    """
    defaults = {name: str(field.default) for name, field in kind.model_fields.items()}
    web = {name: default for name, default in defaults.items() if default.startswith(("https://", "http://"))}
    named = {"endpoint": url} if "endpoint" in defaults else {}
    return named | {name: url + urlsplit(default).path for name, default in web.items()}


def _variables(kind: type[PlatformSettings], connection: Mapping[str, Any]) -> dict[str, str]:
    prefix = str(kind.model_config.get("env_prefix", ""))
    given = {name: value for name, value in connection.items() if value is not None}
    return {f"{prefix}{name}".upper(): _text(value) for name, value in given.items()}


def _text(value: Any) -> str:
    """Return a setting as an environment variable has it: words and paths as they are, anything else as JSON."""
    return str(value) if isinstance(value, str | Path) else json.dumps(value)
