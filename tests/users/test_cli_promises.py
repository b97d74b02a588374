"""What all commands have in common, checked on the tree of commands; and what each new dry run says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dragoman.cli import EXIT_DIFFERENT, EXIT_ERROR, EXIT_INTERRUPTED, main
from dragoman.cli.app import EXIT_CODES, build
from dragoman.testing import emulated

ROOT = Path(__file__).parents[2]
ALWAYS_JSON = {"emulate", "serve"}
"""Commands that print nothing but one line of JSON anyway."""
WRITES = {
    *("login", "convert", "new-plugin", "migrate apply", "migrate retry", "migrate rollback"),
    *("models create", "models delete", "versions download", "versions upload", "versions delete"),
    *("training submit", "training cancel", "training delete", "labels write", "labels export"),
    *("datasets create", "datasets add", "datasets delete", "predictions write", "predictions delete"),
    *("attachments attach", "attachments update", "attachments detach"),
}
WRITES_WHAT_IT_IS_ASKED_FOR = {"migrate plan", "migrate report", "migrate verify", "matrix", "evaluate", "compare"}
"""Commands that read, and write a file that the caller names or that says what was read."""
NO_BACKEND = {"backends", "doctor", "emulate", "formats", "convert", "matrix", "new-plugin", "demo"}
FILES_ONLY = {"migrate status", "migrate report"}
"""Commands about what a migration has left in files."""


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """Yield each command with its options."""
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))
    else:
        yield " ".join(path), {option for parameter in command.params for option in parameter.opts}


ALL = dict(commands(typer.main.get_command(build())))


@pytest.mark.parametrize("name", ALL)
def test_every_command_speaks_json(name: str) -> None:
    assert ("--json" in ALL[name]) == (name not in ALWAYS_JSON)


@pytest.mark.parametrize("name", ALL)
def test_every_command_that_changes_something_can_be_tried_without(name: str) -> None:
    assert ("--dry-run" in ALL[name]) == (name in WRITES)


@pytest.mark.parametrize("name", [name for name in ALL if name not in NO_BACKEND | FILES_ONLY])
def test_every_command_about_a_backend_takes_a_profile(name: str) -> None:
    assert ALL[name] & {"--profile", "--source-profile"}


def test_the_documentation_names_every_command() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w-]+)`", page))

    assert {name.split()[0] for name in ALL} <= named


def test_the_documentation_and_the_help_have_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    codes = {0, EXIT_DIFFERENT, 2, EXIT_ERROR, EXIT_INTERRUPTED}

    assert main(["--help"]) == 0
    assert "Exit codes" in capsys.readouterr().out
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == codes
    assert {int(code) for code in re.findall(r"(\d+) ", EXIT_CODES)} == codes


def test_a_dry_run_of_a_new_plugin_writes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "zeta"

    assert main(["new-plugin", "zeta", "--folder", str(folder), "--dry-run"]) == 0
    assert f"Would write a plugin for zeta to {folder}." in capsys.readouterr().out
    assert not folder.exists()

    assert main(["new-plugin", "zeta", "--folder", str(folder), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["files"]
    assert all(Path(file).is_file() for file in made)
    assert str(folder / "pyproject.toml") in made


def test_a_dry_run_of_login_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(tmp_path / "config.toml"))

    with emulated("nucleus") as nucleus:
        given = [word for name, value in nucleus.connection.items() for word in ("--set", f"{name}={value}")]
        assert main(["login", "nucleus", *given, "--dry-run"]) == 0

    said = capsys.readouterr().out
    assert "Would keep endpoint, api_key for nucleus in the profile 'default'." in said
    assert nucleus.credentials["api_key"] not in said
    assert not (tmp_path / "config.toml").exists()


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A plan to move a dataset with one label from Nucleus to Labelbox, and the variables that lead there."""
    from dragoman import Box, Item, Label

    with emulated("nucleus") as here, emulated("labelbox") as there:
        for name, value in {**here.variables, **there.variables}.items():
            monkeypatch.setenv(name, value)
        dataset = here.backend.datasets.create("street")
        item = Item("a.jpg", uri="https://example.com/a.jpg", width=64, height=48)
        here.backend.datasets.write_items([item], dataset=dataset).raise_for_problems()
        here.backend.labels.write([Label("a.jpg", "car", Box(1, 2, 3, 4))], dataset=dataset).raise_for_problems()
        plan = str(tmp_path / "plan.json")
        sides = ["--source", "nucleus", "--target", "labelbox", "--dataset", "street", "--on-loss", "store"]
        assert main(["migrate", "plan", *sides, "--output", plan]) == 0
        yield plan
        assert not list(there.backend.datasets.list())


def test_a_dry_run_of_a_migration_counts_what_it_would_write(planned: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()

    assert main(["migrate", "apply", planned, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dry_run"].startswith("write to labelbox: 1 dataset, ")
    assert main(["migrate", "retry", planned, "--dry-run"]) == 0
    assert "Would send 0 refused rows to labelbox once more." in capsys.readouterr().out


def test_a_dry_run_of_a_rollback_counts_what_it_would_delete(planned: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["migrate", "apply", planned])
    capsys.readouterr()

    assert main(["migrate", "rollback", planned, "--dry-run"]) == 0
    assert "1 dataset" in capsys.readouterr().out
    assert main(["migrate", "rollback", planned, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["deleted"]["labels"] == 1


@pytest.fixture
def without_starlette(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of somebody who installed a plugin without its extra."""
    for name in [name for name in sys.modules if name.startswith(("dragoman_nucleus.emulator", "starlette"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)


def test_doctor_says_what_an_emulator_needs_and_calls_nothing_broken(
    without_starlette: None, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor", "--json"])

    found = json.loads(capsys.readouterr().out)["nucleus"]
    assert found["ok"]
    assert found["reason"].startswith("Its emulator needs the extra `emulator`:")


def test_an_emulator_that_lacks_its_extra_says_so(without_starlette: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulate", "nucleus"]) == EXIT_ERROR
    assert "Install the plugin with its extra `emulator`." in capsys.readouterr().err


def test_an_emulator_says_what_leads_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "dragoman", "emulate", "nucleus"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        announced = json.loads(process.stdout.readline())
        for name, value in announced["variables"].items():
            monkeypatch.setenv(name, value)
        assert main(["datasets", "create", "nucleus", "street"]) == 0
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 0
    for name, value in announced["variables"].items():
        assert f"export {name}={value}" in said.splitlines()
