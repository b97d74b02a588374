"""Profiles: settings of platforms under a name, in a file of the user's.

The file is TOML: `[default.local]` holds the settings of `local` in the profile `default`. It is looked for at
`DRAGOMAN_CONFIG`, else at `dragoman/config.toml` in the user's configuration folder, and nobody else may read it. A
secret is in the system's keyring where there is one, and the file only says so.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dragoman.errors import AuthenticationError, InvalidData, NotFound, Unsupported

SERVICE = "dragoman"
"""Name of the service under which secrets are in the keyring."""
IN_KEYRING = "in the system keyring"
"""What the file says in the place of a secret that is there."""
DEFAULT = "default"


def config_path() -> Path:
    """Return where the profile file is looked for."""
    if path := os.environ.get("DRAGOMAN_CONFIG"):
        return Path(path)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "dragoman" / "config.toml"


def read_profile(platform: str, profile: str | None = None) -> dict[str, Any]:
    """Return the settings of `platform` in a profile; empty if no profile was asked for and there is no file.

    Raises:
        NotFound: The profile was named and is not in the file.
        InvalidData: The file cannot be read, is not TOML, or has something else in the place of a table.
        AuthenticationError: A secret is said to be in the keyring and is not.
    """
    path = config_path()
    name = profile or os.environ.get("DRAGOMAN_PROFILE")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidData(f"The profile file {path} is not TOML: {error}.") from error
    except OSError as error:
        raise InvalidData(f"The profile file {path} cannot be read: {error.strerror or error}.") from error
    if name and name not in content:
        raise NotFound(
            f"There is no profile named {name!r} in {path}.", hint=f"It has: {', '.join(content) or 'none'}."
        )
    name = name or DEFAULT
    return {
        field: _from_keyring(name, platform, field) if value == IN_KEYRING else value
        for field, value in _settings(content, name, platform).items()
    }


def save_profile(
    platform: str, values: Mapping[str, Any], secrets: Mapping[str, str], *, profile: str | None = None
) -> str:
    """Keep the settings of a platform in a profile, in the place of those of the same names.

    Args:
        platform: Name of the platform.
        values: Settings that anybody may see.
        secrets: Settings that nobody may.
        profile: The profile; the default one if not given.

    Returns:
        Where the secrets are now, in words.

    Raises:
        InvalidData: The file that is there is not TOML, or has something else in the place of a table.
        Unsupported: tomlkit, which leaves what else is in the file as it is, is not installed.
    """
    try:
        import tomlkit
        from tomlkit.exceptions import TOMLKitError
    except ImportError as error:
        raise Unsupported("Writing profiles needs tomlkit.", hint="pip install 'dragoman[login]'") from error
    name, path = profile or DEFAULT, config_path()
    try:
        content = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise InvalidData(f"The profile file {path} is not TOML: {error}.") from error
    _settings(content, name, platform)
    # Every one is tried, so that the keyring has the newest of each.
    kept = False not in [_into_keyring(name, platform, field, secret) for field, secret in secrets.items()]
    section = content.setdefault(name, tomlkit.table(is_super_table=True)).setdefault(platform, tomlkit.table())
    section.update(values)
    section.update(dict.fromkeys(secrets, IN_KEYRING) if kept else secrets)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made with its mode before there is anything in it.
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(tomlkit.dumps(content), encoding="utf-8")
    return IN_KEYRING if kept and secrets else f"in {path}, which only you can read"


def _settings(content: Mapping[str, Any], profile: str, platform: str) -> Mapping[str, Any]:
    """Return what the file says of a platform; empty if it says nothing.

    Raises:
        InvalidData: There is something else in the place of a table.
    """
    found: Any = content
    for depth, name in enumerate((profile, platform), 1):
        found = found.get(name, {})
        if not isinstance(found, Mapping):
            place = ".".join((profile, platform)[:depth])
            raise InvalidData(
                f"{place} in {config_path()} is no table.",
                hint=f'Settings stand below [{profile}.{platform}], one a line, such as name = "value".',
            )
    settings: Mapping[str, Any] = found
    return settings


def _from_keyring(profile: str, platform: str, field: str) -> str:
    keyring = _keyring()
    try:
        found = keyring.get_password(SERVICE, f"{profile}/{platform}/{field}") if keyring else None
    except keyring.errors.KeyringError as error:
        raise AuthenticationError(
            f"{field} is in the system keyring, which cannot be read: {error}.",
            hint=f"Unlock it, or give {field} in another way.",
        ) from error
    if found is None:
        raise AuthenticationError(
            f"{field} is said to be in the system keyring, and is not.", hint="Run `dragoman login` again."
        )
    return str(found)


def _into_keyring(profile: str, platform: str, field: str, secret: str) -> bool:
    """Put a secret into the keyring; return False where there is none that works."""
    keyring = _keyring()
    if keyring is None:
        return False
    try:
        keyring.set_password(SERVICE, f"{profile}/{platform}/{field}", secret)
    except keyring.errors.KeyringError:
        return False
    return True


def _keyring() -> Any:
    """Return the keyring library, or None where it is not installed or finds no keyring."""
    try:
        import keyring
        from keyring.backends.fail import Keyring as Nowhere
    except ImportError:
        return None
    return None if isinstance(keyring.get_keyring(), Nowhere) else keyring
