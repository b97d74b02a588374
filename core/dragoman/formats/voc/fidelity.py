"""What survives of rows in Pascal VOC. A form that is not named is dropped."""

from __future__ import annotations

from dragoman.fidelity import EXACT, FidelityTable, approximate, dropped, stored

_JOINED = approximate("one ring, whose parts and holes are joined by bridges without width", to="polygon")

WRITING = FidelityTable(
    {
        "box": EXACT,
        "rotated_box": EXACT,
        "polygon": EXACT,
        "polygon with holes": _JOINED,
        "polygon of parts": _JOINED,
        "mask": approximate("its outline", to="polygon"),
        "keypoints": approximate("the upright box around them", to="box"),
    },
    {
        "frame": dropped("an image has no frames"),
        "span": dropped("an image has no frames"),
        "interpolation": dropped("an image has no frames"),
        "track_id": stored(),
        "answer": stored(),
        "class_pdf": stored(),
    },
)
READING = FidelityTable(
    {
        **dict.fromkeys(("box", "rotated_box", "polygon"), EXACT),
        "mask": approximate("pixels of the border between objects, 255, belong to none"),
    }
)
