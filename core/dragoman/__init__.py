"""Dragoman speaks to every machine-learning and annotation platform through one API.

The public names; each is imported when it is first used, so that `import dragoman` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dragoman.adapter import Adapter, facet
    from dragoman.capability import EXACT, Fidelity, FidelityTable, Gap, Level, Survival
    from dragoman.connecting import backends, connect
    from dragoman.errors import (
        AuthenticationError,
        Conflict,
        DragomanError,
        InvalidData,
        NotFound,
        OutcomeUnknown,
        PartialFailure,
        PermissionDenied,
        PlatformError,
        PluginError,
        RateLimited,
        Timeout,
        Unavailable,
        Unsupported,
        WouldLose,
    )
    from dragoman.hookspecs import hookimpl
    from dragoman.migrate import Migration
    from dragoman.plugins import Platform
    from dragoman.schema import (
        Box,
        Cuboid,
        Dataset,
        Evaluation,
        Feature,
        Item,
        Keypoint,
        Keypoints,
        Label,
        Mask,
        MatchPolicy,
        Model,
        Ontology,
        Outcome,
        Point,
        Polygon,
        Polyline,
        Prediction,
        Provenance,
        Report,
        RotatedBox,
        Status,
        Task,
        Training,
        Version,
        Whole,
        decode_rows,
        encode_rows,
    )

_HOMES = {
    "adapter": "Adapter facet",
    "capability": "EXACT Fidelity FidelityTable Gap Level Survival",
    "connecting": "backends connect",
    "errors": "AuthenticationError Conflict DragomanError InvalidData NotFound OutcomeUnknown PartialFailure "
    "PermissionDenied PlatformError PluginError RateLimited Timeout Unavailable Unsupported WouldLose",
    "hookspecs": "hookimpl",
    "migrate": "Migration",
    "plugins": "Platform",
    "schema": "Box Cuboid Dataset Evaluation Feature Item Keypoint Keypoints Label Mask MatchPolicy Model Ontology "
    "Outcome Point Polygon Polyline Prediction Provenance Report RotatedBox Status Task Training Version Whole "
    "decode_rows encode_rows",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__version__ = "0.1.0"
__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'dragoman' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"dragoman.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
