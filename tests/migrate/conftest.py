"""A source with everything on it, an empty target, and the migration between them, all in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory import MemoryAdapter, open_memory
from moving import SCOPE, filled_source

from dragoman import Migration


@pytest.fixture
def source(tmp_path: Path) -> MemoryAdapter:
    """A dataset with media files, an ontology, labels, and a model with one version and its predictions."""
    return filled_source(tmp_path)


@pytest.fixture
def target() -> MemoryAdapter:
    """A platform with nothing on it."""
    return open_memory(name="there")


@pytest.fixture
def migration(source: MemoryAdapter, target: MemoryAdapter) -> Migration:
    """The move of everything from one to the other."""
    return Migration(source, target, SCOPE)
