"""Settings of the backend of Open Inference Protocol servers."""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from dragoman.settings import HeaderSecret, PlatformSettings
from dragoman_openinference.layout import Layout


class OpenInferenceSettings(PlatformSettings):
    """Where the server is, and what the tensors of its models mean.

    Args:
        endpoint: `http://host:port` or `https://...` for REST, with a path prefix if there is one; `grpc://host:port`,
            or `grpcs://...` with TLS, for gRPC.
        token: A bearer token, where something before the server asks for one.
        layout: What the tensors of models mean; see `Layout`.
        layouts: Name of a model to the layout of its own.
        concurrency: Most items that are asked for at a time.
        connect_timeout: Seconds to wait for a connection.
        timeout: Seconds to wait for an answer.
    """

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_OPENINFERENCE_")

    endpoint: str = Field(pattern=r"^((https?://[^/?#\s@]+(/[^?#\s]*)?)|(grpcs?://[^/?#\s@]+/?))$")
    token: HeaderSecret | None = None
    layout: Layout = Layout()
    layouts: dict[str, Layout] = {}
    concurrency: int = Field(default=4, ge=1, le=64)
    connect_timeout: float = Field(default=5.0, gt=0)
    timeout: float = Field(default=60.0, gt=0)

    @field_validator("layout", "layouts", mode="before")
    @classmethod
    def _from_json(cls, given: Any) -> Any:
        """Read what the command line has as text."""
        if not isinstance(given, str):
            return given
        try:
            return json.loads(given)
        except json.JSONDecodeError as error:
            raise ValueError(f"it is not JSON: {error}") from error

    def layout_of(self, model: str) -> Layout:
        """Return the layout of a model."""
        return self.layouts.get(model, self.layout)
