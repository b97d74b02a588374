"""Settings of the Viam backend."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AliasChoices, Field, FilePath, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from dragoman.settings import PlatformSettings


class ViamSettings(PlatformSettings):
    """Where Viam is and who asks.

    Args:
        api_key: The key; also read from `VIAM_API_KEY`.
        api_key_id: Id of the key, a UUID; also read from `VIAM_API_KEY_ID`.
        endpoint: `https://host[:port]`, or `http://` for a server on this machine; also read from `VIAM_ENDPOINT`.
        organization: Id of the organisation; the only one that the key reaches if not given.
        location: Id of the location whose machine stands for uploads; the only one if not given.
        part: Id of the machine part that uploads are filed under; the only main part of the location if not given.
        tls_roots: PEM file of the certificates to trust; the system's if not given.
        timeout: Seconds to wait for an answer.
        transfer_timeout: Seconds to wait for the end of an upload or download.
        concurrency: Most unary calls in flight at a time.
        message_mib: Largest message in mebibytes; gRPC's own limit of 4 MiB is less than an image may have.
        url_minutes: How long the signed URLs of items hold.
    """

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_VIAM_")

    api_key: SecretStr = Field(
        validation_alias=AliasChoices("api_key", "DRAGOMAN_VIAM_API_KEY", "VIAM_API_KEY"), min_length=1
    )
    api_key_id: SecretStr = Field(
        validation_alias=AliasChoices("api_key_id", "DRAGOMAN_VIAM_API_KEY_ID", "VIAM_API_KEY_ID")
    )
    endpoint: str = Field(
        default="https://app.viam.com",
        validation_alias=AliasChoices("endpoint", "DRAGOMAN_VIAM_ENDPOINT", "VIAM_ENDPOINT"),
    )
    organization: str | None = None
    location: str | None = None
    part: str | None = None
    tls_roots: FilePath | None = None
    timeout: float = Field(default=60.0, gt=0)
    transfer_timeout: float = Field(default=3600.0, gt=0)
    concurrency: int = Field(default=32, ge=1, le=100)
    message_mib: int = Field(default=256, ge=1, le=2047)
    url_minutes: int = Field(default=60, ge=1)

    @field_validator("api_key_id")
    @classmethod
    def _id_is_a_uuid(cls, value: SecretStr) -> SecretStr:
        try:
            UUID(value.get_secret_value())
        except ValueError:
            raise ValueError("the id of a key is a UUID; the key itself is another setting") from None
        return value

    @field_validator("endpoint")
    @classmethod
    def _plain_text_only_at_home(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
            raise ValueError("it is https://host[:port], or http:// for a server on this machine")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError(f"{parts.hostname} is not this machine, and credentials go there only through TLS")
        return value

    @property
    def encrypted(self) -> bool:
        """Whether the channel uses TLS."""
        return urlsplit(self.endpoint).scheme == "https"

    @property
    def target(self) -> str:
        """Host and port, as gRPC names them."""
        parts = urlsplit(self.endpoint)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or (443 if self.encrypted else 80)}"


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine by its form alone; nothing is looked up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
