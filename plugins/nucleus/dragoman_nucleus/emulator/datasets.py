"""Datasets with what belongs to them, and slices: plain objects that hold state and know how they are shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dragoman_nucleus.emulator.indexes import EmbeddingIndex
from dragoman_nucleus.emulator.items import Item, Json, Registry, Scene
from dragoman_nucleus.emulator.rows import Category, MultiCategory, Row, Rows


def _items() -> Registry[Item]:
    return Registry("Item")


def _scenes() -> Registry[Scene]:
    return Registry("Scene")


@dataclass(kw_only=True)
class Dataset:
    id: str
    name: str
    is_scene: bool = False
    use_privacy_mode: bool = False
    item_metadata_schema: Json | None = None
    annotation_metadata_schema: Json | None = None
    tags: list[str] = field(default_factory=list)
    taxonomies: dict[str, Json] = field(default_factory=dict)
    items: Registry[Item] = field(default_factory=_items)
    scenes: Registry[Scene] = field(default_factory=_scenes)
    tracks: dict[str, Json | None] = field(default_factory=dict)
    """Metadata of the tracks by their reference id."""
    ground_truth: Rows = field(default_factory=Rows)
    indexes: list[EmbeddingIndex] = field(default_factory=list)
    continuous_indexing: bool = False

    def find(self, row: Row) -> Item | Scene | None:
        """Return what a row is for, or `None`.

        An item id goes before a reference id. A category may also name a scene, where no item has its reference id.
        """
        if row.item_id is not None:
            return self.items.by_id.get(row.item_id)
        if row.reference_id is None:
            return None
        item = self.items.by_reference.get(row.reference_id)
        if item is None and isinstance(row, Category):
            return self.scenes.by_reference.get(row.reference_id)
        return item

    def known(self, reference_id: str) -> Item | Scene | None:
        """Return the item with a reference id, or the scene if no item has it, or `None`."""
        return self.items.by_reference.get(reference_id) or self.scenes.by_reference.get(reference_id)

    def target(self, reference_id: str) -> Item | Scene:
        """Return the item with a reference id, or the scene if no item has it.

        Raises:
            ApiError: 404, neither exists.
        """
        return self.known(reference_id) or self.items.reference(reference_id)

    def targets(self) -> list[Item | Scene]:
        """Return all that can carry rows, in the order of exports: items, then scenes."""
        return [*self.items, *self.scenes]

    def refusal(self, row: Category | MultiCategory) -> str | None:
        """Return why a category does not conform to its taxonomy, or `None`; without a taxonomy any label does."""
        if row.taxonomy_name is None:
            return None
        taxonomy = self.taxonomies.get(row.taxonomy_name)
        if taxonomy is None:
            return f"Taxonomy {row.taxonomy_name} does not exist."
        unknown = [label for label in row.labels() if label not in taxonomy["labels"]]
        return f"Taxonomy {row.taxonomy_name} has no label {unknown[0]}." if unknown else None

    def track_json(self, track_id: str) -> Json:
        """Return a track as it is shown."""
        return {"reference_id": track_id, "dataset_id": self.id, "metadata": self.tracks[track_id]}


@dataclass(kw_only=True)
class Slice:
    """A named part of a dataset: items, scenes or objects, never two kinds at once."""

    id: str
    name: str
    dataset_id: str
    created: datetime
    type: str = "dataset_item"
    """`dataset_item`, `scene` or `object`."""
    member_ids: set[str] = field(default_factory=set)
    """Ids of items, of scenes or of rows."""
    tags: list[str] = field(default_factory=list)

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "slice_id": self.id,
            "name": self.name,
            "dataset_id": self.dataset_id,
            "created_at": self.created.replace(tzinfo=None).isoformat() + "Z",
            "pending_job_count": 0,
            "type": self.type,
            "description": None,
            "tags": self.tags,
        }
