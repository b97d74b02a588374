"""Label Studio for Dragoman. Registering it imports no HTTP client."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.hookspecs import hookimpl
from dragoman.plugins import Platform
from dragoman.serving import ServedProtocol


@hookimpl
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register Label Studio."""
    register(
        Platform(
            name="labelstudio",
            title="Label Studio",
            description="Label Studio: projects with tasks, annotations, predictions, and machine-learning backends.",
            adapter="dragoman_labelstudio.adapter:LabelStudioAdapter",
            settings="dragoman_labelstudio.settings:LabelStudioSettings",
        )
    )


@hookimpl
def dragoman_server(register: Callable[[ServedProtocol], None]) -> None:
    """Register the protocol of Label Studio's machine-learning backends."""
    register(
        ServedProtocol(
            name="labelstudio",
            title="a machine-learning backend of Label Studio",
            app="dragoman_labelstudio.serving:application",
        )
    )
