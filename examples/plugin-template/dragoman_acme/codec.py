"""Pure translation between canonical rows and Acme's JSON, and what survives it."""

from dragoman import Box, Item, Label, Whole
from dragoman.fidelity import EXACT, FidelityTable, approximate, dropped, stored

NO_FRAMES = dropped("a picture has no frames")
ROWS = FidelityTable(
    geometries={"box": EXACT, "whole": EXACT, "rotated_box": approximate("the box around it", to="box")},
    fields={"track_id": stored(), "attributes": stored(), "answer": stored(), "frame": NO_FRAMES, "span": NO_FRAMES},
)


def mark_out(row: Label) -> dict:
    """Return a label as Acme's mark."""
    box = row.geometry
    place = [box.x, box.y, box.width, box.height] if isinstance(box, Box) else None
    return {"id": row.id, "picture": row.item, "name": row.feature, "box": place, "note": row.metadata}


def mark_in(mark: dict) -> Label:
    """Return Acme's mark as a label."""
    geometry = Box(*mark["box"]) if mark["box"] else Whole()
    return Label(mark["picture"], mark["name"], geometry, id=mark["id"], metadata=mark["note"])


def picture_in(picture: dict, endpoint: str) -> Item:
    """Return Acme's picture as an item."""
    return Item(uri=f"{endpoint}/files/{picture['file']}", **picture["facts"])
