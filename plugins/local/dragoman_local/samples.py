"""From items and labels to what a training learns: which items count, and what is to be seen on each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData
from dragoman.schema import Box, Item, Label, Model, Task, Whole

if TYPE_CHECKING:
    from dragoman_local.engine.config import Sample

TRAIN, VALIDATION = "train", "validation"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """One label in the terms of a model: index of its feature, and the box where the task is detection."""

    feature: int
    box: Box | None = None


def every(fetch: Callable[[str | None, int], Page[T]], size: int = 5000) -> Iterator[T]:
    """Yield what all pages of a listing of the state hold."""
    page = fetch(None, size)
    yield from page.items
    while page.next is not None:
        page = fetch(page.next, size)
        yield from page.items


def split_of(item: Item) -> str | None:
    """Return the part that an item has in a training: `train`, which is also for no split, `validation`, or None."""
    split = item.split or TRAIN
    return split if split in (TRAIN, VALIDATION) else None


def read_targets(
    labels: Iterable[Label], items: Mapping[str, object], model: Model, features: Mapping[str, str]
) -> dict[str, list[Target]]:
    """Return the targets of each labelled item by its key.

    Labels of other kinds of geometry than the task's are passed over, and so are items without a label: nobody has
    said that there is nothing on them.

    Args:
        labels: Labels of the dataset.
        items: Keys of the items that count.
        model: Its task says which geometry counts, its features which classes there are.
        features: Label feature to model feature, where the names differ.

    Raises:
        InvalidData: The mapping or a label names a feature that the model does not know, a box has no area, or an
            item is of two classes.
    """
    index = {name: position for position, name in enumerate(model.features)}
    _check_mapping(features, model)
    geometry = Box if model.task is Task.OBJECT_DETECTION else Whole
    targets: dict[str, list[Target]] = {}
    for label in labels:
        if label.item not in items or not isinstance(label.geometry, geometry):
            continue
        feature = features.get(label.feature, label.feature)
        if feature not in index:
            raise _unknown_feature(label, feature, model)
        found = targets.setdefault(label.item, [])
        if isinstance(label.geometry, Box):
            if not (label.geometry.width and label.geometry.height):
                raise InvalidData(
                    f"The box of label {label.id} on item {label.item!r} has no area.", field="geometry.width"
                )
            found.append(Target(index[feature], label.geometry))
        elif not found:
            found.append(Target(index[feature]))
        elif found[0].feature != index[feature]:
            raise InvalidData(
                f"Item {label.item!r} is labelled {model.features[found[0].feature]!r} and {feature!r}; a classifier "
                "learns one class per item.",
                field="feature",
            )
    return targets


def samples_of(items: Iterable[Item], targets: Mapping[str, list[Target]], split: str) -> list[Sample]:
    """Return the engine's samples of one split."""
    return [
        _sample(Path(item.uri), targets[item.key])
        for item in items
        if item.split == split and item.uri and item.key in targets
    ]


def _sample(image: Path, targets: list[Target]) -> Sample:
    import numpy as np

    from dragoman_local.engine.config import BoxTarget, Sample

    boxes = [target.box for target in targets if target.box is not None]
    if not boxes:
        return Sample(image, targets[0].feature)
    corners = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in boxes]
    classes = [target.feature for target in targets]
    return Sample(image, BoxTarget(np.array(corners, dtype=np.float64), np.array(classes, dtype=np.int64)))


def _check_mapping(features: Mapping[str, str], model: Model) -> None:
    for source, target in features.items():
        if target not in model.features:
            raise InvalidData(
                f"The mapping of {source!r} names {target!r}, a feature that the model does not know.",
                hint=f"It knows: {', '.join(model.features)}.",
                field="features",
            )


def _unknown_feature(label: Label, feature: str, model: Model) -> InvalidData:
    renamed = f" (mapped from {label.feature!r})" if feature != label.feature else ""
    return InvalidData(
        f"Label {label.id} on item {label.item!r} has the feature {feature!r}{renamed}, which the model does not know.",
        hint=f"It knows: {', '.join(model.features)}. Map others with features={{...}}.",
        field="feature",
    )
