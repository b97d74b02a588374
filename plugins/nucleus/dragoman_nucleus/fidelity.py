"""What survives of labels and predictions on Nucleus.

A geometry kind that is not named here is dropped. Answers and attributes travel in the metadata under keys that begin
with `dragoman_`, where Nucleus shows them without honouring them.
"""

from __future__ import annotations

from dragoman.capability import EXACT, Fidelity, FidelityTable, Survival

ROWS = FidelityTable(
    geometries={
        "box": EXACT,
        "polygon": EXACT,
        "polyline": EXACT,
        "whole": Fidelity(Survival.EXACT, "one per item and taxonomy; its id is kept in the metadata"),
        "polygon with holes": Fidelity(Survival.DROPPED, "a Nucleus polygon has one ring"),
        "polygon of parts": Fidelity(Survival.DROPPED, "a Nucleus polygon has one ring"),
        "rotated_box": Fidelity(Survival.APPROXIMATE, "a polygon of its four corners; the angle is lost"),
        "keypoints": Fidelity(Survival.APPROXIMATE, "visibility becomes visible or not"),
    },
    fields={
        "answer": Fidelity(Survival.STORED, "kept in the metadata"),
        "attributes": Fidelity(Survival.STORED, "kept in the metadata"),
        "frame": Fidelity(Survival.DROPPED, "an image has no frames"),
        "span": Fidelity(Survival.DROPPED, "an image has no frames"),
        "interpolation": Fidelity(Survival.DROPPED, "an image has no frames"),
    },
)
