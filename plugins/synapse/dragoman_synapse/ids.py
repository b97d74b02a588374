"""Ids as they may stand in a path. What cannot be one of Synapse's names nothing, and is not sent."""

from __future__ import annotations

import re

from dragoman.errors import NotFound

_NUMBER = re.compile(r"[0-9]{1,19}")
_JOB = re.compile(r"[0-9a-fA-F-]{1,36}")


def number(key: str, kind: str) -> str:
    """Return the id of anything that Synapse numbers.

    Raises:
        NotFound: It is no number, so there is no such thing.
    """
    if not _NUMBER.fullmatch(key):
        raise NotFound(f"There is no {kind} {key!r}; Synapse numbers them.")
    return key


def job(key: str) -> str:
    """Return the id of a job, a number or a UUID.

    Raises:
        NotFound: It is neither.
    """
    if not _JOB.fullmatch(key):
        raise NotFound(f"There is no training {key!r}; the id of a job is a number or a UUID.")
    return key


def place(dataset: str) -> tuple[str, str | None]:
    """Part the id of a dataset from that of the version that it may name: `"209"` or `"209@124"`.

    Raises:
        NotFound: It names nothing.
    """
    key, mark, version = dataset.partition("@")
    return number(key, "dataset"), number(version, "version of a dataset") if mark else None
