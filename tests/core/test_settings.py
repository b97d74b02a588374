"""Settings: argument before environment before profile, and no secret in any error."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from dragoman import AuthenticationError, DragomanError, InvalidData, NotFound
from dragoman.profiles import config_path, read_profile
from dragoman.settings import HeaderSecret, PlatformSettings, resolve

SECRET = "sk-live-0123456789"


class AcmeSettings(PlatformSettings):
    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_ACME_")

    api_key: SecretStr = Field(
        validation_alias=AliasChoices("api_key", "DRAGOMAN_ACME_API_KEY", "ACME_API_KEY"), min_length=1
    )
    region: str = "eu"
    timeout: float = Field(default=60.0, gt=0)
    token: HeaderSecret | None = None


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty environment, and the path at which the profile file is looked for."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(path))
    for name in ("DRAGOMAN_PROFILE", "ACME_API_KEY", "DRAGOMAN_ACME_API_KEY", "DRAGOMAN_ACME_REGION"):
        monkeypatch.delenv(name, raising=False)
    return path


def settings(profile: str | None = None, **arguments: object) -> AcmeSettings:
    made = resolve(AcmeSettings, "acme", profile, arguments)
    assert isinstance(made, AcmeSettings)
    return made


def refused(kind: type[DragomanError], profile: str | None = None, **arguments: object) -> DragomanError:
    """Return the error of settings that are refused, and see that no secret is anywhere in it."""
    with pytest.raises(kind) as caught:
        settings(profile, **arguments)
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    assert SECRET not in shown
    return caught.value


# -- where they come from ---------------------------------------------------------------------------------------------


def test_defaults_stand_where_nothing_is_said() -> None:
    assert settings(api_key="k").region == "eu"


def test_the_profile_beats_the_default(config: Path) -> None:
    config.write_text('[default.acme]\napi_key = "k"\nregion = "profile"\n')

    assert settings().region == "profile"


def test_the_environment_beats_the_profile(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[default.acme]\napi_key = "from profile"\nregion = "profile"\n')
    monkeypatch.setenv("DRAGOMAN_ACME_REGION", "environment")
    monkeypatch.setenv("ACME_API_KEY", "from environment")

    assert settings().region == "environment"
    assert settings().api_key.get_secret_value() == "from environment"


def test_the_argument_beats_the_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[default.acme]\nregion = "profile"\n')
    monkeypatch.setenv("DRAGOMAN_ACME_REGION", "environment")
    monkeypatch.setenv("ACME_API_KEY", "from environment")

    assert settings(region="argument").region == "argument"
    assert settings(api_key="from argument").api_key.get_secret_value() == "from argument"


def test_our_own_variable_beats_the_vendor_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "vendor's")
    monkeypatch.setenv("DRAGOMAN_ACME_API_KEY", "ours")

    assert settings().api_key.get_secret_value() == "ours"


def test_a_named_profile_is_read_by_argument_or_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[default.acme]\napi_key = "k"\n[work.acme]\napi_key = "w"\nregion = "us"\n')

    assert settings("work").region == "us"
    monkeypatch.setenv("DRAGOMAN_PROFILE", "work")
    assert settings().api_key.get_secret_value() == "w"
    assert settings("default").api_key.get_secret_value() == "k"


def test_one_platform_s_profile_does_not_reach_another(config: Path) -> None:
    config.write_text('[default.other]\napi_key = "k"\n')

    assert read_profile("acme") == {}


def test_a_profile_holds_only_while_settings_are_made(config: Path) -> None:
    config.write_text('[default.acme]\napi_key = "k"\nregion = "profile"\n')
    settings()

    assert AcmeSettings(api_key="direct").region == "eu"  # type: ignore[arg-type]


def test_without_a_file_there_is_no_profile() -> None:
    assert read_profile("acme") == {}


def test_the_file_is_in_the_user_s_configuration_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DRAGOMAN_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path() == tmp_path / "dragoman" / "config.toml"

    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_path() == tmp_path / ".config" / "dragoman" / "config.toml"


@pytest.mark.parametrize("name", ["DRAGOMAN_ACME_API_KEY", "ACME_API_KEY", "DRAGOMAN_ACME_REGION"])
def test_an_empty_variable_is_one_that_is_not_set(name: str, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('[default.acme]\napi_key = "from profile"\nregion = "profile"\n')
    monkeypatch.setenv(name, "")

    assert (settings().api_key.get_secret_value(), settings().region) == ("from profile", "profile")


# -- what is refused --------------------------------------------------------------------------------------------------


def test_a_missing_secret_is_an_authentication_error_that_names_the_ways_to_give_it(config: Path) -> None:
    error = refused(AuthenticationError)

    assert error.message == "No api_key was given."
    assert error.platform == "acme"
    assert error.hint is not None
    for way in ("api_key=...", "DRAGOMAN_ACME_API_KEY", str(config), "[default.acme]"):
        assert way in error.hint


def test_a_missing_secret_does_not_show_the_one_that_was_given() -> None:
    refused(AuthenticationError, token=SECRET)


@pytest.mark.parametrize("setting", ["api_kye", "colour"])
def test_an_unknown_setting_is_refused_and_the_known_ones_are_named(setting: str) -> None:
    error = refused(InvalidData, **{setting: SECRET, "api_key": "k"})

    assert setting in error.message
    assert error.hint == "The settings are: api_key, region, timeout, token."


def test_an_unknown_setting_in_the_profile_is_refused_too(config: Path) -> None:
    config.write_text(f'[default.acme]\napi_key = "{SECRET}"\nregoin = "us"\n')

    assert "regoin" in refused(InvalidData).message


@pytest.mark.parametrize(
    ("setting", "value"),
    [("timeout", "soon"), ("timeout", -1), ("region", 7), ("api_key", ""), ("api_key", 7), ("token", [SECRET])],
)
def test_a_bad_value_names_the_setting(setting: str, value: object) -> None:
    error = refused(InvalidData, **{"api_key": SECRET, setting: value})

    assert error.field == setting
    assert setting in error.message


def test_a_file_that_is_not_toml_is_refused_by_its_path(config: Path) -> None:
    config.write_text(f'[default.acme\napi_key = "{SECRET}"\n')

    assert str(config) in refused(InvalidData).message


@pytest.mark.parametrize("token", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\0", f"{SECRET}é"])
def test_a_secret_that_no_header_holds_is_refused_and_not_shown(token: str) -> None:
    error = refused(InvalidData, api_key="k", token=token)

    assert error.field == "token"
    assert "that a header cannot hold" in error.message


def test_a_secret_that_may_be_missing_fits_a_header_where_it_is_none() -> None:
    assert settings(api_key="k").token is None


def test_a_file_that_is_not_text_is_refused_by_its_path(config: Path) -> None:
    config.write_bytes(b"\xff\xfe\x00")

    assert str(config) in refused(InvalidData).message


def test_a_file_that_cannot_be_read_is_refused_by_its_path(config: Path) -> None:
    config.mkdir()

    assert refused(InvalidData).message == f"The profile file {config} cannot be read: Is a directory."


@pytest.mark.parametrize(
    ("written", "place"),
    [
        (f'default = "{SECRET}"', "default"),
        ("default = []", "default"),
        (f'[default]\nacme = "{SECRET}"', "default.acme"),
        (f'[[default.acme]]\napi_key = "{SECRET}"', "default.acme"),
    ],
)
def test_what_should_be_a_table_of_the_file_and_is_none_is_named(config: Path, written: str, place: str) -> None:
    config.write_text(written)
    error = refused(InvalidData)

    assert error.message == f"{place} in {config} is no table."
    assert "[default.acme]" in (error.hint or "")


def test_a_named_profile_that_is_missing_is_not_found(config: Path) -> None:
    config.write_text('[work.acme]\napi_key = "k"\n')

    error = refused(NotFound, "home")

    assert "'home'" in error.message
    assert error.hint == "It has: work."


def test_a_named_profile_without_a_file_is_not_found() -> None:
    assert refused(NotFound, "home").hint == "It has: none."


# -- secrets ----------------------------------------------------------------------------------------------------------


def test_secrets_are_not_shown() -> None:
    made = settings(api_key=SECRET, token=SECRET)

    assert SECRET not in f"{made} {made!r} {made.model_dump()} {made.model_dump_json()}"
    assert made.secrets() == [SECRET, SECRET]


def test_a_secret_that_is_not_given_is_no_secret() -> None:
    assert settings(api_key="k").secrets() == ["k"]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings(api_key="k").region = "us"
