"""`dragoman new-plugin`, and the template that it copies."""

from __future__ import annotations

import ast
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dragoman.cli import main
from dragoman.cli.app import build
from dragoman.cli.new_plugin import template_folder, write_plugin

runner = CliRunner()


def test_the_template_is_a_whole_plugin_of_less_than_300_lines() -> None:
    sources = list((template_folder() / "dragoman_acme").glob("*.py"))
    assert sum(len(source.read_text().splitlines()) for source in sources) < 300


def test_a_new_plugin_has_no_trace_of_the_template_s_name(tmp_path: Path) -> None:
    made = write_plugin("zeta", tmp_path / "dragoman-zeta")
    assert tmp_path / "dragoman-zeta" / "dragoman_zeta" / "adapter.py" in made
    for path in made:
        text = path.read_text()
        assert "acme" not in f"{path.relative_to(tmp_path)} {text}".lower()
        if path.suffix == ".py":
            ast.parse(text)
    assert 'zeta = "dragoman_zeta"' in (tmp_path / "dragoman-zeta" / "pyproject.toml").read_text()
    assert "class ZetaAdapter" in (tmp_path / "dragoman-zeta" / "dragoman_zeta" / "adapter.py").read_text()


@pytest.mark.parametrize("name", ["", "Zeta", "two words", "dash-ed", "1st", "../up"])
def test_a_name_that_is_no_module_s_is_refused(name: str, tmp_path: Path) -> None:
    done = runner.invoke(build(), ["new-plugin", name, "--folder", str(tmp_path / "made")])
    assert done.exit_code == 2
    assert not (tmp_path / "made").exists()


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    done = runner.invoke(build(), ["new-plugin", "zeta", "--folder", str(tmp_path)])
    assert done.exit_code != 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_last_line_is_a_command_to_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "my plugins" / "zeta"
    assert main(["new-plugin", "zeta", "--folder", str(folder)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    words = shlex.split(last.removeprefix("Next: "))
    assert words == ["pip", "install", "-e", f"{folder}[test]", "&&", "pytest", str(folder)]


def test_a_new_plugin_asks_for_what_its_tables_convert_with() -> None:
    project = tomllib.loads((template_folder() / "pyproject.toml").read_text())["project"]
    assert "dragoman[geometry]" in project["dependencies"]
