"""File names for keys: inside their folder, each once, and the key itself wherever that is possible."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote

_LONGEST = 200
"""Bytes of one part of a path; file systems take 255 and a suffix is added."""
_PLAIN = " !#$&'()+,;=@[]{}~^`"
"""Characters besides letters, digits and _.-~ that stay as they are."""


class Names:
    """Gives every key a path of its own; two keys that differ only in suffix or case do not get the same stem."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def path(self, key: str) -> PurePosixPath:
        """Return a relative path for the key whose stem no other key has been given."""
        plain = PurePosixPath(*(_safe(part) for part in key.split("/")))
        path, copy = plain, 1
        while (taken := str(path.with_suffix("")).casefold()) in self._taken:
            copy += 1
            path = plain.with_name(f"{plain.stem}-{copy}{plain.suffix}")
        self._taken.add(taken)
        return path


def _safe(part: str) -> str:
    text = "".join(
        character if character.isalnum() or character in _PLAIN else quote(character, safe="", errors="replace")
        for character in part
    )
    # A part of dots alone would be a folder, a leading dot a hidden file.
    if not text.strip(". ") or text.startswith("."):
        text = text.replace(".", "%2E") or "%00"
    if len(text.encode()) > _LONGEST:
        text = (
            f"{text.encode()[: _LONGEST - 40].decode(errors='ignore')}-{_digest(part)}{PurePosixPath(text).suffix[:10]}"
        )
    return text


def _digest(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode(errors="replace")).hexdigest()[:16]
