"""`dragoman migrate` between two local backends: what it says is what is so, and what somebody has mended is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Adapter, AuthenticationError, Box, Item, Label
from dragoman.cli import EXIT_DIFFERENT, EXIT_ERROR, EXIT_INTERRUPTED, main
from dragoman.conformance.difficult import png

Run = Callable[..., Any]
DATASET = "street [/v2]"
"""A name that a terminal's markup would choke on."""


def opened(folder: Path, name: str) -> Adapter:
    return dragoman.connect("local", root=folder / name)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `dragoman migrate` in a folder with a filled source, and return what it says, or its JSON."""
    monkeypatch.chdir(tmp_path)
    with opened(tmp_path, "here") as here:
        dataset = here.datasets.create(DATASET)
        for key in ("a.png", "b.png"):
            (tmp_path / key).write_bytes(png(0))
        items = [Item(key, uri=str(tmp_path / key), width=64, height=48) for key in ("a.png", "b.png")]
        here.datasets.write_items(items, dataset=dataset).raise_for_problems()
        rows = [Label(key, "car", Box(1, 2, 3, 4), id=f"on {key}") for key in ("a.png", "b.png")]
        here.labels.write(rows, dataset=dataset).raise_for_problems()

    def call(*words: str, code: int = 0) -> Any:
        capsys.readouterr()
        sides = [] if words[0] in ("status", "report") else ["--source-set", "root=here", "--target-set", "root=there"]
        assert main(["migrate", *words, *sides]) == code
        said = capsys.readouterr()
        return json.loads(said.out) if "--json" in words and code < EXIT_ERROR else said.out + said.err

    return call


PLAN = ("plan", "--source", "local", "--target", "local", "--dataset", DATASET)


def labels_there(folder: Path) -> set[str]:
    """Return the ids of the labels on the target, read from it."""
    with opened(folder, "there") as there:
        dataset = there.datasets.find(DATASET)
        return {row.id for row in there.labels.read(dataset)} if dataset else set()


# -- refused rows -----------------------------------------------------------------------------------------------------


@pytest.fixture
def mended(run: Run, tmp_path: Path) -> Path:
    """A dead-letter file with the second item, which was refused, and its label; the item is mended in it."""
    run(*PLAN)
    (tmp_path / "b.png").rename(tmp_path / "moved.png")
    run("apply", "plan.json", code=EXIT_DIFFERENT)
    dead = tmp_path / "plan.dead.ndjson"
    dead.write_text(dead.read_text().replace(str(tmp_path / "b.png"), str(tmp_path / "moved.png")))
    return dead


def test_mended_rows_stay_mended_when_a_retry_breaks_off(
    run: Run, mended: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = mended.read_text()

    def refuse(*arguments: Any) -> Any:
        raise AuthenticationError("The key was revoked.")

    with monkeypatch.context() as patch, opened(tmp_path, "there") as there:
        patch.setattr(type(there.datasets), "_write_items", refuse)
        assert "The key was revoked." in run("retry", "plan.json", code=EXIT_ERROR)
    assert mended.read_text() == text

    run("retry", "plan.json")
    assert not mended.exists()
    assert labels_there(tmp_path) == {"on a.png", "on b.png"}


def test_mended_rows_stay_mended_when_another_line_is_bad(run: Run, mended: Path) -> None:
    mended.write_text(text := mended.read_text() + "not a row\n")

    assert "no dead letter" in run("retry", "plan.json", code=EXIT_ERROR)
    assert mended.read_text() == text
    assert "no dead letter" in run("apply", "plan.json", code=EXIT_ERROR)
    assert mended.read_text() == text


def test_mended_rows_stay_mended_when_the_plan_is_applied_again(run: Run, mended: Path, tmp_path: Path) -> None:
    text = mended.read_text()

    run("apply", "plan.json", code=EXIT_DIFFERENT)
    assert mended.read_text() == text

    run("retry", "plan.json")
    assert labels_there(tmp_path) == {"on a.png", "on b.png"}


def test_a_row_that_is_refused_again_says_why_it_was_this_time(run: Run, mended: Path, tmp_path: Path) -> None:
    mended.write_text(mended.read_text().replace("moved.png", "nowhere.png"))

    run("retry", "plan.json", code=EXIT_DIFFERENT)

    assert "nowhere.png" in json.loads(mended.read_text().splitlines()[0])["reason"]


# -- what it says -----------------------------------------------------------------------------------------------------


def test_names_and_paths_with_brackets_are_shown_as_they_are(run: Run, tmp_path: Path) -> None:
    (tmp_path / "[bold]").mkdir()

    assert "Next: dragoman migrate apply [bold]/plan.json" in run(*PLAN, "--output", "[bold]/plan.json")
    assert "Next: dragoman migrate verify [bold]/plan.json" in run("apply", "[bold]/plan.json")


def test_a_refused_row_is_one_line_however_long(run: Run, tmp_path: Path) -> None:
    (tmp_path / "b.png").unlink()
    run(*PLAN)

    said = run("apply", "plan.json", code=EXIT_DIFFERENT)
    reason = json.loads((tmp_path / "plan.dead.ndjson").read_text().splitlines()[0])["reason"]

    assert f"rejected items b.png {reason}" in said.splitlines()
    assert f"rejected items b.png {reason}" in run("status", "plan.json").splitlines()


def test_a_plan_of_a_file_as_json_is_the_plan_that_is_written(run: Run, tmp_path: Path) -> None:
    printed = run("plan", "--source", "local", "--target", "ndjson:out.ndjson", "--dataset", DATASET, "--json")

    assert printed == json.loads((tmp_path / "plan.json").read_text())
    assert printed["target"] == "ndjson:out.ndjson"


def test_a_plan_is_about_the_version_that_was_the_newest(run: Run, tmp_path: Path) -> None:
    with opened(tmp_path, "here") as here:
        model = here.models.create("detector", task="object_detection", features=["car"])
        here.versions.create(model, name="first")
    run("plan", "--source", "local", "--target", "local", "--model", "detector")
    with opened(tmp_path, "here") as here:
        here.versions.create(model, name="second")

    run("apply", "plan.json")
    run("verify", "plan.json")

    with opened(tmp_path, "there") as there:
        found = there.models.find("detector")
        assert found is not None
        assert [version.name for version in there.versions.list(found)] == ["first"]


def test_a_dry_run_leaves_out_what_is_done_already(run: Run) -> None:
    run(*PLAN)
    assert run("apply", "plan.json", "--dry-run", "--json")["dry_run"].endswith("1 ontology, 2 items, 2 labels")

    run("apply", "plan.json")

    assert run("apply", "plan.json", "--dry-run", "--json") == {"dry_run": "write to local: nothing"}


def test_what_was_rolled_back_is_not_called_verified(run: Run, tmp_path: Path) -> None:
    run(*PLAN)
    run("apply", "plan.json")
    run("verify", "plan.json")
    assert "Verified." in run("report", "plan.json")
    run("rollback", "plan.json")

    said = run("report", "plan.json", "--html", "page.html", code=EXIT_DIFFERENT)

    assert "rolled back" in said
    assert "Verified." not in said
    assert "was rolled back" in (tmp_path / "page.html").read_text()

    run("apply", "plan.json")
    assert run("report", "plan.json", "--json")["ok"]


@pytest.mark.parametrize("command", ["status", "report", "rollback", "retry"])
def test_a_ledger_of_another_plan_says_nothing_of_this_one(run: Run, command: str) -> None:
    run(*PLAN)
    run("apply", "plan.json")
    run(*PLAN, "--only", "items")

    dry = ["--dry-run"] if command == "rollback" else []
    assert "belongs to another plan" in run(command, "plan.json", *dry, code=EXIT_ERROR)


def test_an_interrupted_plan_speaks_of_no_ledger(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("dragoman.migrate.migration.Migration.plan", interrupt)
    assert "ledger" not in run(*PLAN, code=EXIT_INTERRUPTED)


# -- files of this machine --------------------------------------------------------------------------------------------


def test_a_plan_that_cannot_be_written_is_refused_before_the_work(run: Run, tmp_path: Path) -> None:
    assert "There is no folder nowhere" in run(*PLAN, "--output", "nowhere/plan.json", code=2)
    assert "is a folder" in run(*PLAN, "--output", "here", code=2)
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("option", ["--html", "--json-file"])
def test_a_report_that_cannot_be_written_is_refused(run: Run, option: str) -> None:
    assert "There is no folder nowhere" in run("report", "plan.json", option, "nowhere/x", code=2)


@pytest.mark.parametrize("ledger", ["here", "plan.json/ledger", "x" * 300])
def test_a_ledger_that_cannot_be_opened_is_an_error_of_ours(run: Run, ledger: str) -> None:
    run(*PLAN)

    assert "cannot be opened" in run("apply", "plan.json", "--ledger", ledger, code=EXIT_ERROR)


def test_a_file_that_cannot_be_written_is_an_error_of_ours(run: Run, tmp_path: Path) -> None:
    run(*PLAN)
    (tmp_path / "plan.outcomes.ndjson").mkdir()

    said = run("apply", "plan.json", code=EXIT_ERROR)

    assert "plan.outcomes.ndjson cannot be read or written: Is a directory." in said
    assert labels_there(tmp_path) == {"on a.png", "on b.png"}
