"""Making and changing data rows in bulk: by a manifest of uploaded files; each row has an outcome of its own."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid
from dragoman_labelbox.emulator.jobs import JobFailed
from dragoman_labelbox.emulator.masks import size_of
from dragoman_labelbox.emulator.objects import DataRow
from dragoman_labelbox.emulator.state import KEY_LENGTH, State

Json = dict[str, Any]

PAGE = 5000
NEW = {"type": "AUTO", "value": ""}
"""The key of a data row that is to be made."""
_ENDINGS = (
    (re.compile(r"\.(jpe?g|png|webp|bmp|gif|tiff?)(\?|$)", re.IGNORECASE), "IMAGE"),
    (re.compile(r"\.(mp4|mov|webm|avi)(\?|$)", re.IGNORECASE), "VIDEO"),
    (re.compile(r"\.(mp3|wav|m4a)(\?|$)", re.IGNORECASE), "AUDIO"),
    (re.compile(r"\.txt(\?|$)", re.IGNORECASE), "TEXT"),
    (re.compile(r"\.pdf(\?|$)", re.IGNORECASE), "PDF"),
    (re.compile(r"\.html?(\?|$)", re.IGNORECASE), "HTML"),
)
"""Endings of addresses and the media that they mean."""


class Uploads:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "UpsertDataRowsPyApi": self.upsert,
            "FailedDataRowImportsPyApi": lambda query: self._results(query, "failed", "results"),
            "SuccessesfulDataRowImportsPyApi": lambda query: self._results(query, "made", "nodes"),
        }

    def upsert(self, query: Query) -> Json:
        manifest = self._file(query.get("manifestUri"))
        specs = [spec for uri in manifest["chunk_uris"] for spec in self._file(uri)]
        outcome: Json = {"made": [], "failed": []}

        def work() -> None:
            for spec in specs:
                # Tiles come without a frame around them.
                self._take(spec.get("payload", spec), spec.get("id", NEW), outcome)

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

    def _results(self, query: Query, part: str, name: str) -> Json:
        job = self._state.jobs.by_id.get(query.get("taskId"))
        rows = job.held[part] if job is not None and isinstance(job.held, dict) else []
        shown, following = query.cursor_page(rows, self._state.settings.page_limit, PAGE)
        return {name: shown, "after": following, "total": len(rows)}

    def _take(self, payload: Json, key: Json, outcome: Json) -> None:
        try:
            row = self._upserted(payload, key)
        except JobFailed as failure:
            outcome["failed"].append({"message": str(failure), "spec": _spec(payload)})
        else:
            outcome["made"].append(
                {"id": row.id, "externalId": row.external_id, "globalKey": row.global_key, "rowData": row.row_data}
            )

    def _upserted(self, payload: Json, key: Json) -> DataRow:
        state = self._state
        known = {"GKEY": state.by_global_key, "ID": state.rows}.get(key["type"], {}).get(key["value"])
        global_key = payload.get("global_key") or payload.get("globalKey")
        if known is None and key["type"] == "ID":
            raise JobFailed(f"There is no data row {key['value']}.")
        if known is None and key["type"] == "GKEY":
            global_key = global_key or key["value"]
        self._check(payload, global_key, known)
        row = known or self._new(payload)
        if global_key:
            state.rename_row(row, global_key)
        if known is not None:
            self._change(row, payload)
        state.set_fields(row, payload.get("metadata_fields") or [])
        if payload.get("attachments"):
            row.attachments = {state.ids.new(): _attachment(each) for each in payload["attachments"]}
        row.vectors |= {each["embeddingId"]: each["vector"] for each in payload.get("embeddings") or ()}
        return row

    def _check(self, payload: Json, global_key: str | None, known: DataRow | None) -> None:
        state = self._state
        if global_key and len(global_key) > KEY_LENGTH:
            raise JobFailed(f"Global key is longer than {KEY_LENGTH} characters.")
        if global_key and state.by_global_key.get(global_key, known) is not known:
            raise JobFailed(f"Duplicate global key: {global_key}")
        if payload["dataset_id"] not in state.datasets:
            raise JobFailed(f"There is no dataset {payload['dataset_id']}.")
        if known is None and not _content(payload):
            raise JobFailed("row_data is missing.")
        if unknown := state.unknown_schemas(payload.get("metadata_fields") or ()):
            raise JobFailed(f"There is no metadata schema {unknown[0]}.")
        if unknown := [e["embeddingId"] for e in payload.get("embeddings") or () if not self._fits(e)]:
            raise JobFailed(f"There is no embedding {unknown[0]} with as many dimensions.")

    def _fits(self, vector: Json) -> bool:
        known = self._state.embeddings.get(vector["embeddingId"])
        return known is not None and known["dims"] == len(vector["vector"])

    def _new(self, payload: Json) -> DataRow:
        text = _content(payload)
        row = DataRow(
            **self._state.stamp(),
            dataset_id=payload["dataset_id"],
            row_data="",
            external_id=payload.get("external_id") or payload.get("externalId"),
        )
        show(self._state, row, text, payload.get("media_type"))
        self._state.add_row(row)
        return row

    def _change(self, row: DataRow, payload: Json) -> None:
        if text := _content(payload):
            show(self._state, row, text, payload.get("media_type"))
        row.external_id = payload.get("external_id") or row.external_id
        row.updated = self._state.clock.now()


def show(state: State, row: DataRow, content: str, media: str | None = None) -> None:
    """Let a data row show something: an address, a text, or JSON.

    Args:
        state: The account.
        row: The data row.
        content: What it shows from now on.
        media: The kind of media; by default that of an uploaded image, what the ending of an address means, or what
            it was.
    """
    attributes = _measured(state, content)
    usual = "IMAGE" if attributes else row.media
    by_ending = next((kind for ending, kind in _ENDINGS if ending.search(content)), usual)
    row.row_data, row.media, row.attributes = content, media or by_ending, attributes


def _measured(state: State, url: str) -> Json:
    """Return the media attributes of what was uploaded here; other addresses are never fetched."""
    file = state.files.at(url)
    size = size_of(file.content) if file is not None else None
    if file is None or size is None:
        return {}
    return {"height": size[0], "width": size[1], "mimeType": file.content_type, "subType": "", "superType": ""}


def _content(payload: Json) -> str:
    """Return what a data row shows: an address, a text, or JSON; tiles stand beside the other fields."""
    data = payload.get("row_data")
    if "tileLayerUrl" in payload:
        data = {key: value for key, value in payload.items() if key != "dataset_id"}
    return data if isinstance(data, str) else msgspec.json.encode(data).decode() if data else ""


def _attachment(given: Json) -> Json:
    return {"type": given["type"], "value": given["value"], "name": given.get("name")}


def _spec(payload: Json) -> Json:
    """Return what was asked for, as a failed row shows it."""
    return {
        "externalId": payload.get("external_id"),
        "globalKey": payload.get("global_key"),
        "rowData": payload.get("row_data"),
        "metadata": [{**value, "name": None} for value in payload.get("metadata_fields") or ()],
        "attachments": [_attachment(each) for each in payload.get("attachments") or ()],
    }
