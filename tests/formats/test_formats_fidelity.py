"""What formats declare of ids, items and ontologies: a loss is known before anything is written, and counted after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dragoman import Box, Feature, InvalidData, Item, Label, Ontology, Prediction, WouldLose
from dragoman.fidelity import EXACT, FidelityTable, approximate, dropped
from dragoman.fidelity.dataset import DatasetFidelity, DatasetKeeper
from dragoman.formats.convert import convert, named
from dragoman.formats.native import NdjsonReader, NdjsonWriter
from dragoman.plugins import installed

RICH = Ontology(
    name="street",
    features=(Feature(name="car", id="7", color="#aabbcc", metadata={"supercategory": "vehicle"}), Feature(name="no")),
    id="mine",
    metadata={"licenses": [{"id": 1}]},
)
ITEM = Item("a.png", "5", width=64, height=48, metadata={"night": True}, content_hash="sha256:00")
ROW = Label("a.png", "car", Box(1, 2, 30, 20), "12")


def source(folder: Path, *rows: Label, items: tuple[Item, ...] = (ITEM,)) -> Path:
    path = folder / "source.ndjson"
    NdjsonWriter(path).write(RICH, items, rows)
    return path


def lost(done: Any) -> dict[str, tuple[str, int]]:
    return {loss.what: (loss.survival, loss.rows) for loss in done.losses}


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("coco", "made.json"),
        ("cvat", "made"),
        ("labelstudio", "made"),
        ("labelstudio", "made.json"),
        ("voc", "made"),
        ("parquet", "made"),
    ],
)
def test_what_is_declared_exact_of_items_and_ontologies_comes_back(tmp_path: Path, name: str, target: str) -> None:
    convert(source(tmp_path, ROW), tmp_path / target, write_as=name)
    convert(tmp_path / target, tmp_path / "back.ndjson", read_as=name)
    back = NdjsonReader(tmp_path / "back.ndjson")
    assert (back.ontology(), list(back.items()), list(back.rows())) == (RICH, [ITEM], [ROW])


def test_yolo_does_not_renumber_ids_without_a_word(tmp_path: Path) -> None:
    with pytest.raises(WouldLose, match="field id is approximate: reading derives it anew"):
        convert(source(tmp_path, ROW), tmp_path / "made", write_as="yolo")
    done = convert(tmp_path / "source.ndjson", tmp_path / "made", write_as="yolo", on_loss="convert")
    assert lost(done) == {"field id": ("approximate", 1)}


def test_ids_that_are_derived_from_the_row_are_no_loss_to_yolo(tmp_path: Path) -> None:
    row = Label("a.png", "car", Box(1, 2, 30, 20))
    convert(source(tmp_path, row), tmp_path / "made", write_as="yolo")
    convert(tmp_path / "made", tmp_path / "back.ndjson")
    back = NdjsonReader(tmp_path / "back.ndjson")
    assert (back.ontology(), list(back.items()), list(back.rows())) == (RICH, [ITEM], [row])


def test_yolo_does_not_make_ground_truth_of_predictions_without_a_word(tmp_path: Path) -> None:
    sure, unsure = (Prediction("a.png", "car", Box(1, 2, 30, 20), confidence=confidence) for confidence in (0.5, None))
    convert(source(tmp_path / "sure", sure), tmp_path / "sure/made", write_as="yolo")
    with pytest.raises(WouldLose, match="field confidence is dropped: a line without one is ground truth"):
        convert(source(tmp_path, unsure), tmp_path / "made", write_as="yolo", on_loss="convert")
    done = convert(tmp_path / "source.ndjson", tmp_path / "made", write_as="yolo", on_loss="drop")
    assert lost(done) == {"field confidence": ("dropped", 1)}
    table = named("yolo").load("writer").fidelity
    assert not table.keeps_all([unsure]), "a migration's writer looks so first"


def test_tasks_of_label_studio_alone_need_an_item_to_keep_the_ontology_with(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="there are no items"):
        convert(source(tmp_path, items=()), tmp_path / "tasks.json", write_as="labelstudio")
    assert not (tmp_path / "tasks.json").exists()


def test_coco_results_leave_items_and_categories_to_their_dataset(tmp_path: Path) -> None:
    row = Prediction("a.png", "car", Box(1, 2, 30, 20), confidence=0.5)
    target = tmp_path / "results.json"
    with pytest.raises(WouldLose, match="by their ids only"):
        convert(source(tmp_path, row), target, write_as="coco-results", on_loss="convert")
    convert(source(tmp_path / "all", row), tmp_path / "dataset.json", write_as="coco")
    dataset = {"dataset": str(tmp_path / "dataset.json")}
    done = convert(tmp_path / "all/source.ndjson", target, write_as="coco-results", on_loss="convert", writing=dataset)
    assert lost(done) == {"field id": ("approximate", 1)}


def test_media_in_an_item_are_declared(tmp_path: Path) -> None:
    item = Item("a.png", data=b"media", width=64, height=48)
    for name in ("cvat", "voc", "yolo", "labelstudio"):
        with pytest.raises(WouldLose, match="item data"):
            convert(source(tmp_path / name, items=(item,)), tmp_path / "made", write_as=name)


@pytest.mark.parametrize("name", sorted(installed().formats()))
def test_declared_fields_exist(name: str) -> None:
    fields = {
        "item": Item.__struct_fields__,
        "feature": tuple(Feature.model_fields),
        "ontology": tuple(Ontology.model_fields),
    }
    for part in ("reader", "writer"):
        if getattr(named(name), part) is not None:
            for what in named(name).load(part).dataset_fidelity.fields:
                kind, field = what.split(" ")
                assert field in fields[kind], what


class TestKeeper:
    FIDELITY = DatasetFidelity({"item split": dropped("none"), "feature color": approximate("16 colours")})

    @pytest.mark.parametrize(("policy", "allowed"), [("raise", ""), ("convert", "c"), ("store", "c"), ("drop", "cs")])
    def test_the_policy_decides(self, policy: Any, allowed: str) -> None:
        keeper = DatasetKeeper(self.FIDELITY, policy)
        for sign, keep in (
            ("c", lambda: keeper.ontology(RICH)),
            ("s", lambda: keeper.item(Item("a", split="train"))),
        ):
            if sign in allowed:
                keep()
            else:
                with pytest.raises(WouldLose):
                    keep()

    def test_what_is_dropped_is_emptied_and_counted_and_the_rest_is_left(self) -> None:
        keeper = DatasetKeeper(self.FIDELITY, "drop")
        assert keeper.item(Item("a", "5", split="train")) == Item("a", "5")
        assert keeper.item(ITEM) is ITEM
        assert keeper.ontology(RICH) == RICH
        assert [(loss.what, loss.rows) for loss in keeper.losses()] == [("feature color", 1), ("item split", 1)]


def test_a_format_may_keep_more_of_some_rows(tmp_path: Path) -> None:
    writer = named("yolo").load("writer")(tmp_path / "x")
    assert isinstance(writer.fidelity_of(ROW), FidelityTable)
    assert writer.fidelity_of(ROW).field("id") != EXACT
    assert writer.fidelity_of(Label("a.png", "car", Box(1, 2, 3, 4))).field("id") == EXACT
