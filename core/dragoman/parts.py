"""Parts of plugins: named as `"module:name"` strings, imported when they are first used."""

from __future__ import annotations

import importlib
from typing import Any

from dragoman.errors import NotFound, PluginError


def load_part(owner: Any, part: str) -> Any:
    """Import and return what `owner`, a `Platform` or `Format`, names in its field `part`.

    Raises:
        PluginError: It is not named, or cannot be imported; the cause says why.
        NotFound: The owner has no such part.
    """
    target: str | None = getattr(owner, part)
    if target is None:
        raise NotFound(f"{owner.title} has no {part}.", platform=owner.name)
    if not isinstance(target, str):
        raise PluginError(f"The {part} is given as {target!r}.", hint='Name it: "module:name".', platform=owner.name)
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        extra = part == "emulator" and isinstance(error, ModuleNotFoundError)
        raise PluginError(
            f"The {part} {target} cannot be imported: {type(error).__name__}: {error}",
            hint="Install the plugin with its extra `emulator`." if extra else "`dragoman doctor` checks every plugin.",
            platform=owner.name,
        ) from error
