"""Export rows: one per item, with all its ground truth or all its predictions, as the training exports show
them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dragoman_nucleus.emulator.items import Item
from dragoman_nucleus.emulator.rows import Row, Rows, grouped

LISTS = ("box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory")
"""Keys that the SDK insists on in every row."""


def export_row(item: Item, rows: Rows, *, mirrored: bool = False) -> dict[str, Any]:
    """Return the export row of one item. A mask is an object here, while all other answers have a list.

    Args:
        item: The item.
        rows: Where its rows are.
        mirrored: Whether to add the URL of the mirrored image.
    """
    groups = grouped(rows.on(item.id))
    masks = groups.get("segmentation", [])
    lists = {kind: groups.get(kind, []) for kind in LISTS}
    return {"item": item.to_json(mirrored=mirrored), **lists, "segmentation": masks[0] if masks else None}


def export_rows(items: Iterable[Item], rows: Rows, *, mirrored: bool = False) -> list[dict[str, Any]]:
    """Return the export rows of some items."""
    return [export_row(item, rows, mirrored=mirrored) for item in items]


def class_labels(rows: Iterable[Row]) -> list[str]:
    """Return the class names that occur in some rows, in the order of first occurrence."""
    return list(dict.fromkeys(label for row in rows for label in row.labels()))
