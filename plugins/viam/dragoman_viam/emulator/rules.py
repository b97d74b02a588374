"""Which training sets the cloud accepts, as its public documentation says (2025)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from dragoman_viam.emulator.refusals import Refusal, invalid

LABELLED = 0.8
"""Least part of the images that has a label."""
PER_LABEL = 10
"""Least number of examples (images or boxes) of each label."""
IMAGES = 15
"""Least number of images for object detection."""
CLASSES = 2
"""Least number of labels for classification."""


def check(images: Iterable[Any], wanted: Collection[str], *, detection: bool) -> tuple[str, ...]:
    """Return the labels that a managed training learns.

    Args:
        images: Metadata of the dataset's images.
        wanted: Labels to train on; all that occur if empty.
        detection: Whether boxes are learned, and not tags.

    Raises:
        Refusal: The set breaks a rule; the text names it.
    """
    found = [_labels(image, detection) for image in images]
    counts = Counter(label for labels in found for label in labels if not wanted or label in wanted)
    labels = tuple(sorted(wanted or counts))
    for broken in _broken(found, counts, labels, detection):
        raise broken
    return labels


def _broken(
    found: list[list[str]], counts: Counter[str], labels: tuple[str, ...], detection: bool
) -> Iterable[Refusal]:
    if not found:
        yield invalid("the dataset holds no images", "dataset_id")
        return
    labelled = sum(bool(labels) for labels in found) / len(found)
    if labelled < LABELLED:
        yield invalid(f"{labelled:.0%} of the images are labelled, and at least {LABELLED:.0%} must be", "dataset_id")
    if detection and len(found) < IMAGES:
        yield invalid(f"object detection needs at least {IMAGES} images, and there are {len(found)}", "dataset_id")
    if not detection and len(labels) < CLASSES:
        yield invalid(f"classification needs at least {CLASSES} labels, and there is {len(labels)}", "tags")
    for label in labels:
        if counts[label] < PER_LABEL:
            yield invalid(f"label {label!r} has {counts[label]} examples, and needs at least {PER_LABEL}", "tags")


def _labels(metadata: Any, detection: bool) -> list[str]:
    if detection:
        return [box.label for box in metadata.annotations.bboxes]
    return list(metadata.capture_metadata.tags)
