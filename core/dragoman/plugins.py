"""Finds and loads plugins: every installed distribution with an entry point in the group `dragoman`.

One broken plugin neither stops the rest nor hides: its failure is kept for `dragoman doctor`, or raised at once when
`DRAGOMAN_STRICT_PLUGINS` is set. `DRAGOMAN_PLUGINS` (names, comma-separated) restricts what is loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

import pluggy

from dragoman import hookspecs
from dragoman.errors import NotFound, PluginError
from dragoman.parts import load_part

if TYPE_CHECKING:
    from dragoman.formats import Format

GROUP = "dragoman"


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that a plugin adds. Its parts are `"module:name"` strings, imported when first used.

    Args:
        name: Short lower-case name, as in `connect(name)`.
        title: The platform's own name.
        description: One sentence.
        adapter: The `Adapter` subclass.
        settings: The `PlatformSettings` subclass.
        emulator: A function `(**options) -> Emulation`, or None.
    """

    name: str
    title: str
    description: str
    adapter: str
    settings: str
    emulator: str | None = None

    def load(self, part: str) -> Any:
        """Import and return one of the parts: `"adapter"`, `"settings"` or `"emulator"`.

        Raises:
            PluginError: It cannot be imported, and the cause says why; or it is something else.
            NotFound: The platform has no such part.
        """
        found = load_part(self, part)
        wanted = _base_of(part)
        if wanted is not None and not (isinstance(found, type) and issubclass(found, wanted)):
            target = getattr(self, part)
            raise PluginError(f"The {part} {target} is no subclass of {wanted.__name__}.", platform=self.name)
        return found


def _base_of(part: str) -> type | None:
    if part == "adapter":
        from dragoman.adapter import Adapter

        return Adapter
    if part == "settings":
        from dragoman.settings import PlatformSettings

        return PlatformSettings
    return None


@dataclass(slots=True)
class Loaded:
    """The result of loading: the hooks, the platforms by name, and the failures by plugin name."""

    hooks: pluggy.PluginManager
    platforms: dict[str, Platform] = field(default_factory=dict)
    failures: dict[str, Exception] = field(default_factory=dict)

    def formats(self) -> dict[str, Format]:
        """Return the file formats by name: the built-in ones and those of plugins."""
        from dragoman import formats

        if not self.hooks.is_registered(formats):
            self.hooks.register(formats)
        found: list[Format] = []
        self.hooks.hook.dragoman_formats(register=found.append)
        return {format.name: format for format in sorted(found, key=lambda format: format.name)}

    def platform(self, name: str) -> Platform:
        """Return the platform of that name.

        Raises:
            NotFound: No installed plugin adds it; the hint names the nearest or lists all.
            PluginError: Its plugin is installed and broken.
        """
        if name in self.platforms:
            return self.platforms[name]
        if name in self.failures:
            reason = self.failures[name]
            raise PluginError(f"The plugin {name!r} is installed and does not load: {reason}") from reason
        near = get_close_matches(name, self.platforms, n=1)
        known = ", ".join(sorted(self.platforms)) or "none"
        hint = f"Did you mean {near[0]!r}?" if near else f"Installed: {known}."
        raise NotFound(f"There is no backend named {name!r}.", hint=hint)


def load(found: list[EntryPoint] | None = None) -> Loaded:
    """Load plugins from `found`, by default all installed entry points of the group.

    Raises:
        PluginError: A plugin failed and `DRAGOMAN_STRICT_PLUGINS` is set.
    """
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    loaded = Loaded(manager)
    only = {name.strip() for name in os.environ.get("DRAGOMAN_PLUGINS", "").split(",") if name.strip()}
    for entry in entry_points(group=GROUP) if found is None else found:
        if only and entry.name not in only:
            continue
        try:
            _load_one(loaded, entry)
        except Exception as error:
            if os.environ.get("DRAGOMAN_STRICT_PLUGINS"):
                raise PluginError(f"The plugin {entry.name!r} ({entry.value}) does not load: {error}") from error
            loaded.failures[entry.name] = error
    return loaded


def _load_one(loaded: Loaded, entry: EntryPoint) -> None:
    plugin = entry.load()
    loaded.hooks.register(plugin, name=entry.name)
    try:
        loaded.hooks.check_pending()
        if not loaded.hooks.get_hookcallers(plugin):
            raise PluginError(
                f"{entry.value} implements none of the hooks.", hint="Mark its functions with `dragoman.hookimpl`."
            )
        platforms: list[Platform] = []
        for implementation in loaded.hooks.hook.dragoman_platforms.get_hookimpls():
            if implementation.plugin is plugin:
                implementation.function(register=platforms.append)
                if not platforms:
                    raise PluginError(
                        f"{entry.value} registers no platform.",
                        hint="Call `register(Platform(...))`; nothing is returned.",
                    )
        for platform in platforms:
            if platform.name in loaded.platforms:
                raise PluginError(f"Two plugins add a platform named {platform.name!r}.")
        loaded.platforms.update({platform.name: platform for platform in platforms})
    except Exception:
        loaded.hooks.unregister(plugin)
        raise


@cache
def installed() -> Loaded:
    """Return the installed plugins, loaded once per process."""
    return load()
