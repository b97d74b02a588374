"""Tables for people: what comes from the data is shown as it is."""

from __future__ import annotations

import pytest

from dragoman.cli.backend import would
from dragoman.cli.show import error_line, table
from dragoman.errors import NotFound


@pytest.mark.parametrize("text", ["[/]", "[red]q.ndjson", "[bold]"])
def test_what_looks_like_markup_is_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table(f"{text} against it", [f"{text} column#"], [[text]])

    shown = capsys.readouterr().out
    assert f"{text} against it" in shown
    assert f"{text} column" in shown
    assert shown.count(text) == 3


@pytest.mark.parametrize("text", ["[/]", "[red]q", "[bold]"])
def test_what_looks_like_markup_is_text_in_a_sentence_too(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    would(f"create {text}", json=False)
    error_line(NotFound(f"There is no {text}."), as_json=False)

    said = capsys.readouterr()
    assert said.out == f"Would create {text}.\n"
    assert said.err == f"error [not-found] There is no {text}.\n"
