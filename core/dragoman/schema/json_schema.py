"""JSON Schema (draft 2020-12) of all public types, one document for both planes.

The data plane's schemas are msgspec's, the control plane's pydantic's. `docs/schema/` holds them; a test keeps it so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from pydantic import BaseModel

from dragoman import schema

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, dict[str, Any]]:
    """Return the name of every public type of the schema to its JSON Schema."""
    found: dict[str, dict[str, Any]] = {}
    for name in schema.__all__:
        kind = getattr(schema, name)
        if not isinstance(kind, type):
            continue
        if issubclass(kind, BaseModel):
            found[name] = {"$schema": DRAFT, **kind.model_json_schema()}
        elif issubclass(kind, msgspec.Struct) and kind is not schema.Geometry:
            found[name] = {"$schema": DRAFT, **msgspec.json.schema(kind)}
    return dict(sorted(found.items()))


def write(folder: Path) -> None:
    """Write one file per type to a folder, and remove those of types that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for name, document in schemas().items():
        (folder / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
