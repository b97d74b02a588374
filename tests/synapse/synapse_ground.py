"""Ground truth in the emulator, as its review flow would have made it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dragoman import Box, Label
from dragoman.conformance.difficult import HEIGHT, WIDTH, png
from dragoman.emulate import Live
from dragoman_synapse.codec import marks_of, v1

SIZES = {"image_1": {"width": WIDTH, "height": HEIGHT}}


def seeded(live: Live[Any], names: Sequence[str], *, title: str = "street", split: str = "train") -> str:
    """Put approved pictures into a new dataset, each with a car and every second one with a person."""
    dataset = live.state.home.add_dataset(title)
    for number, name in enumerate(names):
        rows = [Label(name, "car", Box(number, 2, 10, 8), id=f"car{number}")]
        if number % 2:
            rows.append(Label(name, "person", Box(20, number, 4, 9), id=f"person{number}"))
        add_truth(live, dataset.id, name, rows, split=split, shade=number)
    return str(dataset.id)


def add_truth(
    live: Live[Any], dataset: int, name: str, rows: Sequence[Label], *, split: str = "train", shade: int = 0
) -> Any:
    """Put one approved picture of a shade into a dataset."""
    return add_picture(live, dataset, name, png(shade), rows, split=split, meta={"camera": shade})


def add_picture(
    live: Live[Any],
    dataset: int,
    name: str,
    content: bytes,
    rows: Sequence[Label],
    *,
    split: str = "train",
    meta: dict[str, Any] | None = None,
) -> Any:
    """Put one approved picture into a dataset."""
    home = live.state.home
    unit = home.add_unit({"image_1": home.media.add(name, content)}, meta, sizes=SIZES)
    document = v1.write(mark for row in rows for mark in marks_of(row, (WIDTH, HEIGHT)))
    return home.add_truth(dataset, unit, document, split)
