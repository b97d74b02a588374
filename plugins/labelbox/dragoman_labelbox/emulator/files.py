"""Files of the emulated account: what clients upload, and what they download by URL.

Every file has an unguessable URL and needs no credentials; masks alone are served behind the key, as on the platform.
A file name that a client sends is never used as a path.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True)
class File:
    """Bytes and their content type."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class Composite:
    """One RGB image that shows all masks of a label: height, width, and (colour, PNG of the mask) in order."""

    height: int
    width: int
    parts: list[tuple[tuple[int, int, int], bytes]]


class Files:
    """All files of one emulation."""

    def __init__(self) -> None:
        self.by_token: dict[str, File] = {}
        self.composites: dict[str, Composite] = {}
        self.of_frames: dict[str, dict[int, bytes]] = {}
        """Images of the masks of videos: token to frame to PNG."""

    def put(self, content: bytes, content_type: str = "application/octet-stream", token: str | None = None) -> str:
        """Keep a file and return its token; a given token's file is replaced."""
        token = token or secrets.token_hex(16)
        self.by_token[token] = File(content, content_type)
        return token

    def put_json(self, value: Any) -> str:
        """Keep a value as a JSON file and return its token."""
        return self.put(msgspec.json.encode(value), "application/json")

    def put_composite(self, composite: Composite) -> str:
        """Keep a composite mask and return its token."""
        token = secrets.token_hex(8)
        self.composites[token] = composite
        return token

    def put_frames(self, images: dict[int, bytes]) -> str:
        """Keep the images of a video's masks and return their token."""
        token = secrets.token_hex(8)
        self.of_frames[token] = images
        return token

    def at(self, url: str) -> File | None:
        """Return the file that a URL of ours means."""
        return self.by_token.get(url.rpartition("/files/")[2])
