"""What the commands about one backend share: how it is opened, and how what it holds is shown."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
import typer

from dragoman.cli.show import as_json, out, settings, table
from dragoman.connecting import connect
from dragoman.schema import Report
from dragoman.showing import text

Command = TypeVar("Command", bound=Callable[..., None])
Backend = Annotated[str, typer.Argument(help="Name of the backend; `dragoman backends` lists them.")]
Settings = Annotated[list[str], typer.Option("--set", metavar="NAME=VALUE", help="A setting of the backend.")]
Profile = Annotated[str | None, typer.Option(help="Profile of the settings.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would be changed.")]
MOST = 20
"""Most rows and problems that are shown to people."""
Limit = Annotated[int | None, typer.Option(help="Show only so many.", min=1)]


def about_backend(app: typer.Typer, name: str) -> Callable[[Command], Command]:
    """Register a command whose first parameter is an open backend; the options that open it are added here.

    Args:
        app: What it is a command of.
        name: Its name.
    """

    def register(run: Command) -> Command:
        def command(backend: str, set_: list[str], profile: str | None, **given: Any) -> None:
            with connect(backend, profile=profile, **settings(set_)) as opened:
                run(opened, **given)

        hints = get_type_hints(run, include_extras=True)
        _, *own = inspect.signature(run).parameters.values()
        parameters = [
            _parameter("backend", Backend),
            *(_parameter(one.name, hints[one.name], one.default) for one in own),
            _parameter("set_", Settings, []),
            _parameter("profile", Profile, None),
        ]
        # Typer reads the command line off these; mypy knows no such attribute of a function.
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in parameters}
        command.__doc__ = run.__doc__
        app.command(name)(command)
        return run

    return register


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def listed(title: str, things: Iterable[Any], columns: Sequence[str], *, json: bool) -> None:
    """Show named things: a table of some fields for people, all fields for scripts."""
    if json:
        as_json([thing.model_dump(mode="json") for thing in things])
        return
    table(title, columns, ([text(getattr(thing, column.rstrip("#"))) for column in columns] for thing in things))


def shown(thing: Any, *, json: bool) -> None:
    """Show one named thing, whole."""
    fields = thing.model_dump(mode="json")
    if json:
        as_json(fields)
    else:
        table(type(thing).__name__, ["field", "value"], [(name, text(value)) for name, value in fields.items()])


def would(what: str, *, json: bool) -> None:
    """Say what a dry run leaves undone."""
    if json:
        as_json({"dry_run": what})
    else:
        out.print(f"Would {what}.", soft_wrap=True)


def done(what: str, *, json: bool, **facts: Any) -> None:
    """Say what was done."""
    given(f"{what}.", json=json, **facts)


def given(what: str, *, json: bool, **facts: Any) -> None:
    """Show what a command came to as it is, without a full stop: it may be copied."""
    if json:
        as_json(facts)
    else:
        out.print(what, soft_wrap=True)


def reported(report: Report, *, json: bool) -> None:
    """Show how many rows had which outcome, and the first problems; exit with 1 if a row was not accepted."""
    if json:
        problems = [
            {"row": one.row, "key": one.key, "status": one.status, "reason": one.reason} for one in report.problems()
        ]
        as_json({"counts": dict(report.counts), "problems": problems})
    else:
        table("Outcomes", ["outcome", "rows#"], report.counts.items())
        for number, one in enumerate(report.problems()):
            if number == MOST:
                out.print("... and more; --json has all.")
                break
            out.print(f"row {one.row} ({one.key}) {one.status}: {one.reason}", soft_wrap=True)
    if not report.ok:
        raise typer.Exit(1)


def streamed(rows: Iterable[Any], *, json: bool, limit: int | None, title: str, columns: Sequence[str]) -> None:
    """Show rows: each as a line of JSON for scripts, the first as a table for people."""
    if json:
        encode = msgspec.json.Encoder().encode
        for row in islice(rows, limit):
            sys.stdout.write(encode(row).decode() + "\n")
        return
    shown_rows = list(islice(rows, (limit or MOST) + 1))
    cells = ([text(getattr(row, column.rstrip("#"))) for column in columns] for row in shown_rows[: limit or MOST])
    table(title, columns, cells)
    if len(shown_rows) > (limit or MOST) and limit is None:
        out.print("... and more; --json has all, --limit shows others.")


def rows_of(path: Path, kind: type[Any], read_as: str | None) -> Iterator[Any]:
    """Yield the labels or predictions of a file of any format."""
    from dragoman.formats.convert import open_reader

    return (row for row in open_reader(path, read_as).rows() if type(row) is kind)
