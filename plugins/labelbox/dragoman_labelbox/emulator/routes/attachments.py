"""Attachments of data rows: what annotators see beside the data."""

from __future__ import annotations

from typing import Any

from dragoman_labelbox.emulator.graphql import Handler, Query, not_found
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]


class Attachments:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "GetDataRowAttachmentsPyApi": self.listing,
            "CreateDataRowAttachmentPyApi": self.create,
            "updateDataRowAttachmentPyApi": self.update,
            "deleteDataRowAttachmentPyApi": self.delete,
        }

    def listing(self, query: Query) -> Json:
        held = self._state.row(query.subject()).attachments
        return {"attachments": query.paged(held.items(), lambda each: {"id": each[0], **each[1]})}

    def create(self, query: Query) -> Json:
        key = self._state.ids.new()
        made = {name: query.get(name) for name in ("type", "value", "name")}
        self._state.row(query.get("dataRowId")).attachments[key] = made
        return {"id": key, **made}

    def update(self, query: Query) -> Json:
        key = query.get("attachment_id")
        held = self._holder(key)
        held[key] |= {name: value for name, value in query.variables.items() if name in ("type", "value", "name")}
        return {"id": key, **held[key]}

    def delete(self, query: Query) -> Json:
        key = query.get("attachment_id")
        del self._holder(key)[key]
        return {"id": key}

    def _holder(self, key: str) -> dict[str, Json]:
        """Return the attachments of the data row that has this one."""
        for row in self._state.rows.values():
            if key in row.attachments:
                return row.attachments
        raise not_found("Attachment", key)
