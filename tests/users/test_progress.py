"""Progress bars: on standard error, where that is a terminal, with the rate of rows."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.progress import Task

from dragoman.cli.show import Bars, Rate


@pytest.fixture(params=[True, False], ids=["terminal", "no terminal"])
def console(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Console:
    made = Console(file=StringIO(), force_terminal=request.param, width=120)
    monkeypatch.setattr("dragoman.cli.show.err", made)
    return made


def drawn(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("total", [3, None])
def test_rows_pass_through_and_are_counted(console: Console, total: int | None) -> None:
    assert list(Bars().track(iter("abc"), "labels", total)) == ["a", "b", "c"]

    assert ("labels" in drawn(console)) == console.is_terminal
    assert ("3/3" in drawn(console)) == console.is_terminal


def test_a_rate_is_rows_per_second() -> None:
    task = Task(0, "labels", total=None, completed=0, _get_time=lambda: 0.0)  # type: ignore[arg-type]
    assert Rate().render(task).plain == ""

    task.finished_speed = 1234.0
    assert Rate().render(task).plain == "1,234/s"
