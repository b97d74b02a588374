"""What survives of rows in Label Studio. A form that is not named is dropped."""

from __future__ import annotations

from dragoman.fidelity import EXACT, Fidelity, FidelityTable, Survival, approximate, dropped, stored
from dragoman.fidelity.dataset import DatasetFidelity

_JOINED = approximate("one ring, whose parts and holes are joined by bridges without width", to="polygon")
_KEPT = stored("a choice about the whole item, with the shape in its metadata")

WRITING = FidelityTable(
    {
        **dict.fromkeys(("box", "rotated_box", "polygon", "point", "whole"), EXACT),
        "polyline": Fidelity(Survival.EXACT, "a polygon that is not closed"),
        "mask": Fidelity(Survival.EXACT, "runs of no pixels are joined with their neighbours"),
        "polygon with holes": _JOINED,
        "polygon of parts": _JOINED,
        "keypoints": _KEPT,
        "cuboid": _KEPT,
    },
    {"class_pdf": stored()},
)
READING = FidelityTable(dict.fromkeys(("box", "rotated_box", "polygon", "polyline", "point", "mask", "whole"), EXACT))
"""An ellipse is read as a polygon of 64 vertices, with the ellipse itself in the metadata."""

NO_MEDIA = DatasetFidelity({"item data": dropped("tasks name their media and do not hold them")})
