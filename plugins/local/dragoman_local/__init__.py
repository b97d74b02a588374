"""The local backend of Dragoman: real training and prediction on this machine, without account, key or network.

Importing this package imports neither torch nor OpenCV.
"""

from __future__ import annotations

from collections.abc import Callable

from dragoman.hookspecs import hookimpl
from dragoman.plugins import Platform


@hookimpl
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register the local backend."""
    register(
        Platform(
            name="local",
            title="Local PyTorch",
            description="Trains and predicts on this machine with PyTorch; keeps everything in one folder.",
            adapter="dragoman_local.adapter:LocalAdapter",
            settings="dragoman_local.settings:LocalSettings",
        )
    )
