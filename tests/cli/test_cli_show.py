"""Tables for people: what comes from the data is shown as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.cli.backend import would
from dragoman.cli.show import error_line, table
from dragoman.errors import NotFound
from dragoman.showing import Shown


@pytest.mark.parametrize("text", ["[/]", "[red]q.ndjson", "[bold]"])
def test_what_looks_like_markup_is_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table(f"{text} against it", [f"{text} column#"], [[text]])

    shown = capsys.readouterr().out
    assert f"{text} against it" in shown
    assert f"{text} column" in shown
    assert shown.count(text) == 3


def test_a_name_gives_no_commands_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "red \x1b[31m, title \x1b]0;x\x07, back\r\x9b2J"
    table("Datasets", ["name"], [[name]])
    error_line(NotFound(f"There is no {name}."), as_json=False)
    print(Shown("Dataset", ["name"], [[name]]))

    shown = "".join(capsys.readouterr())
    assert not set(shown) & set("\x1b\x07\r\x9b")
    assert shown.count("\\x1b[31m") == 3


def test_an_id_is_shown_whole_in_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    id = "0a603de7-adda-4ad0-8790-56ec95eff4b0"

    table("Datasets", ["id", "name", "items#"], [[id, "street", 7]])

    cells = [line.split("│")[1].strip() for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert "".join(cells) == id


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_name_is_shown_whatever_the_encoding(encoding: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dragoman", "datasets", "create", "local", "猫", "--set", f"root={tmp_path}"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}

    done = subprocess.run(command, capture_output=True, env=environment, check=True)

    assert ("猫" if encoding == "utf-8" else "\\u732b") in done.stdout.decode(encoding)


@pytest.mark.parametrize("text", ["[/]", "[red]q", "[bold]"])
def test_what_looks_like_markup_is_text_in_a_sentence_too(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    would(f"create {text}", json=False)
    error_line(NotFound(f"There is no {text}."), as_json=False)

    said = capsys.readouterr()
    assert said.out == f"Would create {text}.\n"
    assert said.err == f"error [not-found] There is no {text}.\n"
