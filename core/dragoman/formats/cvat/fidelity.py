"""What survives of rows in CVAT's XML. A form that is not named, such as a cuboid in space, is dropped."""

from __future__ import annotations

from dragoman.fidelity import EXACT, Fidelity, FidelityTable, Survival, approximate, stored

_JOINED = approximate("one ring, whose parts and holes are joined by bridges without width", to="polygon")

WRITING = FidelityTable(
    {
        **dict.fromkeys(("box", "rotated_box", "polygon", "polyline", "point", "keypoints"), EXACT),
        "mask": Fidelity(Survival.EXACT, "runs of no pixels are joined with their neighbours"),
        "whole": Fidelity(Survival.EXACT, "a tag of an image; videos have none"),
        "polygon with holes": _JOINED,
        "polygon of parts": _JOINED,
    },
    {"answer": stored(), "class_pdf": stored()},
)
READING = FidelityTable(
    dict.fromkeys(("box", "rotated_box", "polygon", "polyline", "point", "keypoints", "mask", "whole"), EXACT)
)
"""An ellipse is read as a polygon of 64 vertices, with the ellipse itself in the metadata."""
