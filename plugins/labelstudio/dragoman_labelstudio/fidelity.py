"""What survives of labels and predictions in Label Studio: what its JSON keeps, which the format's table says.

A project of videos draws boxes only. What stands in a result's `meta` is carried and not shown.
"""

from __future__ import annotations

from collections.abc import Callable

from dragoman.fidelity import FidelityTable, dropped
from dragoman.formats.labelstudio.config import Config
from dragoman.formats.labelstudio.fidelity import WRITING
from dragoman.schema import Label

ROWS = WRITING
_ON_VIDEO = ("box", "rotated_box", "whole")
ON_VIDEO = FidelityTable(
    {
        form: kept if form in _ON_VIDEO else dropped("Label Studio draws nothing but boxes on videos")
        for form, kept in WRITING.geometries.items()
    },
    WRITING.fields,
)


def table_for(config: Config) -> Callable[[Label], FidelityTable]:
    """Return what a project of that configuration keeps of a row."""
    table = ON_VIDEO if any(tag == "video" for tag, _ in config.media.values()) else ROWS
    return lambda row: table
