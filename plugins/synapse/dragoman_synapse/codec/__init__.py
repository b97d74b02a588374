"""Pure translation between canonical rows and Synapse's annotation documents, both forms of them. No network.

A document is about one item. The first form (`v1`) is what the platform stores; the second (`v2`) what plugins answer.
Both are read into marks, which are the same for either, and marks are translated to rows (`rows`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.errors import PlatformError
from dragoman.schema import Label, Prediction
from dragoman_synapse.codec import v1, v2
from dragoman_synapse.codec.marks import Mark
from dragoman_synapse.codec.rows import labels_of, marks_of, predictions_of

Size = tuple[int, int]

__all__ = ["labels_in", "labels_of", "marks_of", "predictions_in", "predictions_of", "read", "v1", "v2"]


def read(document: Any, *, size: Size | None = None) -> list[Mark]:
    """Return the marks of a document of either form.

    Args:
        document: The decoded JSON.
        size: Width and height of the item, for masks in documents that do not say.

    Raises:
        PlatformError: It is of neither form, or malformed.
    """
    form = next((form for form in (v1, v2) if isinstance(document, dict) and form.recognised(document)), None)
    if form is None:
        raise PlatformError("An annotation document of Synapse is of neither form that is known.")
    try:
        marks = form.read(document)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, msgspec.DecodeError) as error:
        raise PlatformError(
            f"An annotation document of Synapse is malformed: {type(error).__name__} {error}"
        ) from error
    for mark in marks:
        mark.size = mark.size or size
    return marks


def labels_in(document: Any, item: str, *, size: Size | None = None) -> list[Label]:
    """Return the labels that a document holds for an item; see `read`."""
    return labels_of(read(document, size=size), item)


def predictions_in(
    document: Any, item: str, version: str | None = None, *, size: Size | None = None
) -> list[Prediction]:
    """Return the predictions that a document holds for an item; see `read`."""
    return predictions_of(read(document, size=size), item, version)
