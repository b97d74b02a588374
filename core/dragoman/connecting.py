"""Opening backends by name, and listing them without importing any."""

from __future__ import annotations

from typing import Any

from dragoman.adapter import Adapter
from dragoman.plugins import installed
from dragoman.settings import resolve


def connect(name: str, *, profile: str | None = None, **settings: Any) -> Adapter:
    """Open the backend of that name.

    Args:
        name: A name that `backends()` lists.
        profile: Profile of the configuration file to take settings from.
        settings: Settings of the platform; they win over the environment, which wins over the profile.

    Raises:
        NotFound: No installed plugin adds a backend of that name.
        AuthenticationError: A key is missing.
        InvalidData: A setting is unknown or bad.
        PluginError: The plugin is installed and broken.
    """
    plugins = installed()
    platform = plugins.platform(name)
    resolved = resolve(platform.load("settings"), name, profile, settings)
    adapter: Adapter = platform.load("adapter")(resolved, plugins.hooks.hook)
    return adapter


def backends() -> dict[str, str]:
    """Return the installed backends, name to one-sentence description. Nothing of a platform is imported."""
    return {name: platform.description for name, platform in sorted(installed().platforms.items())}
