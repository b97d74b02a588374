"""Datasets and their data rows: making, listing, changing and deleting; data rows are made in `uploads.py`."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.comparing import compares
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import DataRow, Dataset
from dragoman_labelbox.emulator.routes.uploads import show
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]
PAGE = 500


class Datasets:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "CreateDatasetPyApi": self.create,
            "GetDatasetPyApi": lambda query: wire.dataset(self._state.dataset(query.get("param_0"))),
            "GetDatasetsPyApi": self.listing,
            "updateDatasetPyApi": self.update,
            "deleteDatasetPyApi": self.delete,
            "DatasetDataRowsPyApi": self.rows,
            "GetDataRowPyApi": lambda query: wire.data_row(self._state, self._state.row(query.get("param_0"))),
            "updateDataRowPyApi": self.update_row,
            "externalIdsToDataRowIdsPyApi": self.by_external_id,
            "deleteDataRowsPyApi": self.delete_rows,
        }

    def create(self, query: Query) -> Json:
        if not query.variables.get("name"):
            raise invalid("A dataset needs a name.")
        name, description = query.variables["name"], query.variables.get("description") or ""
        made = Dataset(**self._state.stamp(), name=name, description=description)
        self._state.datasets[made.id] = made
        return wire.dataset(made)

    def listing(self, query: Query) -> list[Json]:
        return query.paged(self._state.datasets.values(), wire.dataset)

    def update(self, query: Query) -> Json:
        dataset, changed = self._state.dataset(query.get("DatasetId")), query.variables
        if "name" in changed and not changed["name"]:
            raise invalid("A dataset needs a name.")
        dataset.name = changed.get("name", dataset.name)
        dataset.description = changed.get("description", dataset.description)
        dataset.updated = self._state.clock.now()
        return wire.dataset(dataset)

    def delete(self, query: Query) -> Json:
        dataset = self._state.dataset(query.get("DatasetId"))
        self._state.forget_rows(list(dataset.rows.values()))
        del self._state.datasets[dataset.id]
        return {"id": dataset.id}

    def rows(self, query: Query) -> Json:
        rows = self._filtered(query)
        cursor, first = query.variables.get("from"), query.variables.get("first") or PAGE
        start = 0
        if cursor is not None:
            places = [place for place, row in enumerate(rows) if row.id == cursor]
            if not places:
                raise invalid(f"There is no data row {cursor} to start from.", 400)
            start = places[0]
        end = start + min(first, self._state.settings.page_limit or first)
        following = rows[end].id if end < len(rows) else None
        nodes = [wire.data_row(self._state, row) for row in rows[start:end]]
        # The service names the cursor of the next page `startCursor`.
        return {"nodes": nodes, "pageInfo": {"hasNextPage": following is not None, "startCursor": following}}

    def _filtered(self, query: Query) -> list[DataRow]:
        """Return the data rows of a dataset that pass the comparisons, newest first."""
        rows = reversed(self._state.dataset(query.get("id")).rows.values())
        wanted = (query.variables.get("where") or {}).items()
        return [
            row for row in rows if all(compares(wire.data_row(self._state, row), name, value) for name, value in wanted)
        ]

    def update_row(self, query: Query) -> Json:
        row, changed = self._state.row(query.get("DataRowId")), query.variables
        global_key = changed.get("globalKey")
        if global_key and self._state.by_global_key.get(global_key, row) is not row:
            raise invalid(f"Duplicate global key: {global_key}")
        if unknown := self._state.unknown_schemas(changed.get("metadataFields") or ()):
            raise invalid(f"There is no metadata schema {unknown[0]}.")
        if global_key:
            self._state.rename_row(row, global_key)
        row.external_id = changed.get("externalId") or row.external_id
        if content := changed.get("rowData"):
            show(self._state, row, content)
        self._state.set_fields(row, changed.get("metadataFields") or [])
        row.updated = self._state.clock.now()
        return wire.data_row(self._state, row)

    def by_external_id(self, query: Query) -> list[Json]:
        wanted = set(query.get("externalId_in"))
        rows = self._state.rows.values()
        return [{"dataRowId": row.id, "externalId": row.external_id} for row in rows if row.external_id in wanted]

    def delete_rows(self, query: Query) -> list[Json]:
        rows = [self._state.row(row_id) for row_id in dict.fromkeys(query.literals())]
        self._state.forget_rows(rows)
        return [{"id": row.id} for row in rows]
