"""Encord for Dragoman. Registering it imports no SDK."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.hookspecs import hookimpl
from dragoman.plugins import Platform


@hookimpl
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register Encord."""
    register(
        Platform(
            name="encord",
            title="Encord",
            description="Encord: models, training, attachments, inference, datasets, ontologies and labels.",
            adapter="dragoman_encord.adapter:EncordAdapter",
            settings="dragoman_encord.settings:EncordSettings",
            emulator="dragoman_encord.emulator:create",
        )
    )
