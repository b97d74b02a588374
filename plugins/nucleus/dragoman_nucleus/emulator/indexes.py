"""Embedding indexes of a dataset: what is in them, and how embeddings are shown.

There is no embedding network here. The internal index of images holds the 64 bits of each image's perceptual hash as
numbers, so that like images have like embeddings; an embedding that came with the item goes before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dragoman_nucleus.emulator.items import Item, Json


@dataclass(kw_only=True)
class EmbeddingIndex:
    """One index of a dataset. `covered` are the ids of the items, or counts the objects, that it holds."""

    id: str
    level: str
    """`Image` or `Object`."""
    type: str
    """`Internal` or `Custom`."""
    dimension: int
    run_id: str | None = None
    """Whose predictions an index of objects holds; `None` for ground truth."""
    status: str = "Started"
    covered: frozenset[str] = frozenset()

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "status": self.status,
            "index_type": self.type,
            "index_level": self.level,
            "embedding_type": "phash" if self.type == "Internal" else "custom",
            "embedding_dimension": self.dimension,
        }


def embeddings(items: Iterable[Item], indexes: Iterable[EmbeddingIndex]) -> list[dict[str, Any]]:
    """Return the embeddings of the items that have one."""
    indexed = frozenset[str]().union(*(index.covered for index in indexes if index.level == "Image"))
    rows = ((item.reference_id, _vector(item, indexed)) for item in items)
    return [{"reference_id": key, "embedding_vector": vector} for key, vector in rows if vector is not None]


def _vector(item: Item, indexed: frozenset[str]) -> list[float] | None:
    if item.embedding_info is not None:
        given: list[float] = item.embedding_info["embedding_vector"]
        return given
    return [float(bit) for bit in item.phash] if item.id in indexed and item.phash else None
