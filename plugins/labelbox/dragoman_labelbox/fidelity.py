"""What survives of labels and predictions on Labelbox, where the ontology has a place for what Labelbox has none for.

What Labelbox has no field for (a row's id, metadata, provenance, plain attributes, how keyframes interpolate) is kept
in a free-text question named `dragoman` that every feature gets, so that it comes back exactly; see `nodes.py`. What
is only kept there although it is meant to have an effect is declared as stored. Where an ontology of somebody else's
does not ask that question, and on videos, less survives: `targets.py` says it row by row.
"""

from __future__ import annotations

from collections.abc import Mapping

from dragoman.fidelity import EXACT, DatasetFidelity, Fidelity, FidelityTable, approximate, dropped, stored

_JOINED = approximate("one ring, whose parts and holes are joined by bridges without width", to="polygon")
_COVERED = approximate("exports draw all masks of an item into one image: where two overlap, one covers the other")
_BESIDE = stored("kept in the metadata of a classification")
_BOXED = approximate("the box around it: Labelbox has no such shape on frames of a video", to="box")
_NO_PLACE = dropped("the ontology does not ask the question `dragoman` that would hold it")

IMAGES: Mapping[str, Fidelity] = {
    "box": EXACT,
    "polygon": EXACT,
    "polyline": EXACT,
    "point": EXACT,
    "whole": EXACT,
    "mask": _COVERED,
    "polygon with holes": _JOINED,
    "polygon of parts": _JOINED,
    "rotated_box": approximate("a polygon of its four corners; the angle is lost", to="polygon"),
    "keypoints": _BESIDE,
    "cuboid": _BESIDE,
}
"""Forms on images, and of what holds for a whole video."""
VIDEOS: Mapping[str, Fidelity] = {
    **IMAGES,
    **dict.fromkeys(("polygon", "polygon with holes", "polygon of parts", "rotated_box"), _BOXED),
}
"""Forms on frames and spans of a video. A model run takes no masks there."""
VIDEOS_OF_RUNS: Mapping[str, Fidelity] = {**VIDEOS, "mask": _BOXED}

CLASS_PDF: Mapping[str, Fidelity] = {
    "class_pdf": stored("kept in the metadata; Labelbox knows one confidence per annotation")
}

LABELS = FidelityTable(IMAGES)
PREDICTIONS = FidelityTable(IMAGES, CLASS_PDF)

# -- where nothing can be kept beside an annotation -------------------------------------------------------------------

BARE: dict[str, Fidelity] = {
    "id": approximate("Labelbox gives it an id of its own"),
    "provenance": approximate("Labelbox itself is named as the source"),
    **dict.fromkeys(("metadata", "attributes", "answer", "class_pdf", "track_id"), _NO_PLACE),
}
"""Fields of an annotation."""
SOME_ANSWERS = approximate("only answers to what the ontology asks, in its form")
"""What survives of attributes of which it asks some."""
TRACKED: dict[str, Fidelity] = {
    "track_id": approximate("Labelbox gives the track an id of its own"),
    "span": approximate("keyframes at its ends"),
    "interpolation": approximate("Labelbox draws straight lines between keyframes"),
}
"""Fields of a shape on frames of a video."""
ANSWERED: dict[str, Fidelity] = {
    "span": approximate("the frames over which the answer holds"),
    "interpolation": dropped("an answer has none"),
}
"""Fields of an answer over frames that says more of them than the first and the last."""
MASKED: dict[str, Fidelity] = {
    **BARE,
    **TRACKED,
    **dict.fromkeys(("metadata", "attributes", "answer"), dropped("Labelbox keeps nothing with masks on videos")),
    "span": dropped("Labelbox holds masks on videos frame by frame"),
}
"""Fields of a mask on a frame of a video, in any ontology."""


def without_store(forms: Mapping[str, Fidelity]) -> dict[str, Fidelity]:
    """Return forms where nothing can be stored beside an annotation: what would be stored has no place."""
    return {form: _NO_PLACE if kept == _BESIDE else kept for form, kept in forms.items()}


_NOWHERE = dropped("an ontology of Labelbox has no place for it")
DATASETS = DatasetFidelity({"ontology metadata": _NOWHERE, "feature metadata": _NOWHERE})
