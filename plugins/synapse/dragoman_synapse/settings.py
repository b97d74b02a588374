"""Settings of the Synapse backend."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import SettingsConfigDict

from dragoman.settings import HeaderSecret, PlatformSettings

ACCESS_NAMES = ("access_token", "DRAGOMAN_SYNAPSE_ACCESS_TOKEN", "SYNAPSE_ACCESS_TOKEN")
USER_NAMES = ("user_token", "DRAGOMAN_SYNAPSE_USER_TOKEN", "SYNAPSE_PLUGIN_RUN_USER_TOKEN")
CHUNK = 50 * 1024 * 1024
"""Bytes of a chunk of an upload, as the platform's own client sends them."""


class SynapseSettings(PlatformSettings):
    """Where Synapse is, who asks, and which plugin trains and predicts.

    Args:
        access_token: The account's token; also read from `SYNAPSE_ACCESS_TOKEN`. Not needed beside a `user_token`.
        user_token: A user's token, as plugins have it; also read from `SYNAPSE_PLUGIN_RUN_USER_TOKEN`.
        tenant: Code of the tenant; also read from `SYNAPSE_PLUGIN_RUN_TENANT`.
        agent_token: An agent's token, for calls in its name.
        endpoint: Root of the API, with a path prefix if there is one; also read from `SYNAPSE_HOST`.
        url_host: `"internal"` asks for file addresses inside Synapse's own network.
        plugin: Code of the plugin that trains and predicts.
        plugin_version: Its release; the platform's choice if not given.
        agent: Id of the agent that runs it.
        language: Language of job logs.
        item_key: What names an item: its file's `"name"`, or the `"id"` of its data unit, where names repeat.
        connect_timeout: Seconds to wait for a connection.
        timeout: Seconds to wait for an answer.
        upload_timeout: Seconds to wait for the answer to a chunk, while the platform writes.
        chunk_bytes: Bytes of a chunk of an upload.
        concurrency: Most files that are fetched, and items that are asked for, at a time.
        poll_seconds: Rest between two looks at a deferred inference or a starting deployment.
        job_timeout: Seconds after which a deferred inference or a starting deployment counts as stuck.
    """

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_SYNAPSE_")

    access_token: HeaderSecret = Field(validation_alias=AliasChoices(*ACCESS_NAMES))
    user_token: HeaderSecret | None = Field(default=None, validation_alias=AliasChoices(*USER_NAMES))
    tenant: str | None = Field(
        default=None,
        validation_alias=AliasChoices("tenant", "DRAGOMAN_SYNAPSE_TENANT", "SYNAPSE_PLUGIN_RUN_TENANT"),
        pattern=r"^[ -~]*$",
    )
    agent_token: HeaderSecret | None = None
    endpoint: str = Field(
        default="https://api.synapse.sh",
        validation_alias=AliasChoices("endpoint", "DRAGOMAN_SYNAPSE_ENDPOINT", "SYNAPSE_HOST"),
        pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$",
    )
    url_host: Literal["internal"] | None = None
    plugin: str | None = None
    plugin_version: str | None = None
    agent: int | None = None
    language: str = "en"
    item_key: Literal["name", "id"] = "name"
    connect_timeout: float = Field(default=5.0, gt=0)
    timeout: float = Field(default=60.0, gt=0)
    upload_timeout: float = Field(default=300.0, gt=0)
    chunk_bytes: int = Field(default=CHUNK, ge=1)
    concurrency: int = Field(default=16, ge=1, le=64)
    poll_seconds: float = Field(default=2.0, ge=0)
    job_timeout: float = Field(default=1800.0, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _either_token(cls, given: Any) -> Any:
        """Do without an access token where there is a user token; an empty one is none."""
        if not isinstance(given, dict):
            return given
        kept = {name: value for name, value in given.items() if name not in ACCESS_NAMES or value}
        if not any(name in kept for name in ACCESS_NAMES) and any(given.get(name) for name in USER_NAMES):
            kept["access_token"] = ""
        return kept
