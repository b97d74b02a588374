"""Settings of the Label Studio backend."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from dragoman.settings import HeaderSecret, PlatformSettings


class LabelStudioSettings(PlatformSettings):
    """Where Label Studio is, and who asks.

    Args:
        token: The user's token: a legacy token, or a personal access token, which is exchanged for one that lasts
            minutes; also read from `LABEL_STUDIO_API_KEY`.
        endpoint: Root of the server, with a path prefix if there is one; also read from `LABEL_STUDIO_URL`.
        item_key: What names an item whose task says no key of ours: where its `"medium"` is, or the `"id"` of the
            task, where several tasks have one medium.
        uploads: What the uri of a medium is that was uploaded to Label Studio: a `"file"` of this machine, to which it
            is fetched, or its address there (`"url"`), which opens only to who is logged in.
        unreadable: What is done with results that no row can be made of, which Label Studio stores without a look:
            `"raise"`, or `"skip"` them with a line in the log.
        folder: Where files go that are fetched; a temporary folder, gone with the backend, if not given. Exports stay.
        connect_timeout: Seconds to wait for a connection.
        timeout: Seconds to wait for an answer; thousands of rows take Label Studio half a minute.
        concurrency: Most files that are fetched at a time.
    """

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_LABELSTUDIO_")

    token: HeaderSecret = Field(
        validation_alias=AliasChoices("token", "DRAGOMAN_LABELSTUDIO_TOKEN", "LABEL_STUDIO_API_KEY"), min_length=1
    )
    endpoint: str = Field(
        default="http://localhost:8080",
        validation_alias=AliasChoices("endpoint", "DRAGOMAN_LABELSTUDIO_ENDPOINT", "LABEL_STUDIO_URL"),
        pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$",
    )
    item_key: Literal["medium", "id"] = "medium"
    uploads: Literal["file", "url"] = "file"
    unreadable: Literal["raise", "skip"] = "raise"
    folder: Path | None = None
    connect_timeout: float = Field(default=5.0, gt=0)
    timeout: float = Field(default=120.0, gt=0)
    concurrency: int = Field(default=8, ge=1, le=64)
