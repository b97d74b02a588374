"""Options that several commands share."""

from __future__ import annotations

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
