"""Metadata of data rows: the schemas of an organization, and the values."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.objects import DataRow
from dragoman_labelbox.emulator.state import State, found

Json = dict[str, Any]

NO_ROW = "There is no such data row."


class Metadata:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "GetMetadataOntologyBetaPyApi": lambda _: list(self._state.metadata_schemas.values()),
            "UpsertCustomMetadataSchemaPyApi": self.upsert_schema,
            "DeleteCustomMetadataSchemaPyApi": self.delete_schema,
            "UpsertDataRowMetadataBetaPyApi": self.upsert,
            "DeleteDataRowMetadataBetaPyApi": self.delete,
            "dataRowCustomMetadataPyApi": self.values,
        }

    # -- schemas ------------------------------------------------------------------------------------------------------

    def upsert_schema(self, query: Query) -> Json:
        data = query.get("data")
        if not data.get("name"):
            raise invalid("A metadata schema needs a name.")
        schemas = self._state.metadata_schemas
        schema_id = data.get("id") or self._state.ids.new()
        if any(known["name"] == data["name"] and known["id"] != schema_id for known in schemas.values()):
            raise invalid(f"There is a metadata schema named {data['name']!r}.")
        if schemas.get(schema_id, {}).get("reserved"):
            raise invalid(f"The metadata schema {data['name']!r} is the platform's own.")
        made = self._state.metadata_schema(data["name"], data["kind"], data.get("options") or (), schema_id)
        schemas[schema_id] = made
        return made

    def delete_schema(self, query: Query) -> Json:
        schema_id = query.get("where")["id"]
        if found(self._state.metadata_schemas, schema_id, "Metadata schema")["reserved"]:
            raise invalid("A reserved metadata schema cannot be deleted.")
        gone = self._state.with_options([schema_id])
        del self._state.metadata_schemas[schema_id]
        for row in self._state.rows.values():
            row.fields = [value for value in row.fields if value["schemaId"] not in gone]
        return {"success": True}

    # -- values -------------------------------------------------------------------------------------------------------

    def upsert(self, query: Query) -> list[Json]:
        failed = []
        for wanted in query.get("metadata"):
            row = self._row(wanted.get("dataRowId"), wanted.get("globalKey"))
            if row is None:
                failed.append({**wanted, "error": NO_ROW})
            else:
                self._state.set_fields(row, wanted["fields"])
        return failed

    def delete(self, query: Query) -> list[Json]:
        failed = []
        for wanted in query.get("deletes"):
            key, by_id = wanted["dataRowIdentifier"]["id"], wanted["dataRowIdentifier"]["idType"] == "ID"
            row = self._row(key, None) if by_id else self._row(None, key)
            if row is None:
                fields = [{"schemaId": schema_id, "value": None} for schema_id in wanted["schemaIds"]]
                failed.append({"dataRowId": key, "error": NO_ROW, "fields": fields})
            else:
                gone = self._state.with_options(wanted["schemaIds"])
                row.fields = [value for value in row.fields if value["schemaId"] not in gone]
        return failed

    def _row(self, key: str | None, global_key: str | None) -> DataRow | None:
        return next(iter(self._state.named_rows([key or ""], [global_key or ""])), None)

    def values(self, query: Query) -> list[Json]:
        wanted = query.get("dataRowIdentifiers")
        ids, keys = (wanted["ids"], None) if wanted["idType"] == "ID" else (None, wanted["ids"])
        return [
            {
                "dataRowId": row.id,
                "globalKey": row.global_key,
                "fields": [{"schemaId": value["schemaId"], "value": value["value"]} for value in row.fields],
            }
            for row in self._state.named_rows(ids, keys)
        ]
