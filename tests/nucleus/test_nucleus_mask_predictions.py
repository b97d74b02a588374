"""Masks that a run says: looked up for all items at once where keys do not lead to them, and refused one by one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman import Box, Item, Label, Mask, PermissionDenied, Prediction
from dragoman.emulate import Answer, Live

ITEMS = 12


def mask(start: int) -> Mask:
    """Ten pixels of an image of 64 x 48."""
    return Mask(48, 64, (start, 10, 48 * 64 - start - 10))


def said(dataset: str, keys: list[str], start: int) -> list[Prediction]:
    return [Prediction(key, "car", mask(start + place), id=f"{dataset} {key}") for place, key in enumerate(keys)]


@pytest.mark.parametrize("folder", ["", "train/"])
def test_masks_are_written_for_many_items_with_few_requests(backend: Any, emulated: Live[Any], folder: str) -> None:
    model = backend.models.create("painter", task="instance_segmentation", features=["car"])
    version = backend.versions.create(model, name="v")
    keys = [f"{folder}{number}.jpg" for number in range(ITEMS)]
    sent = {}
    for start, name in enumerate(("first", "second")):
        dataset = backend.datasets.create(name)
        backend.datasets.write_items([Item(key, uri="https://example.com/1.jpg") for key in keys], dataset=dataset)
        sent[dataset.id] = said(name, keys, start)

        def counts(rows: list[Prediction], to: str = dataset.id) -> dict[str, int]:
            return dict(backend.predictions.write(rows, version=version, dataset=to, on_loss="convert").counts)

        assert counts(sent[dataset.id][:5]) == {"created": 5}
        emulated.journal.clear()
        lost = Prediction("no/where", "car", mask(0))
        assert counts([*sent[dataset.id], lost]) == {"created": ITEMS - 5, "ignored": 5, "rejected": 1}
        exports = [seen for seen in emulated.journal.entries() if seen.path.endswith("/ungrouped")]
        assert len(exports) == 1
    for id_of_dataset, rows in sent.items():
        read = backend.predictions.read(version, dataset=id_of_dataset)
        assert [msgspec.structs.replace(row, provenance=None) for row in read] == rows


@pytest.mark.parametrize("key", ["a.jpg", "train/a.jpg"])
def test_a_mask_that_cannot_be_sent_costs_the_others_nothing(backend: Any, key: str) -> None:
    dataset = backend.datasets.create("bad")
    backend.datasets.write_items([Item(key, uri="https://example.com/1.jpg")], dataset=dataset).raise_for_problems()
    model = backend.models.create("painter", task="instance_segmentation", features=["car"])
    version = backend.versions.create(model, name="v", dataset=dataset)

    def write_labels(rows: list[Any]) -> Any:
        return backend.labels.write(rows, dataset=dataset, on_loss="convert")

    def write_predictions(rows: list[Any]) -> Any:
        return backend.predictions.write(rows, version=version, dataset=dataset, on_loss="convert")

    for kind, write in ((Label, write_labels), (Prediction, write_predictions)):
        rows = [
            kind(key, "car", Box(1, 2, 3, 4)),
            kind(key, "car", mask(0)),
            kind("..", "car", mask(0)),
            kind(key, "car", mask(20), metadata={"dragoman_id": "mine"}),
        ]
        outcomes = list(write(rows))
        assert [outcome.status for outcome in outcomes] == ["created", "created", "rejected", "rejected"]
        assert outcomes[2].reason == "There is no item '..'."
        assert "'dragoman_id'" in (outcomes[3].reason or "")


@pytest.mark.parametrize(("path", "skip"), [("*/annotate", 1), ("*/refloc/*", 3)])
def test_what_was_written_before_a_refusal_has_its_outcome(
    backend: Any, emulated: Live[Any], path: str, skip: int
) -> None:
    dataset = backend.datasets.create("refused")
    keys = [str(number) for number in range(ITEMS)]
    backend.datasets.write_items([Item(key, uri="https://example.com/1.jpg") for key in keys], dataset=dataset)
    rows = [Label(keys[0], "car", Box(1, 2, 3, 4)), *(Label(key, "car", mask(0)) for key in keys)]
    emulated.faults.add(Answer(403), path=path, skip=skip)
    with pytest.raises(PermissionDenied) as failure:
        backend.labels.write(rows, dataset=dataset, on_loss="convert")
    assert failure.value.report is not None
    assert failure.value.report.counts == {"created": 1, "unknown": ITEMS}
    emulated.faults.add(Answer(403), path="*/annotate")
    with pytest.raises(PermissionDenied) as failure:
        backend.labels.write(rows, dataset=dataset, on_loss="convert")
    assert failure.value.report is not None
    assert len(failure.value.report) == 0, "nothing was sent"
