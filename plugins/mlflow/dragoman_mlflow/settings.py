"""Settings of the MLflow backend."""

from __future__ import annotations

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from dragoman.settings import HeaderSecret, PlatformSettings


class MlflowSettings(PlatformSettings):
    """Where the tracking server is, and who asks.

    Args:
        endpoint: Root of the server, with a path prefix if there is one; also read from `MLFLOW_TRACKING_URI`.
        username: Name of a user, where the server has users; also read from `MLFLOW_TRACKING_USERNAME`.
        password: Their password; also read from `MLFLOW_TRACKING_PASSWORD`.
        token: A bearer token instead of both; also read from `MLFLOW_TRACKING_TOKEN`; an empty
            one is none.
        experiment: Name of the experiment that gets the runs of the versions made here; it is made when it is missing.
        connect_timeout: Seconds to wait for a connection.
        timeout: Seconds to wait for an answer.
        upload_timeout: Seconds to wait for the answer to a file.
    """

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_MLFLOW_")

    endpoint: str = Field(
        validation_alias=AliasChoices("endpoint", "DRAGOMAN_MLFLOW_ENDPOINT", "MLFLOW_TRACKING_URI"),
        pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$",
    )
    username: str | None = Field(
        default=None,
        validation_alias=AliasChoices("username", "DRAGOMAN_MLFLOW_USERNAME", "MLFLOW_TRACKING_USERNAME"),
    )
    password: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("password", "DRAGOMAN_MLFLOW_PASSWORD", "MLFLOW_TRACKING_PASSWORD"),
    )
    token: HeaderSecret | None = Field(
        default=None, validation_alias=AliasChoices("token", "DRAGOMAN_MLFLOW_TOKEN", "MLFLOW_TRACKING_TOKEN")
    )
    experiment: str = Field(default="dragoman", min_length=1)
    connect_timeout: float = Field(default=5.0, gt=0)
    timeout: float = Field(default=60.0, gt=0)
    upload_timeout: float = Field(default=600.0, gt=0)
