"""Every hook of Dragoman. A plugin implements the ones it needs, as plain functions marked with `dragoman.hookimpl`.

Hooks are called with keywords; an implementation names only the arguments it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

    from dragoman.calls.pipeline import Call
    from dragoman.formats import Format
    from dragoman.plugins import Platform
    from dragoman.serving import ServedProtocol

hookspec = pluggy.HookspecMarker("dragoman")
hookimpl = pluggy.HookimplMarker("dragoman")

# -- at start -------------------------------------------------------------------------------------------------------


@hookspec
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register the platforms of this plugin, each once. Import no SDK here: a `Platform` names its parts as strings."""


@hookspec
def dragoman_formats(register: Callable[[Format], None]) -> None:
    """Register the file formats of this plugin, each once; a `Format` names its parts as strings."""


@hookspec
def dragoman_server(register: Callable[[ServedProtocol], None]) -> None:
    """Register the protocols in which this plugin serves models; each names its application as a string."""


@hookspec
def dragoman_commands(cli: typer.Typer) -> None:
    """Add commands to the command line. Called only when the command line runs; import nothing heavy."""


# -- around every call ----------------------------------------------------------------------------------------------


@hookspec
def dragoman_before_call(call: Call) -> None:
    """Observe a call before its first attempt. Called once per call and batch, never per row."""


@hookspec
def dragoman_after_call(call: Call) -> None:
    """Observe a call after its last attempt: `call.error` is set if it failed, `call.attempts` counts the tries."""
