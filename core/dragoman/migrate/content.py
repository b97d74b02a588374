"""What counts as the content of a row when two sides are compared: canonical JSON, and a digest of it.

Provenance is left out: it says where a row came from, and that differs by nature. So are an item's id and uri, which
every platform gives anew. Coordinates are rounded to `DIGITS`, since platforms convert them to shares of an image, to
radians, or to texts, and back.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from dragoman.schema import Item, Label, Model

DIGITS = 7
"""Decimals of a pixel that count."""

_encode = msgspec.json.Encoder(order="sorted").encode
_ITEM_FIELDS = ("width", "height", "media", "split", "metadata")
_MODEL_FIELDS = ("name", "task", "features", "description")


def content_of(row: msgspec.Struct) -> bytes:
    """Return an item's, label's or prediction's content, the id left out."""
    if isinstance(row, Item):
        return _encode({name: getattr(row, name) for name in _ITEM_FIELDS})
    assert isinstance(row, Label)
    plain = msgspec.to_builtins(row)
    plain.pop("id", None)
    plain.pop("provenance", None)
    plain["geometry"] = _rounded(plain["geometry"])
    return _encode(plain)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return {name: _rounded(one) for name, one in value.items()} if isinstance(value, dict) else value


def model_content(model: Model) -> bytes:
    """Return what a model says of itself."""
    return _encode({name: getattr(model, name) for name in _MODEL_FIELDS})


def digest(content: bytes) -> bytes:
    """Return 16 bytes that stand for a content."""
    return hashlib.blake2b(content, digest_size=16).digest()


class Fingerprint:
    """Tells whether rows have changed, whatever their order; it keeps track of rows that are there twice."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0
        self._encode = msgspec.json.Encoder().encode

    def add(self, row: msgspec.Struct) -> None:
        """Take a row into account. A link's query is left out: signatures of links change by the hour."""
        if isinstance(row, Item) and row.uri and row.uri.startswith(("http://", "https://")):
            row = msgspec.structs.replace(row, uri=row.uri.partition("?")[0])
        self.add_digest(digest(self._encode(row)))

    def add_digest(self, value: bytes) -> None:
        """Take into account a row of which only a digest is known."""
        self.rows += 1
        self._sum += int.from_bytes(value, "big")

    def __str__(self) -> str:
        return f"{self.rows}:{self._sum % 2**128:032x}"
