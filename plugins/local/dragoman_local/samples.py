"""From sources to what a training learns: which items and frames count, and what is to be seen on each.

`examples` reads the labels, keeps those that were chosen and maps their features; `engine_samples` makes of them what
the engine takes. Labels of other kinds of geometry than the task's are passed over, and so are items without a label:
nobody has said that there is nothing on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData, NotFound
from dragoman.schema import AnyGeometry, Box, Item, Label, Mask, Model, Polygon, Task, TrainingSource, Whole
from dragoman_local.home import Home

if TYPE_CHECKING:
    from dragoman_local.engine.targets import Sample
    from dragoman_local.state import Splits

TRAIN, VALIDATION = "train", "validation"

LEARNED: Mapping[Task, tuple[type[AnyGeometry], ...]] = {
    Task.CLASSIFICATION: (Whole,),
    Task.OBJECT_DETECTION: (Box,),
    Task.INSTANCE_SEGMENTATION: (Polygon, Mask),
}
"""The geometries that each task learns from."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """One label in the terms of a model: index of its feature, and its shape."""

    feature: int
    shape: AnyGeometry


@dataclass(frozen=True, slots=True)
class Example:
    """An item of a dataset, or a frame of it, with its part in the training and what is to be seen on it."""

    dataset: str
    item: Item
    split: str
    frame: int | None = None
    targets: list[Target] = field(default_factory=list)


def every(fetch: Callable[[str | None, int], Page[T]], size: int = 5000) -> Iterator[T]:
    """Yield what all pages of a listing of the state hold."""
    page = fetch(None, size)
    yield from page.items
    while page.next is not None:
        page = fetch(page.next, size)
        yield from page.items


def examples(
    home: Home, model: Model, sources: Iterable[TrainingSource], splits: Splits | None = None
) -> list[Example]:
    """Return what a model is to learn from.

    Args:
        home: Where items and labels are.
        model: Its task says which geometry counts, its features which classes there are.
        sources: The datasets, and what is chosen of each.
        splits: The part that each item has, where that was decided before; else the sources and the items say it.

    Raises:
        NotFound: A source names a dataset, item or label that is not there.
        InvalidData: A label has a feature that the model does not know, has no area, lies outside its item, or lies on
            a video without a frame; or an item is of two classes.
    """
    return [example for source in sources for example in _of_source(home, model, source, splits)]


def unseen_features(found: Iterable[Example], model: Model) -> list[str]:
    """Return the features of a model that nothing to train on has."""
    seen = {target.feature for example in found if example.split == TRAIN for target in example.targets}
    return [name for index, name in enumerate(model.features) if index not in seen]


def _parts(source: TrainingSource, items: Mapping[str, Item]) -> dict[str, str]:
    """Return the part of each item: chosen items are trained on whatever their split, others as their split says."""
    parts = {key: item.split for key, item in items.items() if item.split == VALIDATION}
    if source.items is None:
        return parts | {key: TRAIN for key, item in items.items() if (item.split or TRAIN) == TRAIN}
    for key in source.items:
        if key not in items:
            raise NotFound(f"The dataset has no item with the key {key!r}.", field="items")
    return parts | dict.fromkeys(source.items, TRAIN)


def _of_source(home: Home, model: Model, source: TrainingSource, splits: Splits | None) -> Iterator[Example]:
    items = {item.key: item for item in every(lambda cursor, size: home.items.read(source.dataset, cursor, size))}
    parts = _parts(source, items) if splits is None else splits.get(source.dataset, {})
    learned = source.learned(model.features)
    index = {name: position for position, name in enumerate(model.features)}
    found: dict[tuple[str, int | None], Example] = {}
    for label in _chosen(home, source):
        if label.item not in parts or not isinstance(label.geometry, LEARNED[model.task or Task.OBJECT_DETECTION]):
            continue
        if label.feature not in learned:
            raise _unknown_feature(label, model)
        _check_shape(label, items[label.item])
        for frame in _frames(label, items[label.item]):
            example = found.setdefault(
                (label.item, frame), Example(source.dataset, items[label.item], parts[label.item], frame)
            )
            mine = [Target(index[name], label.geometry) for name in learned[label.feature]]
            if isinstance(label.geometry, Whole) and example.targets not in ([], mine):
                raise _two_classes(label, example, mine, model)
            # Saying the class of an item twice says no more than once.
            if example.targets != mine or not isinstance(label.geometry, Whole):
                example.targets.extend(mine)
    return iter(found.values())


def _chosen(home: Home, source: TrainingSource) -> Iterator[Label]:
    labels = every(lambda cursor, size: home.labels.read((source.dataset,), None, cursor, size))
    if source.labels is None:
        yield from labels
        return
    missing = set(source.labels)
    wanted = frozenset(missing)
    for label in labels:
        if label.id in wanted:
            missing.discard(label.id)
            yield label
    if missing:
        raise NotFound(f"The dataset has no label with the id {sorted(missing)[0]!r}.", field="labels")


def _frames(label: Label, item: Item) -> Iterable[int | None]:
    """Return the frames that a label is learned on: its own, or all of its span, but none between two keyframes."""
    if item.media != "video":
        return (None,)
    if label.frame is not None:
        return (label.frame,)
    if label.span is not None:
        return range(label.span[0], label.span[1] + 1)
    raise InvalidData(
        f"Label {label.id} lies on the video {item.key!r} as a whole; a training learns from frames.",
        hint="Give the label a frame or a span.",
        field="frame",
    )


def engine_samples(found: Iterable[Example], split: str) -> list[Sample]:
    """Return the engine's samples of one split."""
    return [sample for example in found if example.split == split for sample in _samples(example)]


