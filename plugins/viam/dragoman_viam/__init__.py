"""Viam for Dragoman. Registering it imports no SDK."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.hookspecs import hookimpl
from dragoman.plugins import Platform


@hookimpl
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register Viam."""
    register(
        Platform(
            name="viam",
            title="Viam",
            description="Viam: datasets, boxes and tags, registry models, cloud training and inference.",
            adapter="dragoman_viam.adapter:ViamAdapter",
            settings="dragoman_viam.settings:ViamSettings",
            emulator="dragoman_viam.emulator:create",
        )
    )
