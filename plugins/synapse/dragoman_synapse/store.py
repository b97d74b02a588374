"""Synapse's model entries: read and made through the first interface, changed and deleted through the second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dragoman_synapse.client import SynapseClient, SynapseRefused
from dragoman_synapse.entries import Entry, entry_in
from dragoman_synapse.ids import number
from dragoman_synapse.notes import KEY, Json, joined
from dragoman_synapse.pages import every, listed

LISTING_SIZE = 100


class Entries:
    """The model entries of one tenant.

    Args:
        client: Sends the requests.
    """

    def __init__(self, client: SynapseClient) -> None:
        self._client = client

    def get(self, key: str, params: Mapping[str, Any] | None = None) -> Entry:
        """Return the entry of that id."""
        return entry_in(self._client.get(f"models/{number(key, 'model')}/", params))

    def all(self) -> Iterator[Entry]:
        """Yield all entries, page by page."""
        return map(entry_in, every(lambda cursor: listed(self._client, "models/", {}, cursor, LISTING_SIZE)))

    def create(self, name: str, facts: Json, *, description: str = "", **fields: Any) -> Entry:
        """Make an entry.

        Args:
            name: Its name, unique in the tenant.
            facts: What Synapse has no field for.
            description: Free text.
            fields: Further fields of Synapse's: plugin, version, checkpoint, chunked_upload, configuration.
        """
        configuration = {**(fields.pop("configuration", None) or {}), KEY: facts}
        body = {"name": name, "description": description, "configuration": configuration, **fields}
        # An empty text is no description here, and nothing is told by saying so.
        return entry_in(self._client.post("models/", {k: v for k, v in body.items() if v not in (None, "")}))

    def create_once(self, name: str, facts: Json, *, upload: str, **fields: Any) -> Entry:
        """Make an entry of an upload, or return the one that an earlier attempt made of it, whose answer was lost."""
        facts = {**facts, "upload": upload}
        try:
            return self.create(name, facts, chunked_upload=upload, **fields)
        except SynapseRefused as refusal:
            if refusal.status != 400:
                raise
            mine = (entry for entry in self.all() if entry.name == name and entry.first == facts)
            if (found := next(mine, None)) is None:
                raise
            return found

    def change(self, entry: Entry, facts: Json, *, description: str | None = None, name: str | None = None) -> Entry:
        """Change facts, description or name of an entry, and return it as it is then.

        Args:
            entry: The entry.
            facts: Facts that replace those of their names; None takes one back to what it was at first.
            description: Its new description.
            name: Its new name on Synapse.
        """
        later = {key: value for key, value in {**entry.later, **facts}.items() if value is not None}
        text = entry.description if description is None else description
        body: Json = {"description": joined(text, later)}
        if name is not None:
            body["name"] = name
        self._client.patch(f"v2/models/{entry.id}/", body)
        return self.get(entry.id)

    def delete(self, key: str) -> None:
        """Delete an entry with its file."""
        self._client.delete(f"v2/models/{number(key, 'model')}/")
