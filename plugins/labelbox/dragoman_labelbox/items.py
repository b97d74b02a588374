"""Pure translation between items and Labelbox's data rows. No network.

What Labelbox has no field for (size, split, the user's metadata, ...) is kept as JSON in one text field of the data
row's metadata, named `dragoman`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.media import path_at
from dragoman.schema import Item
from dragoman_labelbox.keys import Keys

Json = dict[str, Any]

FIELD = "dragoman"
"""Name of the metadata field."""
FIELD_LENGTH = 4096
"""Most characters of a text field, by the vendor's documentation."""
REMOTE = ("http://", "https://", "gs://")
_MEDIA = {"image": "IMAGE", "video": "VIDEO"}
_DEFAULTS = {"media": "image", "orientation": 1, "metadata": {}}
_FIELDS = (
    "width",
    "height",
    "split",
    "media",
    "frames",
    "frame_rate",
    "orientation",
    "content_hash",
    "metadata",
)

_encode = msgspec.json.Encoder().encode


def kept_text(item: Item) -> str | None:
    """Return what is kept of an item as text; None if there is nothing to keep."""
    kept = {name: getattr(item, name) for name in _FIELDS}
    said = {name: value for name, value in kept.items() if value is not None and value != _DEFAULTS.get(name)}
    return _encode(said).decode() if said else None


def item_out(item: Item, keys: Keys, schema: str | None) -> Json:
    """Return an item as the SDK takes it.

    Args:
        item: An item whose uri is a path of this machine or an address.
        keys: Translates its key.
        schema: Id of the metadata field; None if nothing is kept.
    """
    wire: Json = {
        "row_data": str(path_at(item.uri)) if not is_remote(item) else item.uri,
        "global_key": keys.out(item.key),
        # Without it the SDK would send the path of the file on this machine.
        "external_id": item.key,
    }
    if item.media == "video":
        wire["media_type"] = _MEDIA[item.media]
    if schema is not None and (text := kept_text(item)):
        wire["metadata_fields"] = [{"schema_id": schema, "value": text}]
    return wire


def item_in(wire: Json, keys: Keys) -> Item:
    """Return a data row as an item."""
    media = wire.get("mediaAttributes") or {}
    fields: Json = {"width": media.get("width"), "height": media.get("height")}
    if media.get("frameCount"):
        fields |= {"media": "video", "frames": media["frameCount"], "frame_rate": media.get("frameRate")}
    metadata: Json = {}
    for field in wire.get("metadataFields") or ():
        if field["name"] == FIELD:
            fields |= msgspec.json.decode(field["value"])
        elif field["name"]:
            metadata[field["name"]] = field["value"]
    fields["metadata"] = {**metadata, **fields.get("metadata", {})}
    key = keys.read(wire.get("globalKey"), wire.get("externalId"), wire["id"])
    return Item(key=key, id=wire["id"], uri=wire.get("rowData"), **fields)


def is_remote(item: Item) -> bool:
    """Say whether an item's media is at an address that Labelbox fetches itself."""
    return (item.uri or "").startswith(REMOTE)
