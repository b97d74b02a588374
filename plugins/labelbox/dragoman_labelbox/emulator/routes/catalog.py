"""The catalog's saved searches (slices), of all data rows or of those in a model run, and custom embeddings."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.filters import selected
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import DataRow, Slice
from dragoman_labelbox.emulator.state import State, found

Json = dict[str, Any]

EMBEDDINGS = 10
"""Most custom embeddings of an organization."""


class Catalog:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "GetCatalogSavedQueriesPyApi": lambda _: [wire.slice_(each) for each in self._state.slices.values()],
            "getSavedQueryPyApi": lambda query: wire.slice_(self._slice(query.get("id"))),
            "getDataRowIdenfifiersBySavedQueryPyApi": self.identifiers,
            "getDataRowIdenfifiersBySavedModelQueryPyApi": self.identifiers_in_run,
            "CreateEmbeddingPyApi": self.create_embedding,
            "GetEmbeddingsPyApi": lambda _: list(self._state.embeddings.values()),
            "DeleteEmbeddingPyApi": self.delete_embedding,
        }

    def _slice(self, key: str) -> Slice:
        return found(self._state.slices, key, "Slice")

    def _matching(self, query: Query) -> list[DataRow]:
        return selected(self._state, self._slice(query.get("id")).filters)

    def identifiers(self, query: Query) -> Json:
        rows = self._matching(query)
        shown, following = query.cursor_page(rows, self._state.settings.page_limit)
        return _page(rows, shown, following)

    def identifiers_in_run(self, query: Query) -> Json:
        """Page by a cursor that is the last data row, not a number."""
        run = self._state.run(query.get("modelRunId"))
        rows = [row for row in self._matching(query) if row.id in run.rows]
        after = (query.variables.get("from") or {}).get("dataRowId")
        start = next((place + 1 for place, row in enumerate(rows) if row.id == after), 0)
        first = query.variables["first"]
        shown = rows[start : start + min(first, self._state.settings.page_limit or first)]
        more = start + len(shown) < len(rows)
        following = {"dataRowId": shown[-1].id, "globalKey": shown[-1].global_key} if more else None
        return _page(rows, shown, following)

    # -- embeddings ---------------------------------------------------------------------------------------------------

    def create_embedding(self, query: Query) -> Json:
        data, known = query.get("data"), self._state.embeddings
        if len(known) >= EMBEDDINGS:
            raise invalid(f"An organization has at most {EMBEDDINGS} custom embeddings.")
        if any(each["name"] == data["name"] for each in known.values()):
            raise invalid(f"There is an embedding {data['name']!r}.")
        made = {"id": self._state.ids.new(), "name": data["name"], "dims": data["dims"], "custom": True}
        known[made["id"]] = made
        return made

    def delete_embedding(self, query: Query) -> bool:
        key = query.get("data")["id"]
        del self._state.embeddings[found(self._state.embeddings, key, "Embedding")["id"]]
        for row in self._state.rows.values():
            row.vectors.pop(key, None)
        return True


def _page(rows: list[DataRow], shown: list[DataRow], following: Any) -> Json:
    return {
        "totalCount": len(rows),
        "nodes": [{"id": row.id, "globalKey": row.global_key} for row in shown],
        "pageInfo": {"endCursor": following, "hasNextPage": following is not None},
    }
