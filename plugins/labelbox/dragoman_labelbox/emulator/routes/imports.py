"""Imports of annotations: predictions of a run, labels and model-assisted labels of a project.

An import is found by its parent and name; making one of a name that is there returns the one that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.answers import RowError
from dragoman_labelbox.emulator.exports import ascii_json
from dragoman_labelbox.emulator.graphql import Handler, Query, invalid, not_found
from dragoman_labelbox.emulator.jobs import JobFailed
from dragoman_labelbox.emulator.objects import Annotations, DataRow, Import, Project, Run, Stored
from dragoman_labelbox.emulator.rows import ROW, Row, Translator
from dragoman_labelbox.emulator.state import State

Json = dict[str, Any]

ROW_BYTES = 1_000_000
"""Largest line of an import."""


@dataclass
class Target:
    """Where the annotations of an import go."""

    translator: Translator
    find: Callable[[DataRow], Annotations | None]
    """Finds or makes what the annotations of a data row are added to; None if the data row is not there."""
    keep: Callable[[str, Annotations], None]
    """Keeps it, by the id of the data row, once something was added: a refused row leaves no empty label behind."""


class Imports:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        return {
            "createMEAPredictionImportByFilePyApi": self.predictions,
            "createMEAPredictionImportByUrlPyApi": self.predictions,
            "getModelErrorAnalysisPredictionImportPyApi": self.get_predictions,
            "createLabelImportByFilePyApi": lambda query: self.to_project(query, "labels"),
            "createLabelImportByUrlPyApi": lambda query: self.to_project(query, "labels"),
            "getLabelImportPyApi": lambda query: self.get_of_project(query, "labels"),
            "createMALPredictionImportByFilePyApi": lambda query: self.to_project(query, "drafts"),
            "createMALPredictionImportByUrlPyApi": lambda query: self.to_project(query, "drafts"),
            "getModelAssistedLabelingPredictionImportPyApi": lambda query: self.get_of_project(query, "drafts"),
            "createMalPredictionImportForModelRunDataRowsPyApi": self.from_run,
            "getMEAToMALPredictionImportPyApi": lambda query: self.get_of_project(query, "from run"),
            "getLabelImportsPyApi": lambda query: self.listing(query, "labels"),
            "getModelAssistedLabelingPredictionImportsPyApi": lambda query: self.listing(query, "drafts"),
            "deleteModelAssistedLabelingPredictionImportPyApi": self.delete,
        }

    def _content(self, query: Query) -> bytes:
        # What the client says of the length is wrong for lists of objects, and is not looked at.
        if "fileUrl" not in query.variables:
            return query.file()[2]
        file = self._state.files.at(query.variables["fileUrl"])
        if file is None:
            raise invalid("The file cannot be fetched.", 400)
        return file.content

    # -- of a run -----------------------------------------------------------------------------------------------------

    def predictions(self, query: Query) -> Json:
        run, name = self._state.run(query.get("modelRunId")), query.get("name")
        if name not in run.imports:
            run.imports[name] = self._start(query, "predictions", run.id, name, self._translate_run, run)
        return wire.annotation_import(self._state, run.imports[name], query.base)

    def _translate_run(self, run: Run) -> Target:
        ontology = self._state.ontology(self._state.model(run.model_id).ontology_id)

        def find(data: DataRow) -> Annotations | None:
            row = run.rows.get(data.id)
            return (row.predictions or Annotations(self._state.ids.new())) if row is not None else None

        def keep(row_id: str, predictions: Annotations) -> None:
            run.rows[row_id].predictions = predictions

        return Target(Translator(self._state, ontology, confident=True), find, keep)

    def get_predictions(self, query: Query) -> Json:
        run, name = self._state.run(query.get("modelRunId")), query.get("name")
        if name not in run.imports:
            raise not_found("Import", name)
        return wire.annotation_import(self._state, run.imports[name], query.base)

    # -- of a project -------------------------------------------------------------------------------------------------

    def to_project(self, query: Query, kind: str) -> Json:
        project, name = self._state.project(query.get("projectId")), query.get("name")
        if (kind, name) not in project.imports:
            made = self._start(query, kind, project.id, name, self._translate_project, project, kind)
            project.imports[kind, name] = made
        return wire.annotation_import(self._state, project.imports[kind, name], query.base)

    def _translate_project(self, project: Project, kind: str) -> Target:
        if project.ontology_id is None:
            raise JobFailed("The project has no ontology.")
        held = set(project.row_ids())

        def find_label(data: DataRow) -> Annotations | None:
            return (project.labels.get(data.id) or self._state.new_label()) if data.id in held else None

        def find_draft(data: DataRow) -> Annotations | None:
            return (project.drafts.get(data.id) or Annotations(self._state.ids.new())) if data.id in held else None

        def keep_label(row_id: str, label: Any) -> None:
            label.updated = self._state.clock.now()
            project.labels[row_id] = label

        translator = Translator(self._state, self._state.ontology(project.ontology_id), confident=False)
        if kind == "labels":
            return Target(translator, find_label, keep_label)
        return Target(translator, find_draft, project.drafts.__setitem__)

    def get_of_project(self, query: Query, kind: str) -> Json:
        project, name = self._state.project(query.get("projectId")), query.get("name")
        if (kind, name) not in project.imports:
            raise not_found("Import", name)
        return wire.annotation_import(self._state, project.imports[kind, name], query.base)

    def listing(self, query: Query, kind: str) -> list[Json]:
        project = self._state.project(query.get("projectId"))
        imports = [each for (of, _), each in project.imports.items() if of == kind]
        return query.paged(imports, lambda each: wire.annotation_import(self._state, each, query.base))

    def delete(self, query: Query) -> Json:
        """Forget an import of drafts, and the drafts that came with it."""
        for project in self._state.projects.values():
            for key, each in project.imports.items():
                if key[0] == "drafts" and each.id == query.get("id"):
                    del project.imports[key]
                    for draft in project.drafts.values():
                        draft.rows = [stored for stored in draft.rows if stored.feature_id not in each.made]
                    return {"id": each.id}
        raise not_found("Import", query.get("id"))

    def from_run(self, query: Query) -> Json:
        project, run = self._state.project(query.get("projectId")), self._state.run(query.get("modelRunId"))
        name, wanted = query.get("name"), query.get("dataRowIds")

        files = {part: self._state.files.put(b"") for part in ("input", "status", "error")}

        def work() -> None:
            held = set(project.row_ids())
            statuses = [status for row_id in wanted if row_id in held for status in self._draft(project, run, row_id)]
            self._report(statuses, files)

        now = self._state.clock.now()
        job = self._state.jobs.start(self._state.ids.new(), "import", now, work)
        stamp = self._state.stamp()
        made = Import(**stamp, name=name, kind="from run", parent=project.id, job=job, files=files)
        project.imports["from run", name] = made
        return wire.annotation_import(self._state, made, query.base)

    def _draft(self, project: Project, run: Run, row_id: str) -> Iterator[Json]:
        """Copy the predictions on a data row that the project's ontology knows, and yield what became of each."""
        said = run.rows[row_id].predictions if row_id in run.rows else None
        if said is None:
            return
        ontology = self._state.ontology(project.ontology_id or "")
        known = {node["name"] for node in (*ontology.tools, *ontology.classifications)}
        taken = [stored for stored in said.rows if _name_of(stored) in known]
        project.drafts[row_id] = Annotations(self._state.ids.new(), taken)
        for stored in said.rows:
            yield _status(stored.uuid, row_id, None if stored in taken else f"There is no {_name_of(stored)!r}.")

    # -- the work -----------------------------------------------------------------------------------------------------

    def _start(
        self, query: Query, kind: str, parent: str, name: str, prepare: Callable[..., Any], *arguments: Any
    ) -> Import:
        content = self._content(query)
        files = {"input": self._state.files.put(content), "status": self._state.files.put(b"")}
        files["error"] = self._state.files.put(b"")
        made: set[str] = set()

        def work() -> None:
            target = prepare(*arguments)
            if not content.strip():
                raise JobFailed("The file is empty.")
            self._take_all(content, files, target, made)

        job = self._state.jobs.start(self._state.ids.new(), "import", self._state.clock.now(), work)
        return Import(**self._state.stamp(), name=name, kind=kind, parent=parent, job=job, files=files, made=made)

    def _take_all(self, content: bytes, files: dict[str, str], target: Target, made: set[str]) -> None:
        places: dict[str, tuple[Annotations, set[str]]] = {}
        lines = (line for line in content.split(b"\n") if line.strip())
        self._report([self._take(line, target, places, made) for line in lines], files)

    def _report(self, statuses: list[Json], files: dict[str, str]) -> None:
        """Keep what became of the rows of an import as its files."""
        errors = [status for status in statuses if "errors" in status]
        self._state.files.put(_lines(statuses), "application/x-ndjson", files["status"])
        self._state.files.put(_lines(errors), "application/x-ndjson", files["error"])

    def _take(
        self, line: bytes, target: Target, places: dict[str, tuple[Annotations, set[str]]], made: set[str]
    ) -> Json:
        row: Row | None = None
        data: DataRow | None = None
        try:
            if len(line) > ROW_BYTES:
                raise RowError("TooLarge", f"The row has {len(line)} bytes; {ROW_BYTES} are the limit.")
            row = ROW.decode(line)
            data = self._named(row)
            store, known = places.get(data.id) or _place(data, target, places)
            if row.uuid in known:
                raise RowError("DuplicateUuid", f"There is an annotation of uuid {row.uuid} already.")
            stored = target.translator.take(row, data)
        except (RowError, msgspec.MsgspecError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
            name = error.name if isinstance(error, RowError) else "InvalidAnnotation"
            uuid = row.uuid if row is not None else _uuid(line)
            return _status(uuid, data.id if data else None, str(error), name)
        known.update(each.uuid for each in stored)
        made.update(each.feature_id for each in stored)
        store.rows += stored
        target.keep(data.id, store)
        return _status(stored[0].uuid, data.id, None)

    def _named(self, row: Row) -> DataRow:
        ref = row.dataRow
        if (ref.id is None) == (ref.globalKey is None):
            raise RowError("InvalidAnnotation", "A row names its data row by id or by global key.")
        rows, key = (self._state.rows, ref.id) if ref.id else (self._state.by_global_key, ref.globalKey)
        if key not in rows:
            raise RowError("DataRowNotFound", f"There is no data row {key!r}.")
        return rows[key]


def _place(
    data: DataRow, target: Target, places: dict[str, tuple[Annotations, set[str]]]
) -> tuple[Annotations, set[str]]:
    """Return what the annotations of a data row are added to, and the uuids that are taken there."""
    store = target.find(data)
    if store is None:
        raise RowError("DataRowNotFound", "The data row is not in the project or model run.")
    places[data.id] = store, {stored.uuid for stored in store.rows}
    return places[data.id]


def _status(uuid: str | None, row_id: str | None, failure: str | None, name: str = "UnknownFeature") -> Json:
    """Return an entry of a status file."""
    made: Json = {"uuid": uuid, "dataRow": {"id": row_id} if row_id else None}
    if failure is None:
        return {**made, "status": "SUCCESS"}
    return {**made, "status": "FAILURE", "errors": [{"name": name, "message": failure}]}


def _name_of(stored: Stored) -> str:
    """Return the name of the feature that a stored annotation shows."""
    held = msgspec.json.decode(stored.raw)
    name: str = (held.get("head") or held.get("answer") or held).get("name") or held.get("featureName")
    return name


def _uuid(line: bytes) -> str | None:
    """Return the uuid of a line that is no row, if it has one."""
    try:
        uuid = msgspec.json.decode(line).get("uuid")
    except (msgspec.DecodeError, AttributeError, UnicodeDecodeError):
        return None
    return uuid if isinstance(uuid, str) else None


def _lines(rows: list[Json]) -> bytes:
    """Return NDJSON in ASCII: the SDK splits lines at every separator that Unicode knows."""
    return b"\n".join(ascii_json(row) for row in rows)
