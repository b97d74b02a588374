"""MLflow for Dragoman. Registering it imports no HTTP client."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.hookspecs import hookimpl
from dragoman.plugins import Platform


@hookimpl
def dragoman_platforms(register: Callable[[Platform], None]) -> None:
    """Register MLflow. It has no emulator: a real server is as easily started."""
    register(
        Platform(
            name="mlflow",
            title="MLflow",
            description="MLflow: registered models, their versions with weights and metrics, and recorded runs.",
            adapter="dragoman_mlflow.adapter:MlflowAdapter",
            settings="dragoman_mlflow.settings:MlflowSettings",
        )
    )
