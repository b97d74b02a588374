"""Datamaker's Synapse for Dragoman. Registering it imports no HTTP client."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.hookspecs import hookimpl
from dragoman.plugins import Platform


@hookimpl
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register Synapse."""
    register(
        Platform(
            name="synapse",
            title="Datamaker Synapse",
            description="Datamaker Synapse: models with weights, ground truth, training and inference by plugins.",
            adapter="dragoman_synapse.adapter:SynapseAdapter",
            settings="dragoman_synapse.settings:SynapseSettings",
            emulator="dragoman_synapse.emulator:create",
        )
    )
