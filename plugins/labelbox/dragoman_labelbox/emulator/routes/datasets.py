"""Datasets and data rows: creating, listing, deleting, and looking up by key."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.jobs import JobFailed
from dragoman_labelbox.emulator.masks import size_of
from dragoman_labelbox.emulator.state import DataRow, Dataset, State

Json = dict[str, Any]

KEY_LENGTH = 200
"""Longest global key."""
_VIDEO = re.compile(r"\.(mp4|mov|webm|avi)(\?|$)", re.IGNORECASE)


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
            "UpsertDataRowsPyApi": self.upsert_rows,
            "FailedDataRowImportsPyApi": lambda query: self._results(query, "failed", "results"),
            "SuccessesfulDataRowImportsPyApi": lambda query: self._results(query, "made", "nodes"),
            "getDataRowsForGlobalKeysPyApi": self.look_up,
            "getDataRowsForGlobalKeysResultPyApi": self.looked_up,
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
        skip, first = query.page()
        shown = [wire.dataset(dataset) for dataset in self._state.datasets.values() if query.matches(vars(dataset))]
        return shown[skip : skip + first]

    def update(self, query: Query) -> Json:
        dataset = self._state.dataset(query.get("DatasetId"))
        dataset.name = query.variables.get("name") or dataset.name
        dataset.description = query.variables.get("description") or dataset.description
        return wire.dataset(dataset)

    def delete(self, query: Query) -> Json:
        dataset = self._state.dataset(query.get("DatasetId"))
        for row in list(dataset.rows.values()):
            self._state.forget_row(row)
        del self._state.datasets[dataset.id]
        return {"id": dataset.id}

    def rows(self, query: Query) -> Json:
        dataset = self._state.dataset(query.get("id"))
        rows = list(reversed(dataset.rows.values()))
        cursor, first = query.variables.get("from"), query.variables.get("first") or 500
        start = next((place + 1 for place, row in enumerate(rows) if row.id == cursor), 0)
        end = start + min(first, self._state.settings.page_limit or first)
        following = rows[end - 1].id if end < len(rows) else None
        nodes = [wire.data_row(self._state, row) for row in rows[start:end]]
        # The service names the cursor of the next page `startCursor`.
        return {"nodes": nodes, "pageInfo": {"hasNextPage": following is not None, "startCursor": following}}

    # -- making data rows ---------------------------------------------------------------------------------------------

    def upsert_rows(self, query: Query) -> Json:
        manifest = self._file(query.get("manifestUri"))
        specs = [spec for uri in manifest["chunk_uris"] for spec in self._file(uri)]
        outcome: Json = {"made": [], "failed": []}

        def work() -> None:
            for spec in specs:
                self._take(spec, outcome)

        now = self._state.clock.now()
        job = self._state.jobs.start(
            self._state.ids.new(), "adv-upsert-data-rows", now, work, name="Upsert", held=outcome
        )
        return wire.task(job)

    def _file(self, url: str) -> Any:
        file = self._state.files.at(url)
        if file is None:
            raise invalid(f"There is no file {url}.", 400)
        return msgspec.json.decode(file.content)

    def _take(self, spec: Json, outcome: Json) -> None:
        payload, key = spec["payload"], spec["id"]
        try:
            row = self._upserted(payload, key)
        except JobFailed as failure:
            shown = {
                "externalId": payload.get("external_id"),
                "globalKey": payload.get("global_key"),
                "rowData": payload.get("row_data"),
                "metadata": [],
                "attachments": [],
            }
            outcome["failed"].append({"message": str(failure), "spec": shown})
        else:
            outcome["made"].append(
                {"id": row.id, "externalId": row.external_id, "globalKey": row.global_key, "rowData": row.row_data}
            )

    def _upserted(self, payload: Json, key: Json) -> DataRow:
        state, global_key = self._state, payload.get("global_key")
        known = {"GKEY": state.by_global_key, "ID": state.rows}.get(key["type"], {}).get(key["value"])
        if key["type"] == "GKEY":
            global_key = key["value"]
        if known is None and key["type"] == "ID":
            raise JobFailed(f"There is no data row {key['value']}.")
        if global_key and len(global_key) > KEY_LENGTH:
            raise JobFailed(f"Global key is longer than {KEY_LENGTH} characters.")
        if known is None and global_key in state.by_global_key:
            raise JobFailed(f"Duplicate global key: {global_key}")
        if payload["dataset_id"] not in state.datasets:
            raise JobFailed(f"There is no dataset {payload['dataset_id']}.")
        if known is None and not payload.get("row_data"):
            raise JobFailed("row_data is missing.")
        if unknown := [f["schemaId"] for f in _fields(payload) if f["schemaId"] not in state.metadata_schemas]:
            raise JobFailed(f"There is no metadata schema {unknown[0]}.")
        row = known or self._new_row(payload, global_key)
        if known is not None:
            row.row_data = payload.get("row_data") or row.row_data
            row.updated = state.clock.now()
        changed = {value["schemaId"]: value for value in _fields(payload)}
        row.fields = [*(f for f in row.fields if f["schemaId"] not in changed), *changed.values()]
        row.attachments = payload.get("attachments") or row.attachments
        return row

    def _new_row(self, payload: Json, global_key: str | None) -> DataRow:
        data = payload["row_data"] if isinstance(payload["row_data"], str) else msgspec.json.encode(payload["row_data"])
        text = data if isinstance(data, str) else data.decode()
        video = payload.get("media_type") == "VIDEO" or bool(_VIDEO.search(text))
        row = DataRow(
            **self._state.stamp(),
            dataset_id=payload["dataset_id"],
            row_data=text,
            global_key=global_key,
            external_id=payload.get("external_id"),
            media="VIDEO" if video else "IMAGE",
            attributes=self._measured(text),
        )
        self._state.add_row(row)
        return row

    def _measured(self, url: str) -> Json:
        """Return the media attributes of what was uploaded here; other addresses are never fetched."""
        file = self._state.files.at(url)
        size = size_of(file.content) if file is not None else None
        if file is None or size is None:
            return {}
        return {"height": size[0], "width": size[1], "mimeType": file.content_type, "subType": "", "superType": ""}

    def _results(self, query: Query, part: str, name: str) -> Json:
        job = self._state.jobs.by_id.get(query.get("taskId"))
        rows = job.held[part] if job is not None and isinstance(job.held, dict) else []
        start, first = int(query.variables.get("from") or 0), query.variables.get("first") or 5000
        end = start + min(first, self._state.settings.page_limit or first)
        return {name: rows[start:end], "after": str(end) if end < len(rows) else None, "total": len(rows)}

    # -- looking up and deleting --------------------------------------------------------------------------------------

    def look_up(self, query: Query) -> Json:
        keys = query.get("globalKeys")
        now = self._state.clock.now()
        job = self._state.jobs.start(self._state.ids.new(), "global-keys", now, lambda: None, held=keys)
        return {"jobId": job.id}

    def looked_up(self, query: Query) -> Json:
        job = self._state.jobs.by_id.get(query.get("jobId"))
        if job is None:
            raise invalid("There is no such job.", 400)
        status = job.look()
        found = [self._state.by_global_key.get(key) for key in job.held]
        data = {
            "fetchedDataRows": [{"id": row.id if row else ""} for row in found],
            "notFoundGlobalKeys": [key for key, row in zip(job.held, found, strict=True) if row is None],
            "accessDeniedGlobalKeys": [],
        }
        return {"jobStatus": status, "data": data}

    def by_external_id(self, query: Query) -> list[Json]:
        wanted = set(query.get("externalId_in"))
        rows = self._state.rows.values()
        return [{"dataRowId": row.id, "externalId": row.external_id} for row in rows if row.external_id in wanted]

    def delete_rows(self, query: Query) -> list[Json]:
        rows = [self._state.row(row_id) for row_id in query.literals()]
        for row in rows:
            self._state.forget_row(row)
        return [{"id": row.id} for row in rows]


def _fields(payload: Json) -> list[Json]:
    return payload.get("metadata_fields") or []
