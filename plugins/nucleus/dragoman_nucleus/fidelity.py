"""What survives of labels and predictions on Nucleus.

A geometry kind that is not named here is dropped. Nucleus shows what is stored in the metadata without honouring it.
"""

from __future__ import annotations

from dragoman.fidelity import EXACT, DatasetFidelity, Fidelity, FidelityTable, Survival, approximate, dropped, stored

_JOINED = approximate("one ring, whose parts and holes are joined by bridges without width", to="polygon")

ROWS = FidelityTable(
    geometries={
        "box": EXACT,
        "polygon": EXACT,
        "polyline": EXACT,
        "whole": Fidelity(Survival.EXACT, "one per item and taxonomy; its id is kept in the metadata"),
        "polygon with holes": _JOINED,
        "polygon of parts": _JOINED,
        "rotated_box": approximate("a polygon of its four corners; the angle is lost", to="polygon"),
        "keypoints": approximate("visibility becomes visible or not"),
        "mask": approximate("one index image per item, 255 masks at most; where they overlap, the smallest is seen"),
        "cuboid": approximate("only its turn about the z axis is kept"),
    },
    fields={
        "answer": Fidelity(
            Survival.EXACT, "an option is a category of the question's taxonomy; texts and numbers are in the metadata"
        ),
        "attributes": stored(),
        "frame": dropped("an image has no frames"),
        "span": dropped("an image has no frames"),
        "interpolation": dropped("an image has no frames"),
    },
)

_NOWHERE = dropped("class names are free texts there")
DATASETS = DatasetFidelity(
    {
        "ontology metadata": _NOWHERE,
        "feature metadata": _NOWHERE,
        "feature color": _NOWHERE,
        "feature geometries": Fidelity(Survival.EXACT, "class names are free texts, for shapes of every kind"),
        "feature attributes": approximate(
            "of a classification, the options of one question are a taxonomy; other questions are not asked there"
        ),
    }
)
