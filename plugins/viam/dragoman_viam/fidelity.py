"""What survives of labels on Viam: boxes and tags, and nothing beside them.

A box has no metadata and no id of the user's: it is known by its content. Numbers come back rounded to a billionth of a
pixel, so coordinates of up to nine decimals come back as they were.
"""

from __future__ import annotations

from dragoman.fidelity import EXACT, Fidelity, FidelityTable, Survival, approximate, dropped

_OUTLINE = approximate("the box around it", to="box")
_NOWHERE = dropped("a box on Viam has a label, corners and a confidence, and a tag is a text")
_STILL = dropped("an image has no frames")

LABELS = FidelityTable(
    geometries={
        "box": Fidelity(Survival.EXACT, "rounded to a billionth of a pixel"),
        "whole": Fidelity(Survival.EXACT, "a tag of the image, one per item and feature"),
        "rotated_box": _OUTLINE,
        "polygon": _OUTLINE,
        "polygon with holes": _OUTLINE,
        "polygon of parts": _OUTLINE,
        "mask": _OUTLINE,
        "keypoints": dropped("Viam has no points"),
        "point": dropped("Viam has no points"),
        "polyline": dropped("Viam has no lines"),
        "cuboid": dropped("Viam has no boxes in space"),
    },
    fields={
        "id": Fidelity(Survival.EXACT, "where it derives from the content; else the outcome tells the new one"),
        "provenance": approximate("Viam's own"),
        "answer": _NOWHERE,
        "attributes": _NOWHERE,
        "class_pdf": _NOWHERE,
        "metadata": _NOWHERE,
        "track_id": _NOWHERE,
        "frame": _STILL,
        "interpolation": _STILL,
        "span": _STILL,
    },
)
READ = FidelityTable({"box": EXACT, "whole": EXACT})
"""What Viam holds is read as it is."""
