"""`dragoman evaluate` and `dragoman compare`, from files and from backends."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Box, Feature, Item, Label, Ontology, Prediction, Whole
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


def test_results_of_coco_are_about_the_labels_beside_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}
    dataset = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, **box, "area": 81, "iscrowd": 0}],
    }
    truth, results = tmp_path / "truth.json", tmp_path / "results.json"
    truth.write_text(json.dumps(dataset))
    results.write_text(json.dumps([{**box, "score": 0.9}]))

    assert said(capsys, "evaluate", str(truth), str(results))["metrics"]["mAP"] == pytest.approx(1.0)
    assert said(capsys, "evaluate", str(truth), f"coco-results:{results}")["metrics"]["mAP"] == pytest.approx(1.0)


def test_a_split_or_slices_are_chosen(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "evaluate", files["labels"], files["half"], "--split", "train")["labels"] == 1
    for by, names in (("light", {"day", "night"}), ("split", {"train", "test"})):
        assert set(said(capsys, "evaluate", files["labels"], files["half"], "--slice-by", by)["slices"]) == names


def test_slices_are_asked_for_by_metadata(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "evaluate", files["labels"], files["half"], "--slice", "light=night", "--slice", "width>=64")

    assert {name: metrics["mAP"] for name, metrics in found["slices"].items()} == {
        "light=night": 0.0,
        "width>=64": pytest.approx(0.5),
    }


def test_scripts_get_confusions_reliability_and_curves(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = said(capsys, "evaluate", files["labels"], files["half"])

    assert found["confusion"] == {
        "names": ["cat", "dog", "background"],
        "counts": [[1, 0, 0], [0, 0, 1], [0, 0, 0]],
    }
    assert found["curves"]["cat"] == {"confidence": [0.9], "precision": [1.0], "recall": [1.0], "f1": [1.0]}
    assert found["per_feature"]["cat"]["confidence"] == 0.9
    assert [one["count"] for one in found["reliability"] if one["count"]] == [1]


def test_matches_are_lines_of_json(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "matches.ndjson"
    assert main(["evaluate", files["labels"], files["half"], "--matches", str(path)]) == 0

    hit, missed = map(json.loads, path.read_text().splitlines())
    assert (hit["item"], hit["status"], hit["label"], hit["iou"]) == ("a", "true_positive", LABELS[0].id, 1.0)
    assert (missed["item"], missed["status"], missed["label"]) == ("b", "false_negative", LABELS[1].id)
    assert f"Wrote {path}" in capsys.readouterr().out


def test_rows_on_items_that_the_labels_do_not_have_are_counted(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = Prediction("elsewhere", "cat", Box(1, 1, 9, 9), confidence=0.9)
    path = tmp_path / "more.ndjson"
    NdjsonWriter(path).write(ONTOLOGY, [*ITEMS, Item("elsewhere")], [*RIGHT, stray])

    found = said(capsys, "evaluate", files["labels"], str(path))
    assert (found["predictions"], found["left_out"]) == (2, 1)
    assert main(["evaluate", files["labels"], str(path)]) == 0
    assert "1 rows on other items left out" in capsys.readouterr().out


@pytest.mark.skipif(find_spec("trackeval") is None, reason="TrackEval is an extra of its own")
def test_tracks_are_measured_when_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = [Item("v", media="video", frames=10, frame_rate=5.0)]
    tracked = [Box(n, 0, 40, 40) for n in range(10)]
    labels = [Label("v", "cat", box, frame=n, track_id="1") for n, box in enumerate(tracked)]
    predictions = [
        Prediction("v", "cat", box, frame=n, track_id="ab"[n > 4], confidence=0.9) for n, box in enumerate(tracked)
    ]
    places = [str(tmp_path / name) for name in ("labels.ndjson", "predictions.ndjson")]
    for place, rows in zip(places, (labels, predictions), strict=True):
        NdjsonWriter(Path(place)).write(ONTOLOGY, video, rows)  # type: ignore[arg-type]

    found = said(capsys, "evaluate", *places, "--tracking")
    assert found["metrics"]["mAP"] == pytest.approx(1.0), "frame by frame"
    assert found["metrics"]["MOTA"] == pytest.approx(0.9)
    assert found["per_feature"]["cat"]["IDF1"] == pytest.approx(0.5)
    html = tmp_path / "page.html"
    assert main(["evaluate", *places, "--tracking", "--html", str(html)]) == 0
    shown = capsys.readouterr()
    assert "Tracks" in shown.out
    assert "…" not in shown.out, "numbers are whole in a narrow terminal, too"
    assert shown.err == ""
    assert "HOTA" in html.read_text()


def test_a_policy_is_taken(files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [Prediction("a", "dog", Box(1, 1, 9, 9), confidence=0.9)]
    NdjsonWriter(tmp_path / "wrong.ndjson").write(ONTOLOGY, ITEMS, wrong)
    predictions = str(tmp_path / "wrong.ndjson")

    assert said(capsys, "evaluate", files["labels"], predictions)["metrics"]["recall"] == 0.0
    for option in (["--class-agnostic"], ["--pair", "cat=dog"], ["--pair", "cat=dog", "--pair", "cat=cow"]):
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
    printed = " ".join(capsys.readouterr().out.split())
    assert "against" in printed
    assert "dog │ +1.000" in printed
    assert "b │ -1" in printed
    assert "against" in html.read_text()


def test_a_comparison_has_intervals_of_features_and_says_what_it_left_out(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strays = [Prediction("elsewhere", "cat", Box(1, 1, 9, 9), confidence=0.9), Prediction("a", "cat", Whole())]
    path = str(tmp_path / "more.ndjson")
    NdjsonWriter(Path(path)).write(ONTOLOGY, [*ITEMS, Item("elsewhere")], [*RIGHT, *strays])

    (found,) = said(capsys, "compare", files["labels"], files["half"], path, "--draws", "20")
    assert found["per_feature"]["cat"] == {"change": 0.0, "low": 0.0, "high": 0.0, "certain": False}
    assert found["per_feature"]["dog"]["change"] == pytest.approx(1.0)
    assert found["skipped"] == {"first": 0, "other": 1}
    assert found["left_out"] == {"first": 0, "other": 1}
    assert main(["compare", files["labels"], files["half"], path, "--draws", "20"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"{path}, 1 predictions of another kind left out, 1 rows on other items left out." in printed


def test_a_comparison_heeds_the_policy(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "wrong.ndjson")
    NdjsonWriter(Path(path)).write(ONTOLOGY, ITEMS, [Prediction("a", "dog", Box(1, 1, 9, 9), confidence=0.9)])

    for options, change in (([], -0.5), (["--class-agnostic"], 0.0), (["--pair", "cat=dog"], 0.0)):
        (found,) = said(capsys, "compare", files["labels"], files["half"], path, "--draws", "20", *options)
        assert found["metrics"]["recall"]["change"] == change


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["evaluate", "{labels}", "{half}", "--html", "{folder}/none/x.html"], "There is no folder"),
        (["evaluate", "{labels}", "{half}", "--matches", "{folder}/none/x"], "There is no folder"),
        (["evaluate", "{labels}", "{half}", "--matches", "{folder}"], "is a folder; name a file"),
        (["compare", "{labels}", "{half}", "{right}", "--html", "{folder}/none/x.html"], "There is no folder"),
    ],
)
def test_where_nothing_can_be_written_is_said_before_the_work(
    files: dict[str, str],
    words: list[str],
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    # Labels that are not there would be found out with the first look at them.
    places = {**files, "labels": "nowhere.json", "folder": str(tmp_path)}

    assert main([word.format(**places) for word in words]) != 0
    said = capsys.readouterr().err
    assert reason in " ".join(said.split())
    assert "nowhere.json" not in said


def test_a_backend_and_a_file_are_compared(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
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

    (tmp_path / "config.toml").write_text(f'[home.local]\nroot = "{root}"\n')
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(tmp_path / "config.toml"))
    for named in (("--set", f"local.root={root}"), ("--profile", "local=home")):
        (found,) = said(capsys, "compare", files["labels"], files["half"], where, *named)

        assert found["other"] == where
        assert found["metrics"]["mAP"]["change"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere.json", "nowhere.json"], "There is no file nowhere.json"),
        (["{labels}", "local:d"], "names no version"),
        (["{labels}", "{half}", "--split", "none"], "no items in the split 'none'"),
        (["{labels}", "{half}", "--slice-by", "weather"], "has 'weather' among its metadata"),
        (["{labels}", "{half}", "--slice", "light"], "'light' is no query"),
        (["{labels}", "{half}", "--slice", "light=dusk"], "No item fits 'light=dusk'"),
        (["{labels}", "{half}", "--tracking"], "No label is a box with a track on a frame"),
        (["nowhere:d", "{half}"], "There is no backend named 'nowhere'"),
    ],
)
def test_what_cannot_be_evaluated_is_said_in_one_sentence(
    files: dict[str, str], words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *(word.format(**files) for word in words)]) == EXIT_ERROR
    assert reason in " ".join(capsys.readouterr().err.split())
