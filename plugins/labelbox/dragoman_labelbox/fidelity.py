"""What survives of labels and predictions on Labelbox.

What Labelbox has no field for (a row's id, metadata, provenance, plain attributes, how keyframes interpolate) is kept
in a free-text question named `dragoman` that every feature gets, so that it comes back exactly; see `nodes.py`. What
is only kept there although it is meant to have an effect is declared as stored.
"""

from __future__ import annotations

from dragoman.fidelity import EXACT, FidelityTable, approximate, stored

_JOINED = approximate("one ring, whose parts and holes are joined by bridges without width", to="polygon")
_FORMS = {
    "box": EXACT,
    "polygon": EXACT,
    "polyline": EXACT,
    "point": EXACT,
    "whole": EXACT,
    "mask": approximate("exports draw all masks of an item into one image: where two overlap, one covers the other"),
    "polygon with holes": _JOINED,
    "polygon of parts": _JOINED,
    "rotated_box": approximate("a polygon of its four corners; the angle is lost", to="polygon"),
    "keypoints": stored("kept in the metadata of a classification"),
    "cuboid": stored("kept in the metadata of a classification"),
}

LABELS = FidelityTable(_FORMS)
PREDICTIONS = FidelityTable(
    _FORMS, {"class_pdf": stored("kept in the metadata; Labelbox knows one confidence per annotation")}
)
