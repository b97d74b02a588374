"""The user, the organization, their tasks, uploads, and the schemas of data row metadata."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.state import State, found

Json = dict[str, Any]


class Account:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "GetUserPyApi": lambda _: wire.user(self._state),
            "CurrentUserPyApi": lambda _: wire.user(self._state),
            "GetOrganizationPyApi": lambda _: wire.organization(self._state),
            "getAllIntegrationsPyApi": lambda _: [],
            "GetUserCreatedTasksPyApi": self.tasks,
            "UploadFile": self.upload,
            "GetMetadataOntologyBetaPyApi": lambda _: list(self._state.metadata_schemas.values()),
            "UpsertCustomMetadataSchemaPyApi": self.upsert_metadata_schema,
            "DeleteCustomMetadataSchemaPyApi": self.delete_metadata_schema,
            "UpsertDataRowMetadataBetaPyApi": self.upsert_metadata,
            "dataRowCustomMetadataPyApi": self.metadata,
        }

    def tasks(self, query: Query) -> Json:
        skip, _ = query.page()
        task_id = query.variables.get("taskId") or query.variables.get("param_0")
        job = self._state.jobs.by_id.get(task_id or "")
        return {"createdTasks": [wire.task(job)] if job is not None and not skip else []}

    def upload(self, query: Query) -> Json:
        # The SDK swaps name and type of one of its parts, so neither decides anything here.
        name, content_type, content = query.file()
        token = self._state.files.put(content, content_type or "application/octet-stream")
        return {"url": f"{query.base}/files/{token}", "filename": name or token}

    def upsert_metadata_schema(self, query: Query) -> Json:
        data = query.get("data")
        if not data.get("name"):
            raise invalid("A metadata schema needs a name.")
        schemas = self._state.metadata_schemas
        schema_id = data.get("id") or self._state.ids.new()
        if any(known["name"] == data["name"] and known["id"] != schema_id for known in schemas.values()):
            raise invalid(f"There is a metadata schema named {data['name']!r}.")
        options = [
            {
                "id": option.get("id") or self._state.ids.new(),
                "name": option["name"],
                "kind": "CustomMetadataEnumOption",
                "reserved": False,
            }
            for option in data.get("options") or ()
        ]
        made = {
            "id": schema_id,
            "name": data["name"],
            "kind": data["kind"],
            "reserved": False,
            "options": options,
        }
        schemas[schema_id] = made
        return made

    def delete_metadata_schema(self, query: Query) -> Json:
        schema_id = query.get("where")["id"]
        found(self._state.metadata_schemas, schema_id, "Metadata schema")
        del self._state.metadata_schemas[schema_id]
        return {"success": True}

    def upsert_metadata(self, query: Query) -> list[Json]:
        failed = []
        for change in query.get("metadata"):
            rows = self._state.named_rows([change.get("dataRowId") or ""], [change.get("globalKey") or ""])
            if not rows:
                failed.append({**change, "error": "There is no such data row."})
                continue
            changed = {value["schemaId"]: value for value in change["fields"]}
            kept = [value for value in rows[0].fields if value["schemaId"] not in changed]
            rows[0].fields = [*kept, *changed.values()]
        return failed

    def metadata(self, query: Query) -> list[Json]:
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
