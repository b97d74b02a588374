"""What survives of labels and predictions on Encord, where the project's ontology was made by `ontologies.create`.

Where the project's ontology lacks our text attribute, numbers come back rounded to a billionth of a pixel, and rows
that need the attribute are rejected. Encord's circles and ellipses, which have no counterpart, are read as polygons of
72 corners.
"""

from __future__ import annotations

from dragoman.fidelity import EXACT, DatasetFidelity, Fidelity, FidelityTable, Survival, dropped, stored

_GEOMETRIES = {
    "box": EXACT,
    "rotated_box": EXACT,
    "polygon": EXACT,
    "polygon with holes": EXACT,
    "polygon of parts": EXACT,
    "polyline": EXACT,
    "point": EXACT,
    "mask": Fidelity(Survival.EXACT, "as large as its image"),
    "keypoints": Fidelity(
        Survival.EXACT,
        "one skeleton per feature: its metadata's (`keypoints`, `skeleton`, as in COCO), else that of its first rows",
    ),
    "whole": Fidelity(Survival.EXACT, "one answer per feature and frame"),
    "cuboid": dropped("Encord holds cuboids in point clouds only"),
}
_FIELDS = {
    "attributes": Fidelity(
        Survival.EXACT, "answers where the ontology asks, else in a text attribute; texts and numbers come back plain"
    ),
    "answer": Fidelity(Survival.EXACT, "where the ontology asks no such question, in a text attribute"),
    "metadata": Fidelity(Survival.EXACT, "in a text attribute of the ontology"),
    "provenance": Fidelity(Survival.EXACT, "in a text attribute of the ontology"),
    "interpolation": stored("kept in the metadata; Encord holds each frame for itself"),
}

LABELS = FidelityTable(geometries=_GEOMETRIES, fields=_FIELDS)
PREDICTIONS = FidelityTable(geometries=_GEOMETRIES, fields={**_FIELDS, "class_pdf": stored()})
READ = FidelityTable(geometries=dict.fromkeys(_GEOMETRIES, EXACT) | {"cuboid": _GEOMETRIES["cuboid"]})

_DESCRIBED = Fidelity(Survival.EXACT, "as a line of the ontology's description")
DATASETS = DatasetFidelity({"ontology metadata": _DESCRIBED, "feature metadata": _DESCRIBED})
