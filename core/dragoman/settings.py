"""Settings of a platform: from arguments, then the environment, then a profile, in that order.

Secrets are `SecretStr`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from dragoman.errors import AuthenticationError, InvalidData
from dragoman.profiles import config_path, read_profile

_profile: ContextVar[dict[str, Any]] = ContextVar("dragoman_profile")


def _fits_a_header(secret: SecretStr) -> SecretStr:
    """Refuse what a header cannot hold: sent, it would be named in the error of whatever fails to encode it."""
    text = secret.get_secret_value()
    if not (text.isascii() and text.isprintable() and text == text.strip()):
        raise ValueError("it has characters, or spaces around it, that a header cannot hold")
    return secret


HeaderSecret = Annotated[SecretStr, AfterValidator(_fits_a_header)]
"""A secret that is sent in a header of HTTP."""


class _ProfileSource(PydanticBaseSettingsSource):
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return _profile.get({})


class PlatformSettings(BaseSettings):
    """Base of a plugin's settings. Set `env_prefix="DRAGOMAN_<NAME>_"` in the subclass's `model_config`."""

    # A variable that is empty is one that is not set: that is what a script exports that has no value for it.
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="forbid", frozen=True, populate_by_name=True)

    platform: ClassVar[str]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, environment, profile."""
        return init_settings, env_settings, _ProfileSource(settings_cls)

    def secrets(self) -> list[str]:
        """Return the values that must never be seen: those of all `SecretStr` fields."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


def resolve(
    settings_class: type[PlatformSettings], platform: str, profile: str | None, arguments: dict[str, Any]
) -> PlatformSettings:
    """Return the settings of a platform.

    Raises:
        AuthenticationError: A secret is missing; the hint names the ways to give it.
        InvalidData: Another setting is missing, unknown or bad; the error names it.
    """
    with _using(read_profile(platform, profile)):
        try:
            return settings_class(**arguments)
        except ValidationError as error:
            raise _explain(settings_class, platform, error) from None


@contextmanager
def _using(profile: dict[str, Any]) -> Iterator[None]:
    token = _profile.set(profile)
    try:
        yield
    finally:
        _profile.reset(token)


def _explain(settings_class: type[PlatformSettings], platform: str, error: ValidationError) -> Exception:
    # The validation error itself is not kept as the cause: it repeats the input, and the input holds secrets.
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    name = _field_name(settings_class, first["loc"])
    field = settings_class.model_fields.get(name)
    if field is None:
        known = ", ".join(settings_class.model_fields)
        return InvalidData(f"There is no setting {name!r}.", hint=f"The settings are: {known}.", platform=platform)
    prefix = str(settings_class.model_config.get("env_prefix", ""))
    hint = f"Pass {name}=..., set {(prefix + name).upper()}, or write it in {config_path()} under [default.{platform}]."
    if first["type"] == "missing" and "SecretStr" in str(field.annotation):
        return AuthenticationError(f"No {name} was given.", hint=hint, platform=platform)
    return InvalidData(f"Setting {name}: {first['msg']}.", hint=hint, platform=platform, field=name)


def _field_name(settings_class: type[PlatformSettings], location: tuple[int | str, ...]) -> str:
    """Return the field's name for an error location, which may hold an alias of it."""
    place = str(location[0]) if location else ""
    for name, field in settings_class.model_fields.items():
        alias = field.validation_alias
        if place in (name, alias) or place in getattr(alias, "choices", ()):
            return name
    return place
