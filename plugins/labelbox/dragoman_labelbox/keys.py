"""How names here and names there belong together: item keys and global keys, row ids and uuids, frames.

Labelbox names a data row by its own id, by an optional global key that is unique in the organization, and by an
external id that is unique nowhere and cannot be addressed in imports. An item's key is the global key.
"""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.schema import derive_id

_SHAPE = b"00000000-0000-0000-0000-000000000000\n"
_DIGITS_AS_0 = bytes(ord("0") if byte in b"0123456789abcdef" else byte if byte in b"-\n" else 1 for byte in range(256))

_NUMBERED = "64726167-6f6d-816e-8000-"
"""What the uuids of numbers begin with: a UUIDv8 (RFC 9562, section 5.8), whose first bytes spell our name."""
_DIGITS = 12
"""How many digits of a number the rest of a uuid holds."""

FIRST_FRAME = 1
"""Labelbox counts frames from 1, Dragoman from 0."""


class Keys:
    """Item keys of one dataset, and global keys.

    Args:
        dataset: Id of the dataset; empty if it is not known, where keys are global keys.
        scoped: Whether keys are written with the dataset's id before them; read they are in both forms.
    """

    def __init__(self, dataset: str, *, scoped: bool) -> None:
        self._prefix = f"{dataset}/" if dataset else ""
        self._scoped = scoped

    def out(self, key: str) -> str:
        """Return the global key of an item's key."""
        return self._prefix + key if self._scoped else key

    def read(self, global_key: str | None, external_id: str | None, row_id: str) -> str:
        """Return an item's key: its global key, else its external id, else its id."""
        return global_key.removeprefix(self._prefix) if global_key else external_id or row_id


def are_uuids(row_ids: Sequence[str]) -> bool:
    """Say whether all ids are UUIDs as Labelbox wants them: in small letters."""
    # All at once, by their shape: a regular expression takes as long for each as everything else that is done to a row.
    together = "\n".join([*row_ids, ""]).encode(errors="replace")
    return together.translate(_DIGITS_AS_0) == _SHAPE * len(row_ids)


def uuid_of(row_id: str) -> str:
    """Return the uuid under which a row is imported: its id if that is one, else one made of it.

    A number, such as an annotation of COCO's has, is found again at the uuid's end. Other ids are hashed, which takes
    eight times as long.
    """
    if len(row_id) <= _DIGITS and row_id.isdecimal() and row_id.isascii() and row_id[0] != "0":
        return _NUMBERED + row_id.zfill(_DIGITS)
    return row_id if len(row_id) == 36 and are_uuids([row_id]) else derive_id(row_id)


def frame_out(frame: int) -> int:
    """Return Labelbox's number of a frame."""
    return frame + FIRST_FRAME


def frame_in(number: int | str) -> int:
    """Return our number of a frame."""
    return int(number) - FIRST_FRAME
