"""Labelbox for Dragoman. Registering it imports no SDK."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.hookspecs import hookimpl
from dragoman.plugins import Platform


@hookimpl
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register Labelbox."""
    register(
        Platform(
            name="labelbox",
            title="Labelbox",
            description="Labelbox: datasets, ontologies, labels, models, their runs and predictions.",
            adapter="dragoman_labelbox.adapter:LabelboxAdapter",
            settings="dragoman_labelbox.settings:LabelboxSettings",
            emulator="dragoman_labelbox.emulator:create",
        )
    )
