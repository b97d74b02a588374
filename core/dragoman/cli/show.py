"""How the command line shows things: tables for people, JSON for scripts, progress bars on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from rich.console import Console, JustifyMethod
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from dragoman.errors import DragomanError
from dragoman.showing import harmless

T = TypeVar("T")

# What is shown comes from data, names and paths: brackets in it are no markup.
out = Console(highlight=False, soft_wrap=False, markup=False)
err = Console(stderr=True, highlight=False, markup=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; columns whose name ends in a number sign are right-aligned."""
    shown = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        # Folded rather than cut off: an id is of use only as a whole.
        justify: JustifyMethod = "right" if column.endswith("#") else "left"
        shown.add_column(column.rstrip("#"), justify=justify, overflow="fold")
    for row in rows:
        shown.add_row(*("" if cell is None else harmless(str(cell)) for cell in row))
    out.print(shown)


def as_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def error_line(error: DragomanError, *, as_json: bool) -> None:
    """Print an error: one sentence and the hint, or its facts as JSON."""
    if as_json:
        sys.stderr.write(json.dumps({"error": error.to_dict()}) + "\n")
    else:
        err.print(Text.assemble(("error", "bold red"), f" [{error.code}] {harmless(str(error))}"), soft_wrap=True)


class Rate(ProgressColumn):
    """Rows per second."""

    def render(self, task: Task) -> Text:
        """Return the rate of the last while."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


class Bars:
    """Progress bars for steps that last; a `dragoman.progress.Progress`."""

    def track(self, rows: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
        """Yield the rows under a bar, with their number, rate, and the time left if the total is known."""
        with bars() as progress:
            task = progress.add_task(description, total=total, note="")
            for row in rows:
                yield row
                progress.advance(task)
            progress.update(task, total=progress.tasks[0].completed)


def bars() -> Progress:
    """Return rich's progress display in our form, on standard error; nothing is drawn where that is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=err,
        disable=not err.is_terminal,
    )


def settings(pairs: Sequence[str]) -> Mapping[str, str]:
    """Return `name=value` options as a mapping.

    Raises:
        typer.BadParameter: One has no equals sign.
    """
    import typer

    parted = [pair.partition("=") for pair in pairs]
    for name, equals, _ in parted:
        if not equals:
            raise typer.BadParameter(f"{name!r} is not of the form name=value.")
    return {name: value for name, _, value in parted}
