"""Check for a torchvision that is installed but does not load.

The engine does not use torchvision. transformers does when it finds the package, and every import of
transformers fails when the package is broken, with a message that names neither cause nor cure.
"""

from __future__ import annotations

import importlib
from importlib.util import find_spec

from dragoman.errors import PluginError


def require_torchvision_sound() -> None:
    """Raise `PluginError` when torchvision is installed and its import fails; being absent is fine."""
    if find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise PluginError(
            "torchvision is installed but cannot be loaded, most likely because it was built for another torch.",
            hint="Uninstall torchvision (the local backend does not need it) or install the build that matches torch.",
        ) from error
