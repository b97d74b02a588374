"""Settings of the Encord backend."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from dragoman.settings import PlatformSettings

KEY_NAMES = ("ssh_private_key", "DRAGOMAN_ENCORD_SSH_PRIVATE_KEY", "ENCORD_SSH_KEY")
FILE_NAMES = ("ssh_key_file", "DRAGOMAN_ENCORD_SSH_KEY_FILE", "ENCORD_SSH_KEY_FILE")


class EncordSettings(PlatformSettings):
    """Where Encord is and who asks.

    Args:
        ssh_private_key: An Ed25519 key in OpenSSH's form; also read from `ENCORD_SSH_KEY`.
        ssh_key_file: A file with that key, where the key itself is not given; also read from `ENCORD_SSH_KEY_FILE`.
        ssh_key_password: The key's passphrase.
        domain: Root of the API; also read from `ENCORD_DOMAIN`. A path prefix is refused: the SDK drops it from some
            routes and keeps it in others.
        project: The project that holds the labels, where a dataset is in several.
        integration: The cloud integration that items with a URL are registered through. Without it, web addresses are
            fetched and uploaded, and items in buckets are registered through the account's only integration.
        timeout: Seconds to wait for an answer, the SDK's own limit by default.
        poll_seconds: Longest rest between two looks at an upload job.
        job_timeout: Seconds after which an upload job counts as stuck.
        concurrency: Most predictions that are asked for, and files that are sent, at a time.
    """

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_ENCORD_")

    ssh_private_key: SecretStr = Field(validation_alias=AliasChoices(*KEY_NAMES), min_length=1)
    ssh_key_file: Path | None = Field(default=None, validation_alias=AliasChoices(*FILE_NAMES))
    ssh_key_password: SecretStr | None = None
    domain: str = Field(
        default="https://api.encord.com",
        validation_alias=AliasChoices("domain", "DRAGOMAN_ENCORD_DOMAIN", "ENCORD_DOMAIN"),
        pattern=r"^https?://[^/?#\s]+/?$",
    )
    project: str | None = None
    integration: str | None = None
    timeout: int = Field(default=180, gt=0)
    poll_seconds: float = Field(default=0.5, ge=0)
    job_timeout: float = Field(default=600.0, gt=0)
    concurrency: int = Field(default=4, ge=1, le=32)

    @model_validator(mode="before")
    @classmethod
    def _read_key_file(cls, given: Any) -> Any:
        """Take the key from its file where the key itself is not given."""
        if not isinstance(given, dict) or any(given.get(name) for name in KEY_NAMES):
            return given
        place = next((given[name] for name in FILE_NAMES if given.get(name)), None)
        if place is None:
            return given
        path = Path(os.path.expanduser(place))
        if not path.is_file():
            raise ValueError(f"there is no key file {path}")
        return {**given, "ssh_private_key": path.read_text(encoding="utf-8")}
