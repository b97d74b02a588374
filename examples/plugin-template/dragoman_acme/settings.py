"""Settings of the Acme backend."""

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from dragoman.settings import PlatformSettings


class AcmeSettings(PlatformSettings):
    """Where Acme is and who asks; also read from `DRAGOMAN_ACME_TOKEN` and `DRAGOMAN_ACME_ENDPOINT`."""

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_ACME_")

    token: SecretStr
    endpoint: str = "https://api.acme.example"
