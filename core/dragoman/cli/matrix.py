"""`dragoman matrix`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dragoman.capability import Capability
from dragoman.cli.show import as_json, out, table
from dragoman.errors import NotFound
from dragoman.matrix import SIGNS, coverage, coverage_page, matrix_page, operations
from dragoman.plugins import installed

Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def matrix(
    platform: Annotated[str | None, typer.Argument(help="One backend; all if left out.")] = None,
    json: Json = False,
    write: Annotated[Path | None, typer.Option(help="Write matrix.md and coverage.md to this folder.")] = None,
) -> None:
    """Show what each backend can do, and why it cannot do the rest."""
    loaded = installed()
    chosen = [loaded.platform(platform)] if platform else list(loaded.platforms.values())
    if write is not None:
        _write(write)
        return
    rows = operations(chosen)
    if json:
        as_json(
            {
                operation: {
                    name: {"level": one.level, "reason": one.reason, "instead": one.instead}
                    for name, one in row.items()
                }
                for operation, row in rows.items()
            }
        )
        return
    names = [one.name for one in chosen]
    if platform is None:
        levels = ([operation, *(_sign(one) for one in row.values())] for operation, row in rows.items())
        table("Operations", ["operation", *names], levels)
        out.print("`dragoman matrix NAME` gives the reasons.")
        return
    reasons = [
        (operation, _sign(one), one.reason, one.instead) for operation, row in rows.items() for one in row.values()
    ]
    table(chosen[0].title, ["operation", "level", "reason", "instead"], reasons)


def _sign(capability: Capability) -> str:
    return SIGNS.get(capability.level, "undeclared")


def _write(folder: Path) -> None:
    methods = folder / "coverage.toml"
    if not methods.is_file():
        raise NotFound(f"There is no {methods}.", hint="Name the folder docs of the repository.")
    (folder / "matrix.md").write_text(matrix_page(), encoding="utf-8")
    (folder / "coverage.md").write_text(coverage_page(coverage(methods)), encoding="utf-8")
