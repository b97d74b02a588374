"""The commands about what a backend holds, on the local one: tables for people, JSON for scripts, dry runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import Box, Feature, Item, Label, Ontology, Prediction
from dragoman.cli import EXIT_DIFFERENT, EXIT_ERROR, main
from dragoman.conformance.difficult import png
from dragoman.formats.native.ndjson import NdjsonWriter

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command about a local backend of the test's own, and return the JSON that it prints."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*words: str, code: int = 0, lines: bool = False, people: bool = False) -> Any:
        capsys.readouterr()
        given = [*words, "--set", f"root={tmp_path / 'state'}", *([] if people else ["--json"])]
        assert main(given) == code, capsys.readouterr().err
        printed = capsys.readouterr().out
        if people:
            return printed
        return [json.loads(line) for line in printed.splitlines()] if lines else json.loads(printed)

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two images."""
    made = tmp_path / "images"
    made.mkdir()
    for number in range(2):
        (made / f"{number}.png").write_bytes(png(number))
    return made


@pytest.fixture
def dataset(run: Run, folder: Path) -> str:
    """The id of a dataset with the two images."""
    made = run("datasets", "create", "local", "pets")["id"]
    assert run("datasets", "add", "local", made, str(folder))["counts"] == {"created": 2}
    return str(made)


@pytest.fixture
def file(tmp_path: Path, folder: Path) -> str:
    """A file with a label and a prediction on the first image."""
    path = tmp_path / "rows.ndjson"
    rows = [Label("0.png", "cat", Box(1, 2, 3, 4)), Prediction("0.png", "cat", Box(1, 2, 3, 4), confidence=0.5)]
    ontology = Ontology(name="pets", features=(Feature(name="cat"),))
    NdjsonWriter(path).write(ontology, [Item("0.png", uri=str(folder / "0.png"))], rows)
    return str(path)


@pytest.fixture
def model(run: Run) -> str:
    """The id of a detector of cats."""
    return str(run("models", "create", "local", "detector", "--task", "object_detection", "--feature", "cat")["id"])


def test_a_model_is_created_shown_listed_and_deleted(run: Run, model: str) -> None:
    assert run("models", "get", "local", model)["features"] == ["cat"]
    assert [found["id"] for found in run("models", "list", "local", "--query", "DET", "--order", "name")] == [model]
    assert run("models", "delete", "local", model) == {"deleted": model}
    assert run("models", "list", "local") == []


def test_people_see_tables(run: Run, model: str) -> None:
    assert "detector" in run("models", "list", "local", people=True)
    assert "object_detection" in run("models", "get", "local", model, people=True)


def test_items_are_added_once_and_shown(run: Run, dataset: str, folder: Path) -> None:
    assert [item["key"] for item in run("datasets", "items", "local", dataset, lines=True)] == ["0.png", "1.png"]
    assert run("datasets", "add", "local", dataset, str(folder))["counts"] == {"ignored": 2}
    assert run("datasets", "get", "local", dataset)["name"] == "pets"
    assert "1.png" in run("datasets", "items", "local", dataset, people=True)
    assert "1.png" not in run("datasets", "items", "local", dataset, "--limit", "1", people=True)


def test_labels_are_written_from_a_file_and_read(run: Run, dataset: str, file: str) -> None:
    assert run("labels", "write", "local", dataset, file) == {"counts": {"created": 1}, "problems": []}
    (label,) = run("labels", "read", "local", dataset, lines=True)
    assert (label["item"], label["geometry"]) == ("0.png", {"type": "box", "x": 1, "y": 2, "width": 3, "height": 4})
    assert run("labels", "read", "local", dataset, "--item", "1.png", lines=True) == []


def test_rows_that_are_not_accepted_are_named_and_exit_with_1(run: Run, folder: Path, file: str) -> None:
    empty = run("datasets", "create", "local", "empty")["id"]
    found = run("labels", "write", "local", empty, file, code=EXIT_DIFFERENT)
    assert found["counts"] == {"rejected": 1}
    assert "0.png" in found["problems"][0]["reason"]


def test_a_version_is_trained_followed_and_predicts(
    run: Run, dataset: str, model: str, file: str, folder: Path
) -> None:
    run("labels", "write", "local", dataset, file)
    parameters = [word for name in ("steps=2", "image_size=32", "batch_size=2") for word in ("--parameter", name)]
    job = run("training", "submit", "local", model, dataset, "--wait", *parameters)
    assert job["status"] == "succeeded"
    assert [found["id"] for found in run("training", "list", "local")] == [job["id"]]
    assert main(["training", "logs", "local", job["id"], "--follow", "--set", f"root={folder.parent / 'state'}"]) == 0

    version = job["version"]
    assert [item["key"] for item in run("versions", "data", "local", version, lines=True)] == ["0.png"]
    weights = folder.parent / "weights.safetensors"
    assert run("versions", "download", "local", version, str(weights))["path"] == str(weights)
    found = run("predict", "local", version, str(folder), "--confidence", "0", "--limit", "3", lines=True)
    assert {row["item"] for row in found} <= {"0.png", "1.png"}
    assert len(found) == 3

    assert run("predictions", "write", "local", version, dataset, file)["counts"] == {"created": 1}
    (row,) = run("predictions", "read", "local", version, dataset, lines=True)
    assert row["confidence"] == 0.5
    assert run("training", "delete", "local", job["id"]) == {"deleted": job["id"]}


@pytest.mark.parametrize(
    "words",
    [
        ("models", "create", "local", "second", "--task", "classification", "--feature", "x", "--dry-run"),
        ("models", "delete", "local", "{model}", "--dry-run"),
        ("datasets", "create", "local", "second", "--dry-run"),
        ("datasets", "add", "local", "{dataset}", "{folder}", "--dry-run"),
        ("datasets", "delete", "local", "{dataset}", "--dry-run"),
        ("labels", "write", "local", "{dataset}", "{file}", "--dry-run"),
        ("training", "submit", "local", "{model}", "{dataset}", "--dry-run"),
    ],
)
def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    run: Run, dataset: str, model: str, file: str, folder: Path, words: tuple[str, ...]
) -> None:
    filled = [word.format(dataset=dataset, model=model, file=file, folder=folder) for word in words]

    assert run(*filled)["dry_run"]

    assert len(run("models", "list", "local")) == len(run("datasets", "list", "local")) == 1
    assert run("labels", "read", "local", dataset, lines=True) == []
    assert run("training", "list", "local") == []


def test_what_a_platform_cannot_do_is_said_with_the_way_out(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["labels", "export", "local", "p", "--set", f"root={tmp_path}"]) == EXIT_ERROR
    assert "unsupported" in capsys.readouterr().err


def test_an_address_is_printed_as_it_is(dragoman_emulator: Any, capsys: pytest.CaptureFixture[str]) -> None:
    backend = dragoman_emulator("labelbox").backend
    dataset = backend.datasets.create("street")
    backend.datasets.write_items([Item("a.png", uri="https://example.com/a.png")], dataset=dataset)
    words = ["labels", "export", "labelbox", dataset.id]

    assert main(words) == 0
    printed = capsys.readouterr().out.strip()
    assert main([*words, "--json"]) == 0
    exported = json.loads(capsys.readouterr().out)["export"]

    for address in (printed, exported):
        assert address.startswith("http://127.0.0.1:")
        assert not address.endswith(".")
