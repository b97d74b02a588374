"""`dragoman evaluate` and `dragoman compare`, from files and from backends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Box, Feature, Item, Label, Ontology, Prediction
from dragoman.cli import EXIT_ERROR, main
from dragoman.conformance.difficult import png
from dragoman.formats.native.ndjson import NdjsonWriter

ONTOLOGY = Ontology(name="pets", features=(Feature(name="cat"), Feature(name="dog")))
ITEMS = [
    Item(key, uri=f"{key}.png", width=64, height=48, split=split, metadata={"light": light})
    for key, split, light in (("a", "train", "day"), ("b", "test", "night"))
]
LABELS = [Label("a", "cat", Box(1, 1, 9, 9)), Label("b", "dog", Box(2, 2, 9, 9))]
RIGHT = [Prediction(label.item, label.feature, label.geometry, confidence=0.9) for label in LABELS]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Labels, and the predictions of a version that is right and of one that misses `b`."""
    contents: dict[str, list[Any]] = {"labels": LABELS, "right": RIGHT, "half": RIGHT[:1]}
    for name, rows in contents.items():
        NdjsonWriter(tmp_path / f"{name}.ndjson").write(ONTOLOGY, ITEMS, rows)
    return {name: str(tmp_path / f"{name}.ndjson") for name in contents}


def said(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a command prints with `--json`."""
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_files_are_evaluated(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "evaluate", files["labels"], files["half"])

    assert found["metrics"]["mAP"] == pytest.approx(0.5)
    assert found["per_feature"]["dog"]["AP"] == 0.0
    assert (found["labels"], found["predictions"]) == (2, 1)


def test_a_split_or_slices_are_chosen(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "evaluate", files["labels"], files["half"], "--split", "train")["labels"] == 1
    for by, names in (("light", {"day", "night"}), ("split", {"train", "test"})):
        assert set(said(capsys, "evaluate", files["labels"], files["half"], "--slice-by", by)["slices"]) == names


def test_a_policy_is_taken(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [Prediction("a", "dog", Box(1, 1, 9, 9), confidence=0.9)]
    NdjsonWriter(tmp_path / "wrong.ndjson").write(ONTOLOGY, ITEMS, wrong)
    predictions = str(tmp_path / "wrong.ndjson")

    assert said(capsys, "evaluate", files["labels"], predictions)["metrics"]["recall"] == 0.0
    for option in (["--class-agnostic"], ["--pair", "cat=dog"]):
        assert said(capsys, "evaluate", files["labels"], predictions, *option)["metrics"]["recall"] == 0.5


def test_people_get_tables_and_a_page(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html = tmp_path / "page.html"
    assert main(["evaluate", files["labels"], files["half"], "--html", str(html)]) == 0

    printed = capsys.readouterr().out
    assert "mAP50" in printed
    assert "2 labels, 1 predictions" in printed
    assert "<!doctype html>" in html.read_text()


def test_versions_are_compared(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = said(capsys, "compare", files["labels"], files["half"], files["right"], "--draws", "20")
    assert found["metrics"]["mAP"]["change"] == pytest.approx(0.5)
    assert found["items"] == {"b": -1}

    html = tmp_path / "page.html"
    assert main(["compare", files["labels"], files["half"], files["right"], "--draws", "20", "--html", str(html)]) == 0
    assert "against" in capsys.readouterr().out
    assert "against" in html.read_text()


def test_a_backend_and_a_file_are_compared(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "state"
    with dragoman.connect("local", root=root) as backend:
        dataset = backend.datasets.create("pets")
        backend.ontologies.create(ONTOLOGY, dataset=dataset)
        for item in ITEMS:
            (tmp_path / f"{item.key}.png").write_bytes(png(1))
        media = [Item(item.key, uri=str(tmp_path / f"{item.key}.png")) for item in ITEMS]
        backend.datasets.write_items(media, dataset=dataset).raise_for_problems()
        model = backend.models.create("m", task="object_detection", features=["cat", "dog"])
        version = backend.versions.create(model, name="v")
        backend.predictions.write(RIGHT, version=version, dataset=dataset).raise_for_problems()
    where = f"local:{dataset.id}:{version.id}"

    (found,) = said(capsys, "compare", files["labels"], files["half"], where, "--set", f"local.root={root}")

    assert found["other"] == where
    assert found["metrics"]["mAP"]["change"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere.json", "nowhere.json"], "There is no file nowhere.json"),
        (["{labels}", "local:d"], "names no version"),
        (["{labels}", "{half}", "--split", "none"], "no items in the split 'none'"),
        (["{labels}", "{half}", "--slice-by", "weather"], "has 'weather' among its metadata"),
        (["nowhere:d", "{half}"], "There is no backend named 'nowhere'"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_one_sentence(
    files: dict[str, str], words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *(word.format(**files) for word in words)]) == EXIT_ERROR
    assert reason in " ".join(capsys.readouterr().err.split())
