"""`dragoman convert` and `dragoman formats`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from dragoman.cli.options import OnLoss
from dragoman.cli.show import Bars, as_json, err, out, settings, table
from dragoman.formats.base import ErrorPolicy
from dragoman.formats.convert import Conversion
from dragoman.formats.convert import convert as run
from dragoman.plugins import installed

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
SHOWN = 20
"""Most bad rows that are shown; `--json` has all."""


def convert(
    source: Annotated[Path, typer.Argument(help="File or folder to read.")],
    target: Annotated[Path, typer.Argument(help="File or folder to write; it must not exist.")],
    read_as: Annotated[str | None, typer.Option("--from", help="Format of the source; else recognised.")] = None,
    write_as: Annotated[str | None, typer.Option("--to", help="Format of the target; else by its suffix.")] = None,
    on_loss: OnLoss = "raise",
    on_error: Annotated[ErrorPolicy, typer.Option(help="Stop at a bad row, or pass it over and list it.")] = "raise",
    read_set: Annotated[list[str], typer.Option(metavar="NAME=VALUE", help="An option of the reader.")] = [],
    write_set: Annotated[list[str], typer.Option(metavar="NAME=VALUE", help="An option of the writer.")] = [],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; say what would be lost.")] = False,
    json: Json = False,
) -> None:
    """Convert a dataset from one file format to another and say what that loses."""
    done = run(
        source,
        target,
        read_as=read_as,
        write_as=write_as,
        on_loss=on_loss,
        on_error=on_error,
        reading=settings(read_set),
        writing=settings(write_set),
        dry_run=dry_run,
        progress=Bars(),
    )
    if json:
        as_json(_plain(done))
    else:
        _show(done, target, dry_run=dry_run)


def formats(json: Json = False) -> None:
    """List the file formats that can be read and written."""
    found = installed().formats().values()
    if json:
        as_json(
            {one.name: {"title": one.title, "reads": bool(one.reader), "writes": bool(one.writer)} for one in found}
        )
    else:
        rows = [(one.name, one.title, "yes" if one.reader else "", "yes" if one.writer else "") for one in found]
        table("Formats", ["name", "title", "reads", "writes"], rows)


def _plain(done: Conversion) -> dict[str, Any]:
    return {
        "from": done.source,
        "to": done.target,
        "items": done.items,
        "rows": done.rows,
        "left_out": done.left_out,
        "losses": msgspec.to_builtins(done.losses),
        "unread": {what: {"survival": kept.survival, "how": kept.how} for what, kept in done.unread.items()},
        "errors": [error.to_dict() for error in done.errors],
    }


def _show(done: Conversion, target: Path, *, dry_run: bool) -> None:
    if done.losses:
        rows = [
            (one.what, one.survival, one.how, one.rows, "" if one.worst_iou is None else f"{one.worst_iou:.3f}")
            for one in done.losses
        ]
        table("Losses", ["what", "becomes", "how", "rows#", "worst IoU#"], rows)
    if done.unread:
        unread = [(what, kept.survival, kept.how) for what, kept in done.unread.items()]
        table(f"What reading {done.source} does not give", ["what", "becomes", "how"], unread)
    for error in done.errors[:SHOWN]:
        err.print(f"passed over: {error}", soft_wrap=True)
    if len(done.errors) > SHOWN:
        err.print(f"... and {len(done.errors) - SHOWN} more; --json lists all.")
    left_out = f", {done.left_out} left out" if done.left_out else ""
    verb = "Would write" if dry_run else "Wrote"
    out.print(
        f"{verb} {done.items} items and {done.rows} rows to {target} ({done.source} to {done.target}){left_out}.",
        soft_wrap=True,
    )
