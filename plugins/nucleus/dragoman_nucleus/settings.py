"""Settings of the Nucleus backend."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from dragoman.settings import HeaderSecret, PlatformSettings


class NucleusSettings(PlatformSettings):
    """Where Nucleus is and who asks.

    Args:
        api_key: The account's key; also read from `NUCLEUS_API_KEY`.
        endpoint: Root of the API; also read from `NUCLEUS_ENDPOINT`.
        timeout: Seconds to wait for an answer, the SDK's own limit by default.
        poll_seconds: Longest rest between two looks at an asynchronous job.
        job_timeout: Seconds after which an asynchronous job counts as stuck.
    """

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_NUCLEUS_")

    api_key: HeaderSecret = Field(
        validation_alias=AliasChoices("api_key", "DRAGOMAN_NUCLEUS_API_KEY", "NUCLEUS_API_KEY"), min_length=1
    )
    endpoint: str = Field(
        default="https://api.scale.com/v1/nucleus",
        validation_alias=AliasChoices("endpoint", "DRAGOMAN_NUCLEUS_ENDPOINT", "NUCLEUS_ENDPOINT"),
        pattern=r"^https?://",
    )
    timeout: float = Field(default=120.0, gt=0)
    poll_seconds: float = Field(default=0.5, ge=0)
    job_timeout: float = Field(default=600.0, gt=0)
