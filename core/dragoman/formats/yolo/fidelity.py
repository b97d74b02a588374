"""What survives of rows in YOLO, per task. A form that is not named is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from dragoman.fidelity import EXACT, Fidelity, FidelityTable, Loss, approximate, dropped
from dragoman.schema import Label, Prediction

YoloTask = Literal["detect", "obb", "segment", "pose"]

_LINE = dropped("a line of YOLO has no place for it")
_FIELDS = {
    "id": approximate("reading derives it anew from what the line says"),
    "frame": dropped("an image has no frames"),
    "span": dropped("an image has no frames"),
    "interpolation": dropped("an image has no frames"),
    "track_id": _LINE,
    "answer": _LINE,
    "attributes": _LINE,
    "metadata": _LINE,
    "provenance": _LINE,
    "class_pdf": _LINE,
}
_JOINED = approximate("one ring, whose parts and holes are joined by bridges without width", to="polygon")
_OUTLINE = approximate("its outline", to="polygon")
_BOUNDS = approximate("the upright box around it", to="box")
_TURNED = approximate("the smallest turned box around it", to="rotated_box")

GEOMETRIES: dict[YoloTask, dict[str, Fidelity]] = {
    "detect": {
        "box": EXACT,
        **dict.fromkeys(
            ("rotated_box", "polygon", "polygon with holes", "polygon of parts", "mask", "keypoints"), _BOUNDS
        ),
    },
    "obb": {
        "rotated_box": EXACT,
        "box": approximate("the same box with an angle of 0", to="rotated_box"),
        **dict.fromkeys(("polygon", "polygon with holes", "polygon of parts", "mask"), _TURNED),
    },
    "segment": {
        "polygon": EXACT,
        "polygon with holes": _JOINED,
        "polygon of parts": _JOINED,
        **dict.fromkeys(("mask", "box", "rotated_box"), _OUTLINE),
    },
    "pose": {"keypoints": EXACT},
}

_BOX_ONLY = {"metadata": approximate('of the metadata only the object\'s box is kept, under "bbox"')}
_UNSURE = Loss("field confidence", dropped("a line without one is ground truth, so the prediction would be a label"))


class LineTable(FidelityTable):
    """What a line keeps of rows: that one is a prediction, it says by nothing but a confidence."""

    def losses(self, row: Label) -> list[Loss]:
        """Return what is not kept exactly of `row`; that a prediction has no confidence is a loss here, too."""
        lost = super().losses(row)
        return [*lost, _UNSURE] if _is_unsure(row) else lost

    def keeps_all(self, rows: Sequence[Label]) -> bool:
        """Return whether it is plain at a glance that no row loses anything."""
        return super().keeps_all(rows) and not any(map(_is_unsure, rows))


def _is_unsure(row: Label) -> bool:
    return isinstance(row, Prediction) and row.confidence is None


TABLES: dict[YoloTask, FidelityTable] = {
    task: LineTable(geometries, _FIELDS | (_BOX_ONLY if task == "pose" else {}))
    for task, geometries in GEOMETRIES.items()
}
"""Task to what writing keeps."""
DERIVED = {
    task: LineTable(table.geometries, {name: kept for name, kept in table.fields.items() if name != "id"})
    for task, table in TABLES.items()
}
"""The same for rows whose id is derived from what they say."""

READING = FidelityTable(dict.fromkeys(("box", "rotated_box", "polygon", "keypoints"), EXACT))
