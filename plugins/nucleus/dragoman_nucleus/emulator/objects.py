"""Ids of annotations and predictions as the platform assigns them, `ann_` and `pred_`.

Most answers show only the ids that the user gave. So an id is assigned when one is shown for the first time: 200 000
uploaded rows shall not cost 200 000 ids that nobody asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dragoman.emulate.app import ApiError, as_dict
from dragoman_nucleus.emulator.ids import Ids
from dragoman_nucleus.emulator.rows import Key, Row, Rows

ANNOTATION = "ann"
PREDICTION = "pred"


@dataclass(frozen=True)
class Place:
    """Where the row with an assigned id is kept."""

    rows: Rows
    item_id: str
    key: Key

    def row(self) -> Row | None:
        """Return the row, or `None` if it was deleted since."""
        return self.rows.get(self.item_id, self.key)

    def shown(self) -> dict[str, Any]:
        """Return the row as plain JSON."""
        return as_dict(self.row())


class Objects:
    """The assigned ids of one emulation."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._assigned: dict[tuple[int, str, Key], str] = {}
        self._places: dict[str, Place] = {}

    def id_of(self, prefix: str, rows: Rows, item_id: str, row: Row) -> str:
        """Return the id of a row, assigning one if it has none yet."""
        key = row.key()
        object_id = self._assigned.get((id(rows), item_id, key))
        if object_id is None:
            object_id = self._assigned[id(rows), item_id, key] = self._ids.new(prefix)
            # The place also keeps `rows` alive, so that its address cannot come to mean another store.
            self._places[object_id] = Place(rows, item_id, key)
        return object_id

    def find(self, object_id: str) -> Place | None:
        """Return where the row with an id is; `None` if it was deleted, or the id was never shown."""
        place = self._places.get(object_id)
        return place if place is not None and place.row() is not None else None

    def place(self, object_id: str) -> Place:
        """Return where the row with an id is.

        Raises:
            ApiError: 404, there is no such row.
        """
        place = self.find(object_id)
        if place is None:
            raise ApiError(404, f"Object {object_id} does not exist.")
        return place
