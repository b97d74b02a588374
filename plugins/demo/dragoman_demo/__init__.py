"""`dragoman demo`: the product's main job on real images, with no account, key or network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dragoman.hookspecs import hookimpl


@hookimpl
def dragoman_commands(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command()(demo)


def demo(
    folder: Annotated[Path, typer.Option(help="Where to leave images, state, plans and pictures.")] = Path(
        "dragoman-demo"
    ),
    canvases: Annotated[int, typer.Option(help="Images with digits on them, to detect.", min=20)] = 1200,
    digits: Annotated[int, typer.Option(help="Images of one digit, to classify.", min=50, max=1797)] = 1797,
    epochs: Annotated[int, typer.Option(help="Passes of the detector over its images.", min=1)] = 12,
    seed: Annotated[int, typer.Option(help="Makes the run repeatable.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Train a detector and a classifier here, migrate everything to an emulated platform, prove that it arrived."""
    from dragoman_demo.run import run

    if not run(folder, canvases=canvases, digits=digits, epochs=epochs, seed=seed, as_json=json):
        raise typer.Exit(1)
