"""Data that is not reviewed yet: into a collection, to a project, and through review into a dataset."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dragoman import Box, Item, Label, NotFound
from dragoman.conformance.difficult import METADATA, STRINGS, png
from dragoman.emulate import Answer, DropAfter, Live
from dragoman_synapse import collections
from dragoman_synapse.codec import marks_of, v1


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Pictures with difficult keys."""
    made = []
    for number, key in enumerate(STRINGS):
        path = tmp_path / f"{number}.png"
        path.write_bytes(png(number))
        made.append(Item(key, uri=str(path), metadata=METADATA))
    return made


@pytest.fixture
def collection(backend: Any) -> str:
    """An empty collection."""
    return backend.collections.create("street").id


def test_collections_are_listed(backend: Any) -> None:
    made = [backend.collections.create(f"c{number}") for number in range(3)]
    assert list(backend.collections.list(page_size=2)) == made


def test_items_arrive_once(backend: Any, collection: str, items: list[Item], emulated: Live[Any]) -> None:
    assert backend.collections.add(items, collection=collection).counts == {"created": len(items)}
    assert backend.collections.add(items, collection=collection).counts == {"ignored": len(items)}
    units = emulated.state.home.units.values()
    assert [unit.files["image_1"].read() for unit in units] == [Path(item.uri or "").read_bytes() for item in items]


def test_a_large_file_is_sent_in_chunks(
    backend: Any, collection: str, tmp_path: Path, emulated: Live[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collections, "FILE_BYTES", 1000)
    (tmp_path / "large.png").write_bytes(os.urandom(5000))
    item = Item("large", uri=str(tmp_path / "large.png"))
    assert backend.collections.add([item], collection=collection).ok
    (unit,) = emulated.state.home.units.values()
    assert unit.files["image_1"].read() == (tmp_path / "large.png").read_bytes()
    assert len(emulated.state.uploads.held) == 1


def test_a_missing_file_is_the_outcome_of_its_row(backend: Any, collection: str, items: list[Item]) -> None:
    report = backend.collections.add([items[0], Item("gone", uri="/no/such.png"), items[1]], collection=collection)
    assert [outcome.status for outcome in report] == ["created", "rejected", "created"]
    assert "no file" in (next(report.problems()).reason or "")


def test_a_file_that_is_refused_is_the_outcome_of_its_row(
    backend: Any, collection: str, items: list[Item], emulated: Live[Any]
) -> None:
    emulated.faults.add(Answer(400, body='{"file": ["No executables."]}'), path="/data_files/")
    report = backend.collections.add(items, collection=collection)
    assert report.counts == {"created": len(items) - 1, "rejected": 1}
    assert "No executables" in (next(report.problems()).reason or "")


@pytest.mark.parametrize("path", ["/data_files/", "/data_units/"])
def test_a_lost_answer_leaves_no_double(
    backend: Any, collection: str, items: list[Item], emulated: Live[Any], path: str
) -> None:
    emulated.faults.add(DropAfter(), method="POST", path=path)
    assert backend.collections.add(items, collection=collection).counts == {"created": len(items)}
    assert len(emulated.state.home.units) == len(items)


def test_an_unknown_collection_is_not_found(backend: Any, items: list[Item]) -> None:
    with pytest.raises(NotFound):
        backend.collections.add(items, collection="999")


def test_what_comes_out_of_review_has_the_keys_that_went_in(
    backend: Any, collection: str, items: list[Item], emulated: Live[Any]
) -> None:
    home = emulated.state.home
    dataset = home.add_dataset("reviewed")
    backend.collections.add(items, collection=collection)
    backend.collections.send(collection, project=str(dataset.project), items=[items[2].key, items[0].key])
    home.review_automatically = True
    for task in list(home.tasks.values()):
        row = Label("x", "car", Box(1, 2, 3, 4))
        body = {"action": "submit", "data": v1.write(marks_of(row))}
        backend.client.put(f"tasks/{task.id}/annotate_task_data/", body)
    wanted = [items[2].key, items[0].key]
    read = list(backend.datasets.read_items(str(dataset.id)))
    assert [(item.key, item.metadata) for item in read] == [(key, METADATA) for key in wanted]
    version = backend.truths.freeze(str(dataset.id), "1")
    for place in (str(dataset.id), version.key):
        assert [label.item for label in backend.labels.read(place)] == wanted


def test_what_is_not_there_cannot_be_sent(backend: Any, collection: str, items: list[Item]) -> None:
    backend.collections.add(items[:1], collection=collection)
    with pytest.raises(NotFound, match="nowhere"):
        backend.collections.send(collection, project="1", items=["nowhere"])
    with pytest.raises(NotFound):
        backend.collections.send(collection, project="999")


def test_a_row_that_comes_twice_is_made_once(
    backend: Any, collection: str, items: list[Item], emulated: Live[Any]
) -> None:
    report = backend.collections.add([items[0], items[1], items[0]], collection=collection)
    assert report.counts == {"created": 2, "ignored": 1}
    assert len(emulated.state.home.units) == 2


def test_a_file_is_found_by_its_address(backend: Any, collection: str, tmp_path: Path) -> None:
    path = tmp_path / "über 1%20#.png"
    path.write_bytes(png(1))
    rows = [Item("quoted", uri=path.as_uri()), Item("plain", uri=f"file://{path}")]
    assert backend.collections.add(rows, collection=collection).counts == {"created": 2}
