"""Between a backend and a file: into a format and back, killed or not, and what a format cannot hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from memory import MemoryAdapter, hook_caller, open_memory
from moving import COLORED, ITEMS, LABELS, PREDICTIONS, SCOPE, dataset_of, items_of, labels_of, predictions_of

from dragoman import Adapter, Box, Conflict, Label, Migration, NotFound, WouldLose
from dragoman.migrate import Scope
from dragoman.migrate.files import open_file


def opened(format: str, path: Path) -> Adapter:
    return open_file(format, path, hook_caller())


def plain(rows: dict[str, Any]) -> dict[str, Any]:
    return {key: msgspec.structs.replace(row, provenance=None) for key, row in rows.items()}


@pytest.mark.parametrize(("format", "name"), [("ndjson", "pets.ndjson"), ("ndjson", "pets"), ("parquet", "pets")])
def test_everything_goes_into_a_file_and_comes_back(
    source: MemoryAdapter, tmp_path: Path, format: str, name: str
) -> None:
    path = tmp_path / name
    out = Migration(source, opened(format, path), SCOPE)
    plan = out.plan()
    assert out.apply(plan).ok
    assert out.verify(plan).ok

    target = open_memory(name="there")
    back = Migration(opened(format, path), target, SCOPE.model_copy(update={"dataset": "1"}))
    plan = back.plan()
    assert back.apply(plan).ok
    assert back.verify(plan).ok

    assert plain(labels_of(target)) == plain(labels_of(source))
    assert plain(predictions_of(target)) == plain(predictions_of(source))
    assert set(items_of(target)) == set(items_of(source))


def test_a_file_of_others_making_is_a_dataset_of_its_name(source: MemoryAdapter, tmp_path: Path) -> None:
    path = tmp_path / "pets.ndjson"
    out = Migration(source, opened("ndjson", path), SCOPE)
    out.apply(out.plan())
    (tmp_path / ".pets.ndjson.dragoman").unlink()
    target = open_memory(name="there")

    migration = Migration(opened("ndjson", path), target, Scope(dataset="pets", model="det-2"))
    plan = migration.plan()

    assert migration.apply(plan).ok
    assert len(labels_of(target)) == LABELS
    assert len(predictions_of(target)) == PREDICTIONS
    (model,) = target.state.models.values()
    assert (model.name, model.features) == ("det-2", ("cat", "dog"))
    assert not (tmp_path / ".pets.ndjson.dragoman").exists(), "nothing is written beside a source"


def test_a_format_that_keeps_less_is_refused_without_a_choice(source: MemoryAdapter, tmp_path: Path) -> None:
    source.labels.write([COLORED], dataset=dataset_of(source))
    scope = Scope(dataset="pets")
    path = tmp_path / "boxes"

    migration = Migration(source, opened("yolo", path), scope)
    plan = migration.plan()
    with pytest.raises(WouldLose):
        migration.apply(plan)
    assert not path.exists()


def test_boxes_go_into_coco(source: MemoryAdapter, tmp_path: Path) -> None:
    path = tmp_path / "pets.json"
    migration = Migration(source, opened("coco", path), Scope(dataset="pets"), on_loss="drop")
    plan = migration.plan()

    applied = migration.apply(plan)

    assert applied.ok
    written = json.loads(path.read_text())
    assert len(written["images"]) == ITEMS
    assert len(written["annotations"]) == LABELS
    assert migration.verify(plan).counts("items") == {"same": ITEMS}


def test_a_broken_run_into_a_file_is_continued(source: MemoryAdapter, tmp_path: Path) -> None:
    path, ledger = tmp_path / "pets.ndjson", tmp_path / "ledger"
    plan = Migration(source, opened("ndjson", path), SCOPE).plan()

    class Interrupting:
        def track(self, rows: Any, description: str, total: int | None = None) -> Any:
            for number, row in enumerate(rows):
                if description == "write predictions" and number == 5:
                    raise KeyboardInterrupt
                yield row

    with pytest.raises(KeyboardInterrupt):
        Migration(source, opened("ndjson", path), SCOPE, progress=Interrupting()).apply(plan, ledger=ledger)
    assert not path.exists(), "a file appears when it is complete"

    migration = Migration(source, opened("ndjson", path), SCOPE)
    applied = migration.apply(plan, ledger=ledger)

    assert applied.reports["items"].counts == {"ignored": ITEMS}
    assert migration.verify(plan).ok


def test_rows_are_not_added_to_a_file_that_is_there(source: MemoryAdapter, tmp_path: Path) -> None:
    path = tmp_path / "pets.ndjson"
    migration = Migration(source, opened("ndjson", path), SCOPE)
    plan = migration.plan()
    migration.apply(plan)
    assert migration.apply(plan).ok, "nothing is to be added"
    source.labels.write([Label("img-0", "cat", Box(5, 5, 5, 5))], dataset=dataset_of(source))

    with pytest.raises(Conflict, match="rows are not added"):
        migration.apply(migration.plan())


def test_there_is_no_such_format(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no format named 'nope'"):
        open_file("nope", tmp_path / "x", hook_caller())
