"""The older protocol: one address, a query type and a method in the body, and the status in the answer's body."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response

from dragoman.emulate.app import ApiError, json_response
from dragoman_encord.emulator import labels
from dragoman_encord.emulator.errors import Refusal, refuse_legacy
from dragoman_encord.emulator.labels import LabelRow
from dragoman_encord.emulator.state import Dataset, Item, Project, State

Json = dict[str, Any]
STORAGE = {"encord": 0, "url": 4}
STAMP = "%a, %d %b %Y %H:%M:%S UTC"


class Legacy:
    """The handlers of the older protocol, by query type and method."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._handlers: dict[tuple[str, str], Callable[[str, Any, Json], Any]] = {
            ("dataset", "GET"): self.dataset,
            ("datarows", "GET"): self.data_rows,
            ("datasetlinkitems", "POST"): self.link,
            ("video", "DELETE"): self.unlink,
            ("project", "POST"): self.create_project,
            ("projectdataset", "POST"): self.add_datasets,
            ("projectdataset", "DELETE"): self.remove_datasets,
            ("labelrowmetadata", "GET"): self.list_rows,
            ("labelrow", "GET"): self.read_rows,
            ("labelrow", "PUT"): self.create_rows,
            ("labelrow", "POST"): self.save_rows,
            ("labelworkflowgraphnode", "POST"): self.move,
        }

    async def answer(self, headers: Headers, body: bytes) -> Response:
        """Answer one request, whose signature has been checked."""
        try:
            wanted = msgspec.json.decode(body)
            handler = self._handlers.get((wanted["query_type"], wanted["query_method"]))
            values = wanted["values"]
        except (msgspec.DecodeError, KeyError, TypeError):
            return refuse_legacy(Refusal("INVALID_ARGUMENTS_ERROR", "The body is not a query."))
        if handler is None:
            return refuse_legacy(Refusal("METHOD_NOT_ALLOWED_ERROR"))
        try:
            response = handler(headers.get("resourceid", ""), values.get("uid"), values.get("payload") or {})
        except ApiError as refusal:
            return refuse_legacy(refusal)
        except (KeyError, TypeError, AttributeError) as error:
            return refuse_legacy(Refusal("INVALID_ARGUMENTS_ERROR", f"The query does not fit: {error!r}."))
        return json_response({"status": 200, "response": response})

    # -- datasets -----------------------------------------------------------------------------------------------------

    def dataset(self, resource: str, uid: Any, payload: Json) -> Any:
        dataset = self._state.dataset(resource)
        settings = payload.get("dataset_access_settings") or {}
        return {
            "dataset_hash": dataset.id,
            "title": dataset.title,
            "description": dataset.description,
            "dataset_type": "CORD_STORAGE",
            "backing_folder_uuid": dataset.folder,
            "data_rows": self._rows(dataset, settings) if settings.get("fetch_rows", True) else [],
        }

    def data_rows(self, resource: str, uid: Any, payload: Json) -> Any:
        dataset = self._state.dataset(resource)
        chosen = payload.get("data_hashes")
        rows = self._rows(dataset, payload.get("dataset_access_settings") or {})
        return [row for row in rows if chosen is None or row["data_hash"] in chosen]

    def _rows(self, dataset: Dataset, settings: Json) -> list[Json]:
        shown = []
        for data_hash, item_id in dataset.rows.items():
            item = self._state.items[item_id]
            row: Json = {
                "data_hash": data_hash,
                "data_title": item.name,
                "data_type": labels.UPPER[item.type],
                "created_at": item.created.isoformat(),
                "last_edited_at": item.created.isoformat(),
                "width": item.width,
                "height": item.height,
                "file_link": item.url or item.object_key,
                "file_size": item.size,
                "file_type": item.mime,
                "storage_location": STORAGE["encord" if item.object_key else "url"],
                "frames_per_second": item.fps,
                "duration": item.frames / item.fps if item.frames and item.fps else None,
                "backing_item_uuid": item.id,
            }
            if settings.get("fetch_client_metadata"):
                row["client_metadata"] = item.metadata
            shown.append(row)
        return shown

    def link(self, resource: str, uid: Any, payload: Json) -> Any:
        dataset = self._state.dataset(resource)
        there = set(dataset.rows.values())
        items = [self._state.item(key) for key in payload["item_uuids"]]
        if payload["duplicates_behavior"] == "FAIL" and any(item.id in there for item in items):
            raise Refusal("RESOURCE_EXISTS_ERROR", "An item is in the dataset already.")
        duplicate = payload["duplicates_behavior"] == "DUPLICATE"
        made = {self._state.link(dataset, item.id) for item in items if duplicate or item.id not in there}
        return [row for row in self._rows(dataset, {}) if row["data_hash"] in made]

    def unlink(self, resource: str, uid: Any, payload: Json) -> Any:
        dataset = self._state.dataset(resource)
        for data_hash in uid:
            dataset.rows.pop(data_hash, None)
        return True

    # -- projects -----------------------------------------------------------------------------------------------------

    def create_project(self, resource: str, uid: Any, payload: Json) -> Any:
        now = self._state.clock.now()
        project = Project(
            id=self._state.new_id(),
            title=payload["title"],
            description=payload.get("description") or "",
            ontology=self._state.ontology(payload["ontology_hash"]).id,
            datasets=[self._state.dataset(key).id for key in payload["dataset_hashes"]],
            created=now,
            edited=now,
        )
        self._state.projects[project.id] = project
        return project.id

    def add_datasets(self, resource: str, uid: Any, payload: Json) -> Any:
        project = self._state.project(resource)
        more = [self._state.dataset(key).id for key in payload["dataset_hashes"]]
        project.datasets = list(dict.fromkeys([*project.datasets, *more]))
        return True

    def remove_datasets(self, resource: str, uid: Any, payload: Json) -> Any:
        project = self._state.project(resource)
        project.datasets = [key for key in project.datasets if key not in uid]
        return True

    # -- label rows ---------------------------------------------------------------------------------------------------

    def list_rows(self, resource: str, uid: Any, payload: Json) -> Any:
        project = self._state.project(resource)
        wanted = payload.get("branch_name") or "main"
        data_hashes, label_hashes = payload.get("data_hashes"), payload.get("label_hashes")
        shown: list[Json] = []
        for dataset in map(self._state.dataset, project.datasets):
            for data_hash, item_id in dataset.rows.items():
                if data_hashes is not None and data_hash not in data_hashes:
                    continue
                row = project.rows.get((wanted, data_hash))
                if row is None and not payload.get("include_uninitialised_labels"):
                    continue
                if label_hashes is not None and (row is None or row.label_hash not in label_hashes):
                    continue
                shown.append(self._metadata(dataset, self._state.items[item_id], data_hash, wanted, row, payload))
        return shown

    def _metadata(
        self, dataset: Dataset, item: Item, data_hash: str, branch: str, row: LabelRow | None, payload: Json
    ) -> Json:
        shown: Json = {
            "data_hash": data_hash,
            "dataset_hash": dataset.id,
            "dataset_title": dataset.title,
            "data_title": item.name,
            "data_type": labels.UPPER[item.type],
            "data_link": None,
            "spaces": {},
            "label_status": "LABEL_IN_PROGRESS" if row else "NOT_LABELLED",
            "number_of_frames": item.frames or 1,
            "branch_name": branch,
            "label_hash": row.label_hash if row else None,
            "created_at": row.created.isoformat() if row else None,
            "last_edited_at": row.edited.isoformat() if row else None,
            "frames_per_second": item.fps,
            "width": item.width,
            "height": item.height,
            "file_type": item.mime,
            "backing_item_uuid": item.id,
        }
        if payload.get("include_client_metadata"):
            shown["client_metadata"] = item.metadata
        if payload.get("include_images_data") and item.children:
            images = [self._state.items[child] for child in item.children]
            shown["images_data"] = [
                {
                    "index": index,
                    "title": image.name,
                    "file_type": image.mime,
                    "height": image.height,
                    "width": image.width,
                    "image_hash": image.id,
                }
                for index, image in enumerate(images)
            ]
        return shown

    def read_rows(self, resource: str, uid: Any, payload: Json) -> Any:
        project = self._state.project(resource)
        rows = project.by_label()
        if missing := [key for key in uid if key not in rows]:
            raise ApiError(404, f"There is no label row {missing[0]}.")
        return [self._content(project, rows[key]) for key in uid]

    def create_rows(self, resource: str, uid: Any, payload: Json) -> Any:
        project = self._state.project(resource)
        branch = payload.get("branch_name") or "main"
        for data_hash in uid:
            self._state.place(project, data_hash)
            if (branch, data_hash) in project.rows:
                raise Refusal("RESOURCE_EXISTS_ERROR", f"The data {data_hash} has its label row already.")
        made = []
        for data_hash in uid:
            now = self._state.clock.now()
            row = LabelRow(label_hash=str(uuid.uuid4()), branch=branch, data_hash=data_hash, created=now, edited=now)
            _, item = self._state.place(project, data_hash)
            row.units = {unit: labels.empty_labels(item) for unit in labels.unit_hashes(row, item)}
            project.rows[branch, data_hash] = row
            made.append(self._content(project, row))
        return made

    def _content(self, project: Project, row: LabelRow) -> Json:
        dataset, item = self._state.place(project, row.data_hash)
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
            "data_units": {unit: self._unit(item, unit, n, found) for n, (unit, found) in enumerate(row.units.items())},
            "object_answers": row.object_answers,
            "object_actions": row.object_actions,
            "classification_answers": row.classification_answers,
            "label_status": "LABEL_IN_PROGRESS",
            "spaces": {},
        }

    def _unit(self, item: Item, unit: str, number: int, found: Json) -> Json:
        shown = self._state.items[unit] if item.type == "imageGroup" else item
        made: Json = {
            "data_hash": unit,
            "data_title": shown.name,
            "data_link": shown.url or shown.object_key,
            "data_type": shown.mime or "application/octet-stream",
            "data_sequence": str(number) if item.type == "imageGroup" else 0,
            "width": shown.width,
            "height": shown.height,
            "labels": found,
        }
        if item.type == "video":
            made |= {"data_fps": item.fps, "data_duration": (item.frames or 0) / (item.fps or 1)}
        return made

    def save_rows(self, resource: str, uid: Any, payload: Json) -> Any:
        project = self._state.project(resource)
        rows = project.by_label()
        ontology = self._state.ontology(project.ontology)
        if missing := [key for key in uid if key not in rows]:
            raise ApiError(404, f"There is no label row {missing[0]}.")
        for key, sent in zip(uid, payload["labels"], strict=True):
            _, item = self._state.place(project, rows[key].data_hash)
            labels.check(sent, item, ontology)
        for key, sent in zip(uid, payload["labels"], strict=True):
            row = rows[key]
            row.units = {unit: sent["data_units"][unit]["labels"] for unit in row.units}
            row.object_answers = sent["object_answers"]
            row.object_actions = sent.get("object_actions") or {}
            row.classification_answers = sent["classification_answers"]
            row.edited = self._state.clock.now()
        return True

    def move(self, resource: str, uid: Any, payload: Json) -> Any:
        rows = self._state.project(resource).by_label()
        if missing := [key for key in uid if key not in rows]:
            raise ApiError(404, f"There is no label row {missing[0]}.")
        return True
