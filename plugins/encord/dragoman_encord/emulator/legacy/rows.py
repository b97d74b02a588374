"""Label rows in the older protocol: listing, reading, making and saving them, and moving them through a workflow."""

from __future__ import annotations

from typing import Any

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator import groups, labels
from dragoman_encord.emulator.errors import Refusal
from dragoman_encord.emulator.label_row import LabelRow
from dragoman_encord.emulator.legacy.metadata import listed
from dragoman_encord.emulator.legacy.query import Handlers, Json, Query
from dragoman_encord.emulator.state import Item, Project, State
from dragoman_encord.emulator.workflow import ANNOTATION, DONE, move

STAMP = "%a, %d %b %Y %H:%M:%S UTC"


class Rows:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def handlers(self) -> Handlers:
        return {
            ("labelrowmetadata", "GET"): self.list_rows,
            ("labelrow", "GET"): self.read,
            ("labelrow", "PUT"): self.create,
            ("labelrow", "POST"): self.save,
            ("labelworkflowgraphnode", "POST"): self.move,
            ("labellog", "GET"): self.log,
        }

    def list_rows(self, query: Query) -> Any:
        return listed(self._state, self._state.project(query.resource), query.payload, query.base)

    def _named(self, project: Project, keys: list[str]) -> list[LabelRow]:
        rows = project.by_label()
        if missing := [key for key in keys if key not in rows]:
            raise ApiError(404, f"There is no label row {missing[0]}.")
        return [rows[key] for key in keys]

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, query: Query) -> Any:
        project, wanted = self._state.project(query.resource), query.payload
        base = query.base if wanted.get("get_signed_url") else None
        several = isinstance(query.uid, list)
        shown = [
            labels.only(
                self._content(project, row, base),
                wanted.get("include_object_feature_hashes"),
                wanted.get("include_classification_feature_hashes"),
            )
            for row in self._named(project, query.uid if several else [query.uid])
        ]
        return shown if several else shown[0]

    def _content(self, project: Project, row: LabelRow, base: str | None) -> Json:
        dataset, item = self._state.place(project, row.data_hash)
        units = enumerate(labels.unit_hashes(row, item))
        return {
            "label_hash": row.label_hash,
            "branch_name": row.branch,
            "created_at": row.created.strftime(STAMP),
            "last_edited_at": row.edited.isoformat(),
            "dataset_hash": dataset.id,
            "dataset_title": dataset.title,
            "data_title": item.name,
            "data_hash": row.data_hash,
            "data_type": labels.LOWER[item.type],
            "data_units": {unit: self._unit(item, unit, number, row.units[unit], base) for number, unit in units},
            "object_answers": row.object_answers,
            "object_actions": row.object_actions,
            "classification_answers": row.classification_answers,
            "label_status": "LABEL_IN_PROGRESS",
            "spaces": groups.spaces(self._state, item, row.spaces, base),
        }

    def _unit(self, item: Item, unit: str, number: int, held: Json, base: str | None) -> Json:
        shown = self._state.items[unit] if item.type == "imageGroup" else item
        made: Json = {
            "data_hash": unit,
            "data_title": shown.name,
            "data_link": self._state.signed(shown, base) if base else shown.url or shown.object_key,
            "data_type": shown.mime or "application/octet-stream",
            "data_sequence": str(number) if item.type == "imageGroup" else 0,
            "width": shown.width,
            "height": shown.height,
            "labels": held,
        }
        if item.type == "video":
            made |= {"data_fps": item.fps, "data_duration": item.duration or 0}
        return made | labels.heard(item)

    # -- writing ------------------------------------------------------------------------------------------------------

    def create(self, query: Query) -> Any:
        project = self._state.project(query.resource)
        branch = query.payload.get("branch_name") or "main"
        base = query.base if query.payload.get("get_signed_url") else None
        several = isinstance(query.uid, list)
        hashes = query.uid if several else [query.uid]
        for data_hash in hashes:
            self._state.place(project, data_hash)
            if (branch, data_hash) in project.rows:
                raise Refusal("RESOURCE_EXISTS_ERROR", f"The data {data_hash} has its label row already.")
        made = [self._content(project, self._made(project, branch, data_hash), base) for data_hash in hashes]
        return made if several else made[0]

    def _made(self, project: Project, branch: str, data_hash: str) -> LabelRow:
        now = self._state.clock.now()
        row = LabelRow(label_hash=self._state.new_id(), branch=branch, data_hash=data_hash, created=now, edited=now)
        _, item = self._state.place(project, data_hash)
        row.units = {unit: labels.empty_labels(item) for unit in labels.unit_hashes(row, item)}
        project.rows[branch, data_hash] = row
        return row

    def save(self, query: Query) -> Any:
        project = self._state.project(query.resource)
        several = isinstance(query.uid, list)
        sent = query.payload["labels"] if several else [query.payload]
        rows = self._named(project, query.uid if several else [query.uid])
        ontology = self._state.ontology(project.ontology)
        if len(sent) != len(rows):
            raise Refusal("INVALID_ARGUMENTS_ERROR", "There must be one content for each label row.")
        units = []
        for row, content in zip(rows, sent, strict=True):
            _, item = self._state.place(project, row.data_hash)
            members = groups.members(self._state, item)
            labels.check(content, item, ontology, members)
            labels.credit(content, item, members)
            units.append({unit: content["data_units"][unit]["labels"] for unit in labels.unit_hashes(row, item)})
        for row, content, fresh in zip(rows, sent, units, strict=True):
            row.units = fresh
            row.spaces = {key: space["labels"] for key, space in (content.get("spaces") or {}).items()}
            row.object_answers = content["object_answers"]
            row.object_actions = content.get("object_actions") or {}
            row.classification_answers = content["classification_answers"]
            row.edited = self._state.clock.now()
        return True

    def move(self, query: Query) -> Any:
        """Complete or reopen the tasks of label rows."""
        project = self._state.project(query.resource)
        stage = {"complete": DONE, "reopen": ANNOTATION}[query.payload["action"]]
        for row in self._named(project, query.uid):
            self._state.place(project, row.data_hash)
            task, now = self._state.task(project, row.data_hash), self._state.clock.now()
            if task.stage != stage:
                project.workflow.note(task, "move", now)
                move(task, stage, now, "REOPENED" if stage == ANNOTATION else "NEW")
        return True

    def log(self, query: Query) -> Any:
        """List what people did to labels in the editor, where nobody is."""
        self._state.project(query.resource)
        return []
