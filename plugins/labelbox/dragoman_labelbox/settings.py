"""Settings of the Labelbox backend."""

from __future__ import annotations

from pydantic import AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from dragoman.settings import HeaderSecret, PlatformSettings


class LabelboxSettings(PlatformSettings):
    """Where Labelbox is and who asks.

    Args:
        api_key: The key; also read from `LABELBOX_API_KEY`.
        endpoint: The GraphQL endpoint; experimental calls go to the same with `/graphql` replaced by `/_gql`.
        rest_endpoint: Root of the REST calls on ontologies.
        project: Id of the project whose labels are meant; by default each dataset has one of its own.
        scoped_keys: Write global keys as `<dataset id>/<key>`, so that two datasets may hold items of one key: global
            keys are unique in the whole organization.
        timeout: Seconds to wait for an answer, the SDK's own limit by default.
        poll_seconds: Longest rest between two looks at an asynchronous job.
        job_timeout: Seconds after which an asynchronous job counts as stuck.
    """

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_LABELBOX_")

    api_key: HeaderSecret = Field(
        validation_alias=AliasChoices("api_key", "DRAGOMAN_LABELBOX_API_KEY", "LABELBOX_API_KEY"), min_length=1
    )
    endpoint: str = Field(default="https://api.labelbox.com/graphql", pattern=r"^https?://")
    rest_endpoint: str = Field(default="https://api.labelbox.com/api/v1", pattern=r"^https?://")
    project: str | None = None
    scoped_keys: bool = False
    timeout: float = Field(default=60.0, gt=0)
    poll_seconds: float = Field(default=2.0, ge=0)
    job_timeout: float = Field(default=3600.0, gt=0)
