"""What passes is not seen: every write survives refusals, server errors and broken connections, once and whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dragoman import Box, Item, Label, Mask, Prediction, Whole
from dragoman.emulate import Answer, DropAfter, DropBefore, Live

MISHAPS = {
    "429": Answer(429, headers={"Retry-After": "2"}),
    "500": Answer(500, body='{"error": "broken"}'),
    "502": Answer(502, body="<html>"),
    "503": Answer(503),
    "drop before": DropBefore(),
    "drop after": DropAfter(),
}


class World:
    """A dataset of the items `a` and `b` with a run, and ways to write three rows and to count what is there."""

    def __init__(self, backend: Any, dataset: Any, version: Any, files: list[Item]) -> None:
        self.backend, self.dataset, self.version, self.files = backend, dataset, version, files

    def labels(self) -> Any:
        rows = [Label("a", "car", Box(n, 1, 5, 5)) for n in range(3)]
        return self.backend.labels.write(rows, dataset=self.dataset)

    def predictions(self) -> Any:
        rows = [Prediction("a", "car", Box(n, 1, 5, 5), confidence=0.5) for n in range(2)]
        rows.append(Prediction("b", "car", Whole(), confidence=0.5))
        return self.backend.predictions.write(rows, version=self.version, dataset=self.dataset)

    def masks(self) -> Any:
        rows = [Label("a", "car", Mask(4, 6, (8 * n, 8, 16 - 8 * n))) for n in range(3)]
        return self.backend.labels.write(rows, dataset=self.dataset, on_loss="convert")

    def items_by_url(self) -> Any:
        items = [Item(f"{n}", uri=f"https://example.com/{n}.jpg") for n in range(3)]
        return self.backend.datasets.write_items(items, dataset=self.dataset)

    def items_by_file(self) -> Any:
        return self.backend.datasets.write_items(self.files, dataset=self.dataset)

    def count(self) -> int:
        said = self.backend.predictions.read(self.version, dataset=self.dataset)
        items = [item for item in self.backend.datasets.read_items(self.dataset) if item.key not in "ab"]
        return len(list(said)) + len(list(self.backend.labels.read(self.dataset))) + len(items)


WRITES: dict[str, tuple[Callable[[World], Any], str]] = {
    "labels": (World.labels, "*/annotate"),
    "predictions": (World.predictions, "*/uploadPredictions"),
    "masks": (World.masks, "*/annotate"),
    "items by URL": (World.items_by_url, "*/append"),
    "items by file": (World.items_by_file, "*/append"),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_write_is_done_once_and_whole(
    backend: Any, dataset: Any, version: Any, items: list[Item], emulated: Live[Any], write: str, mishap: str
) -> None:
    world = World(backend, dataset, version, items)
    do, path = WRITES[write]
    emulated.faults.add(MISHAPS[mishap], method="POST", path=path)
    report = do(world)
    assert report.ok
    assert len(report) == world.count() == 3
    assert emulated.faults.pending() == []
    assert backend.waited == [2.0] if mishap == "429" else len(backend.waited) == 1


@pytest.mark.parametrize("mishap", MISHAPS)
def test_reading_goes_on_where_it_was(backend: Any, dataset: Any, emulated: Live[Any], mishap: str) -> None:
    rows = [Label(key, "car", Box(1, 2, 3, 4)) for key in ("a", "b")]
    backend.labels.write(rows, dataset=dataset).raise_for_problems()
    emulated.faults.add(MISHAPS[mishap], path="*/exportForTrainingPage", skip=1)
    assert [row.id for row in backend.labels.read(dataset, page_size=1)] == [row.id for row in rows]
    assert len(backend.waited) == 1
