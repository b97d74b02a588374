"""Scale Nucleus for Dragoman. Registering it imports no SDK."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.hookspecs import hookimpl
from dragoman.plugins import Platform


@hookimpl
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register Nucleus."""
    register(
        Platform(
            name="nucleus",
            title="Scale Nucleus",
            description="Scale Nucleus: datasets, labels, models and their predictions.",
            adapter="dragoman_nucleus.adapter:NucleusAdapter",
            settings="dragoman_nucleus.settings:NucleusSettings",
            emulator="dragoman_nucleus.emulator:create",
        )
    )
