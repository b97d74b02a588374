"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dragoman.fidelity import LossPolicy

OnLoss = Annotated[
    LossPolicy,
    typer.Option(
        help="Rows that would not be kept exactly. raise: refuse them. convert: write what comes closest. store: that, "
        "with the original beside it in the metadata. drop: that, and leave out what has no place."
    ),
]


def writable(path: Path | None) -> Path | None:
    """Return where a file is to be written, once it is sure that one can be: before the work, not after it."""
    if path is not None and path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; name a file.")
    if path is not None and not path.parent.is_dir():
        raise typer.BadParameter(f"There is no folder {path.parent} to write {path.name} to; make it first.")
    return path