def _samples(example: Example) -> Iterator[Sample]:
    import numpy as np

    from dragoman_local.engine.targets import BoxTarget, Sample, ShapeTarget

    image, shapes = Path(example.item.uri or ""), [target.shape for target in example.targets]
    classes = np.array([target.feature for target in example.targets], dtype=np.int64)
    boxes = [shape for shape in shapes if isinstance(shape, Box)]
    outlines = tuple(shape for shape in shapes if isinstance(shape, Polygon | Mask))
    if boxes:
        corners = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in boxes]
        yield Sample(image, BoxTarget(np.array(corners, dtype=np.float64), classes), example.frame)
    elif outlines:
        yield Sample(image, ShapeTarget(outlines, classes), example.frame)
    else:
        # An item of several classes, as a mapping to several features makes it, is seen once as each of them: that is
        # the same as to learn that they are equally probable.
        for kind in classes.tolist():
            yield Sample(image, kind, example.frame)


def _check_shape(label: Label, item: Item) -> None:
    """Raise `InvalidData` when nothing of a label is to be seen; what lies partly outside is cut off in training."""
    shape = label.geometry
    if isinstance(shape, Whole):
        return
    # It brings numpy, which whoever only lists trainings does not need.
    from dragoman.geometry import bounding_box

    what, box = f"The {shape.kind} of label {label.id} on item {label.item!r}", bounding_box(shape)
    if box is None or not (box.width and box.height):
        raise InvalidData(f"{what} has no area.", field="geometry.width")
    if not (item.width and item.height):
        return
    if min(box.x + box.width, box.y + box.height) <= 0 or box.x >= item.width or box.y >= item.height:
        raise InvalidData(
            f"{what} lies outside its {item.width} x {item.height} pixels.",
            hint="Coordinates are absolute pixels of the image as it is shown, after its EXIF orientation.",
            field="geometry",
        )


def _two_classes(label: Label, example: Example, targets: list[Target], model: Model) -> InvalidData:
    names = [model.features[target.feature] for target in (*example.targets, *targets)]
    return InvalidData(
        f"Item {label.item!r} is labelled {' and '.join(map(repr, dict.fromkeys(names)))}; "
        "a classifier learns one class per item.",
        field="feature",
    )


def _unknown_feature(label: Label, model: Model) -> InvalidData:
    return InvalidData(
        f"Label {label.id} on item {label.item!r} has the feature {label.feature!r}, which the model does not know.",
        hint=f"It knows: {', '.join(model.features)}. Map others with features={{...}}.",
        field="feature",
    )
