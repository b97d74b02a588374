"""What survives of labels and predictions in Synapse's annotation documents.

Synapse keeps documents as they are. What stands under our key of an annotation is carried and not shown.
"""

from __future__ import annotations

from dragoman.fidelity import EXACT, FidelityTable, approximate, stored

_JOINED = approximate("one ring, whose parts and holes are joined by bridges without width", to="polygon")

ROWS = FidelityTable(
    geometries={
        "box": EXACT,
        "rotated_box": approximate("corner and radians are computed; the last digits differ"),
        "polygon": EXACT,
        "polygon with holes": _JOINED,
        "polygon of parts": _JOINED,
        "polyline": EXACT,
        "point": EXACT,
        "keypoints": EXACT,
        "mask": EXACT,
        "cuboid": EXACT,
        "whole": EXACT,
    },
    fields={
        "answer": stored(),
        "class_pdf": stored(),
        "interpolation": stored(),
    },
)
