"""JSON on the way out, also with integers beyond 64 bits, which metadata may hold and msgspec does not write."""

from __future__ import annotations

import json

import msgspec


def encode(value: object) -> bytes:
    """Return a value, plain or of structs, as compact JSON."""
    try:
        return msgspec.json.encode(value)
    except OverflowError:
        return json.dumps(msgspec.to_builtins(value), ensure_ascii=False, separators=(",", ":")).encode()
