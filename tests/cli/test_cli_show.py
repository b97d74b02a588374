"""Tables for people: what comes from the data is shown as it is."""

from __future__ import annotations

import pytest

from dragoman.cli.show import table


@pytest.mark.parametrize("text", ["[/]", "[red]q.ndjson", "[bold]"])
def test_what_looks_like_markup_is_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table(f"{text} against it", [f"{text} column#"], [[text]])

    shown = capsys.readouterr().out
    assert f"{text} against it" in shown
    assert f"{text} column" in shown
    assert shown.count(text) == 3
