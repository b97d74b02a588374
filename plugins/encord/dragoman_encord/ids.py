"""Ids: those that stand for two of Encord's (an iteration is named by its model too, an attachment by its project), and
the hashes of what is made in an ontology."""

from __future__ import annotations

import hashlib
from uuid import UUID

from dragoman.errors import NotFound


def pair(first: object, second: object) -> str:
    """Return the id of something that Encord names by two."""
    return f"{first}/{second}"


def parts(key: str, kind: str) -> tuple[str, str]:
    """Return the two ids in one.

    Raises:
        NotFound: It is not such an id.
    """
    first, _, second = key.partition("/")
    if not (_may_be(first) and _may_be(second)):
        raise NotFound(f"There is no {kind} {key!r}: such an id is two of Encord's UUIDs with a slash between them.")
    return first, second


def checked(key: str, kind: str) -> str:
    """Return an id that can be one of Encord's, which are UUIDs.

    Raises:
        NotFound: It cannot; nothing was asked.
    """
    if not _may_be(key):
        raise NotFound(f"There is no {kind} {key!r}: Encord's ids are UUIDs.")
    return key


def _may_be(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True


def hash_of(above: str, name: str) -> str:
    """Return a hash in Encord's own form, eight characters, that is the same for the same place in an ontology."""
    return hashlib.blake2b(f"{above}\0{name}".encode(), digest_size=4).hexdigest()
