"""Data collections: what is on Synapse and not reviewed yet. Items go in here, and from here to annotation projects.

What comes out of review is ground truth, in a dataset; see `datasets`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dragoman.calls.bulk import BulkWrite
from dragoman.calls.pipeline import Operation, Page
from dragoman.errors import InvalidData, NotFound, OutcomeUnknown
from dragoman.media import path_at
from dragoman.schema import IGNORED, Item, Report, RowResult
from dragoman.schema.base import Control
from dragoman_synapse.extension import Extension
from dragoman_synapse.ids import number
from dragoman_synapse.notes import KEY, Json
from dragoman_synapse.pages import every, listed, page_of
from dragoman_synapse.tasks import add_tasks

HOME, UNITS = "v2/data-collections/", "data_units/"
FILE_BYTES = 50 * 1024 * 1024
"""Bytes from which a file is sent in chunks, as the platform's own client does."""


class Collection(Control):
    """A data collection."""

    id: str
    name: str


class Collections(Extension):
    """Make collections, put items into them, and send these to projects."""

    name = "collections"

    def create(self, name: str, *, kind: str = "image", description: str = "") -> Collection:
        """Make a collection whose items are one file of a kind each: `"image"`, `"video"`, `"text"`, ..."""
        specification = {"name": f"{kind}_1", "file_type": kind, "is_primary": True, "is_required": True}
        body = {"name": name, "category": kind, "description": description, "file_specifications": [specification]}
        made = self._call("create", self._adapter.client.post, HOME, body, repeatable=False)["data"]
        return Collection(id=str(made["id"]), name=made["name"])

    def list(self, *, page_size: int | None = None) -> Iterator[Collection]:
        """Iterate over the collections."""

        def fetch(cursor: str | None, size: int) -> Page[Collection]:
            found = listed(self._adapter.client, "data_collections/", {}, cursor, size)
            return page_of(found, lambda wire: Collection(id=str(wire["id"]), name=wire["name"]))

        return self._pages("list", fetch, page_size)

    def add(self, rows: Iterable[Item], *, collection: str) -> Report:
        """Send items that are files of this machine to a collection, and return every row's outcome.

        Items whose key is there already are left alone and `ignored`.

        Raises:
            NotFound: There is no such collection.
        """
        self._call("add", self._adapter.client.get, f"data_collections/{number(collection, 'collection')}/")
        present = self._call("add", self._present, collection)
        return BulkWrite[Item](
            self._adapter.pipeline,
            Operation(self.name, "add"),
            key=lambda row: row.key,
            send=lambda batch: self._send(batch, collection, present),
        ).run(rows)

    def send(self, collection: str, *, project: str, items: Sequence[str] | None = None) -> None:
        """Send items of a collection, by key, to a project for annotation; all if none are named.

        Raises:
            NotFound: There is no such item or project.
        """
        present = self._call("send", self._present, collection)
        if missing := sorted(set(items or ()) - present.keys()):
            raise NotFound(f"Collection {collection} has no item {missing[0]!r}.")
        chosen = [present[key] for key in (present if items is None else items)]
        self._call("send", add_tasks, self._adapter.client, project, chosen, repeatable=False)

    def _present(self, collection: str) -> dict[str, str]:
        """Return the ids of the units of a collection by the keys of their items."""
        params = {"data_collection": number(collection, "collection")}
        units = every(
            lambda cursor: listed(self._adapter.client, UNITS, params, cursor, self._adapter.limits.page_size)
        )
        mine = (unit for unit in units if str(unit.get("data_collection", collection)) == collection)
        return {key_of(unit): str(unit["id"]) for unit in mine}

    def _send(self, rows: Sequence[Item], collection: str, present: dict[str, str]) -> Sequence[RowResult]:
        fresh = list({row.key: row for row in rows if row.key not in present}.values())
        sent = dict(zip((row.key for row in fresh), self._adapter.pool.map(self._file, fresh), strict=True))
        bodies = [
            {"data_collection": int(collection), "files": {f"{row.media}_1": sent[row.key]}, "meta": meta_of(row)}
            for row in fresh
            if isinstance(sent[row.key], dict)
        ]
        if bodies:
            present |= self._units(bodies, collection)
        # What is sent once is made once; a row that comes again finds its key there.
        return [_result(row, sent.pop(row.key, None), present) for row in rows]

    def _units(self, bodies: Sequence[Json], collection: str) -> dict[str, str]:
        """Make units of files that were sent, once; those of a lost answer are looked up."""
        try:
            made = self._call("add", self._adapter.client.post, UNITS, bodies, repeatable=False)["results"]
        except OutcomeUnknown:
            wanted = {body["meta"][KEY]["key"] for body in bodies}
            there = {key: unit for key, unit in self._present(collection).items() if key in wanted}
            if not there:
                raise
            return there
        return {body["meta"][KEY]["key"]: str(unit["id"]) for body, unit in zip(bodies, made, strict=True)}

    def _file(self, row: Item) -> Json | str:
        """Send the file of an item and return how a unit names it, or why it was not sent."""
        path = path_at(row.uri)
        if not row.uri or not path.is_file():
            return f"There is no file {row.uri}."
        try:
            if path.stat().st_size > FILE_BYTES:
                body = {"chunked_upload": self._adapter.send_file(path)}
                made = self._call("add", self._adapter.client.post, "data_files/", body)
                self._adapter.uploads.forget(path.resolve())
            else:
                made = self._call("add", self._adapter.client.post_file, "data_files/", path)
        except InvalidData as refusal:
            return refusal.message
        return {"checksum": made["checksum"], "path": path.name}


def meta_of(row: Item) -> Json:
    """Return what Synapse keeps of an item beside its file, through review: `truth_rows` finds it there again."""
    ours: Json = {"key": row.key}
    if row.split:
        ours["split"] = row.split
    return {**row.metadata, KEY: ours}


def key_of(unit: Any) -> str:
    """Return the key of a data unit's item; its id where it was made elsewhere."""
    ours = (unit.get("meta") or {}).get(KEY)
    return str(ours["key"]) if isinstance(ours, dict) and "key" in ours else str(unit["id"])


def _result(row: Item, sent: Json | str | None, present: dict[str, str]) -> RowResult:
    if sent is None:
        return IGNORED
    if isinstance(sent, str):
        return RowResult("rejected", reason=sent)
    if row.key not in present:
        return RowResult("unknown", reason="No answer says what became of it, and it is not there yet.")
    return RowResult("created", id=present[row.key])
