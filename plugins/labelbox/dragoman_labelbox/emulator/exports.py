"""Export files: one line per data row, in ASCII, cut into chunks at line ends.

ASCII, because the SDK decodes every chunk by itself and splits lines at every separator that Unicode knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dragoman_labelbox.emulator.details import label_details, metadata_details, performance_details, project_details
from dragoman_labelbox.emulator.filters import last_activity
from dragoman_labelbox.emulator.objects import Annotations, Batch, DataRow, Label, Run
from dragoman_labelbox.emulator.showing import label_json
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]

CHUNK_BYTES = 1 << 20


@dataclass
class Chunk:
    """A part of an export: first and last byte, first and last line, and the token of its file."""

    start: int
    end: int
    first: int
    last: int
    token: str


@dataclass
class Export:
    """An export that is done."""

    size: int = 0
    lines: int = 0
    chunks: list[Chunk] = field(default_factory=list)

    def at(self, offset: int) -> Chunk | None:
        """Return the chunk that holds a byte."""
        return next((chunk for chunk in self.chunks if chunk.start <= offset <= chunk.end), None)


def ascii_json(value: Any) -> bytes:
    """Return JSON with everything beyond ASCII escaped."""
    raw = msgspec.json.encode(value)
    return raw if raw.isascii() else json.dumps(json.loads(raw), separators=(",", ":")).encode()


def cut(state: State, lines: Iterable[bytes], size: int = CHUNK_BYTES) -> Export:
    """Keep the lines of an export as files of about `size` bytes."""
    export = Export()
    held: list[bytes] = []

    def flush() -> None:
        if held:
            content = b"".join(held)
            start, first = export.size, export.lines
            export.size += len(content)
            export.lines += len(held)
            token = state.files.put(content, "application/x-ndjson")
            export.chunks.append(Chunk(start, export.size - 1, first, export.lines - 1, token))
            held.clear()

    waiting = 0
    for line in lines:
        held.append(line + b"\n")
        waiting += len(line) + 1
        if waiting >= size:
            flush()
            waiting = 0
    flush()
    return export


class Lines:
    """Builds the lines of an export.

    Args:
        state: The account.
        task: Id of the export's task, which mask URLs name.
        params: What the client asked to include, as it sent it.
        base: Root of the server.
    """

    def __init__(self, state: State, task: str, params: Json, base: str) -> None:
        self._state = state
        self._task = task
        self._params = params
        self._base = base
        self._batches: dict[str, dict[str, Batch]] = {}
        """The batches of data rows, by project."""

    def line(self, row: DataRow, *, projects: Iterable[str] = (), runs: Iterable[Run] = ()) -> bytes:
        """Return the line of one data row with its labels in some projects and its predictions in some runs."""
        made: Json = {"data_row": self._data_row(row), "media_attributes": _attributes(row)}
        if self._params.get("includeAttachments"):
            made["attachments"] = list(row.attachments.values())
        if self._params.get("includeMetadata"):
            made["metadata_fields"] = metadata_details(self._state, row)
        if self._params.get("includeEmbeddings"):
            made["embeddings"] = [self._embedding(key, vector) for key, vector in row.vectors.items()]
        if shown := {key: self._project(key, row) for key in projects}:
            made["projects"] = shown
        experiments: Json = {}
        for run in runs:
            model = self._state.models[run.model_id]
            held = experiments.setdefault(model.id, {"name": model.name, "runs": {}})
            held["runs"][run.id] = self._run(run, row)
        if experiments:
            made["experiments"] = experiments
        return ascii_json(made)

    def _data_row(self, row: DataRow) -> Json:
        shown: Json = {
            "id": row.id,
            "global_key": row.global_key,
            "external_id": row.external_id,
            "row_data": row.row_data,
        }
        if self._params.get("includeDataRowDetails"):
            shown["details"] = {
                "dataset_id": row.dataset_id,
                "dataset_name": self._state.datasets[row.dataset_id].name,
                "created_at": row.created.isoformat(),
                "updated_at": row.updated.isoformat(),
                "last_activity_at": last_activity(self._state, row).isoformat(),
                "created_by": self._state.user.email,
            }
        return shown

    def _embedding(self, key: str, vector: list[float]) -> Json:
        known = self._state.embeddings[key]
        values = [{"value": vector}]
        return {"id": key, "name": known["name"], "dimensions": known["dims"], "is_custom": True, "values": values}

    def _project(self, key: str, row: DataRow) -> Json:
        project = self._state.projects[key]
        label = project.labels.get(row.id)
        made: Json = {"name": project.name, "labels": [self._label(row, label)] if label and label.rows else []}
        if self._params.get("includeProjectDetails"):
            if key not in self._batches:
                self._batches[key] = project.batches_of()
            made["project_details"] = project_details(project, row, self._batches[key].get(row.id))
        return made

    def _label(self, row: DataRow, label: Label) -> Json:
        shown = self._annotations(row, label)
        if self._params.get("includeLabelDetails"):
            shown["label_details"] = label_details(self._state, label)
        if self._params.get("includePerformanceDetails"):
            shown["performance_details"] = performance_details(label)
        return shown

    def _annotations(self, row: DataRow, label: Annotations) -> Json:
        between = bool(self._params.get("includeInterpolatedFrames"))
        return label_json(self._state, row.id, label, self._task, self._base, interpolated=between)

    def _run(self, run: Run, row: DataRow) -> Json:
        held = run.rows[row.id]
        shown: Json = {
            "name": run.name,
            "run_data_row_id": f"{run.id}-{row.id}",
            "split": held.split,
            "labels": [self._annotations(row, label) for label in held.labels],
        }
        if self._params.get("includePredictions"):
            said = held.predictions
            shown["predictions"] = [self._annotations(row, said)] if said and said.rows else []
        return shown


def _attributes(row: DataRow) -> Json:
    names = {"mimeType": "mime_type", "frameRate": "frame_rate", "frameCount": "frame_count"}
    return {names.get(key, key): value for key, value in row.attributes.items()}
