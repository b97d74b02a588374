"""Datasets in the older protocol: their rows, uploads into them, links to files, and who may use them."""

from __future__ import annotations

from typing import Any

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator import labels
from dragoman_encord.emulator.errors import Refusal
from dragoman_encord.emulator.filters import during, like
from dragoman_encord.emulator.legacy.query import Handlers, Json, Query
from dragoman_encord.emulator.state import Dataset, Folder, Item, State, found
from dragoman_encord.emulator.uploads import Job, look, start

STORAGE = {"encord": 0, "url": 4}
CHANGED = {"data_title": "name", "client_metadata": "metadata"}
"""Field of a row that a client may change to that of the item."""


class Datasets:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def handlers(self) -> Handlers:
        return {
            ("dataset", "GET"): self.dataset,
            ("datarows", "GET"): self.rows,
            ("datarow", "GET"): self.row,
            ("datarow", "POST"): self.save_row,
            ("datasetlinkitems", "POST"): self.link,
            ("video", "DELETE"): self.unlink,
            ("video", "POST"): self.rename,
            ("datasetdatalongpolling", "POST"): self.upload,
            ("datasetdatalongpolling", "GET"): self.uploaded,
            ("datasetusers", "POST"): self.add_users,
        }

    def dataset(self, query: Query) -> Any:
        dataset = self._state.dataset(query.resource)
        settings = query.payload.get("dataset_access_settings") or {}
        shown = settings.get("fetch_rows", True)
        return {
            "dataset_hash": dataset.id,
            "title": dataset.title,
            "description": dataset.description,
            "dataset_type": "CORD_STORAGE",
            "backing_folder_uuid": dataset.folder,
            "data_rows": [self._row(key, settings) for key in dataset.rows.items()] if shown else [],
        }

    # -- rows ---------------------------------------------------------------------------------------------------------

    def rows(self, query: Query) -> Any:
        dataset = self._state.dataset(query.resource)
        settings = query.payload.get("dataset_access_settings") or {}
        return [
            self._row((data_hash, key), settings)
            for data_hash, key in dataset.rows.items()
            if _asked(data_hash, self._state.items[key], query.payload)
        ]

    def row(self, query: Query) -> Any:
        more = query.payload.get("additional_data") or {}
        item = self._place(query)
        shown = self._row((query.uid, item.id), {"fetch_client_metadata": more.get("client_metadata")})
        if more.get("signed_url"):
            shown["signed_url"] = self._state.signed(item, query.base)
        if (options := more.get("images_data_fetch_options")) is not None and item.children:
            sign = options.get("fetch_signed_urls")
            shown["images_data"] = [
                self._image(image, query.base if sign else None) for image in self._state.images(item)
            ]
        return shown

    def save_row(self, query: Query) -> Any:
        item = self._place(query)
        for name, value in query.payload.items():
            if name not in CHANGED:
                raise Refusal("INVALID_ARGUMENTS_ERROR", f"A row has no {name} that can be changed.")
            setattr(item, CHANGED[name], value)
            item.changed = self._state.clock.now()
        shown = self._row((query.uid, item.id), {"fetch_client_metadata": True})
        return {"updated_fields": list(query.payload), "data_row": shown}

    def _place(self, query: Query) -> Item:
        dataset = self._state.dataset(query.resource)
        return self._state.items[found(dataset.rows, query.uid, "data")]

    def _row(self, place: tuple[str, str], settings: Json) -> Json:
        data_hash, item = place[0], self._state.items[place[1]]
        row: Json = {
            "data_hash": data_hash,
            "data_title": item.name,
            "data_type": labels.UPPER[item.type],
            "created_at": item.created.isoformat(),
            "last_edited_at": item.edited.isoformat(),
            "width": item.width,
            "height": item.height,
            "file_link": item.url or item.object_key,
            "file_size": item.size,
            "file_type": item.mime,
            "storage_location": STORAGE["encord" if item.object_key else "url"],
            "frames_per_second": item.fps,
            "duration": item.duration,
            "backing_item_uuid": item.id,
            "is_optimised_image_group": item.optimised if item.children else None,
        }
        if settings.get("fetch_client_metadata"):
            row["client_metadata"] = item.metadata
        return row

    def _image(self, image: Item, base: str | None) -> Json:
        return {
            "image_hash": image.id,
            "title": image.name,
            "file_link": image.url or image.object_key,
            "file_type": image.mime,
            "file_size": image.size,
            "storage_location": STORAGE["encord" if image.object_key else "url"],
            "created_at": image.created.isoformat(),
            "last_edited_at": image.edited.isoformat(),
            "width": image.width,
            "height": image.height,
            "signed_url": self._state.signed(image, base) if base else None,
        }

    def link(self, query: Query) -> Any:
        dataset = self._state.dataset(query.resource)
        there = set(dataset.rows.values())
        items = [self._state.item(key) for key in query.payload["item_uuids"]]
        how = query.payload["duplicates_behavior"]
        if how == "FAIL" and any(item.id in there for item in items):
            raise Refusal("RESOURCE_EXISTS_ERROR", "An item is in the dataset already.")
        fresh = [item.id for item in items if how == "DUPLICATE" or item.id not in there]
        return [self._row((self._state.link(dataset, item), item), {}) for item in fresh]

    def unlink(self, query: Query) -> Any:
        dataset = self._state.dataset(query.resource)
        for data_hash in query.uid:
            dataset.rows.pop(data_hash, None)
        dataset.edited = self._state.clock.now()
        return True

    def rename(self, query: Query) -> Any:
        dataset = self._state.dataset(query.resource)
        for entry in query.payload:
            item = self._state.items[found(dataset.rows, entry["video_hash"], "data")]
            item.name, item.changed = entry["title"], self._state.clock.now()
        return {"success": True}

    # -- uploads ------------------------------------------------------------------------------------------------------

    def upload(self, query: Query) -> Any:
        dataset, wanted = self._state.dataset(query.resource), query.payload
        job = start(
            self._state,
            self._state.folder(wanted["folderUuid"]).id if wanted.get("folderUuid") else self._folder(dataset),
            wanted.get("dataItems") or wanted.get("files") or {},
            integration=wanted.get("integrationId"),
            ignore_errors=wanted.get("ignoreErrors", False),
            dataset=dataset.id,
        )
        return {"process_hash": job.id}

    def _folder(self, dataset: Dataset) -> str:
        """Return the folder that a dataset mirrors; one without any gets a folder of its title for its uploads."""
        if dataset.folder is not None:
            return dataset.folder
        now = self._state.clock.now()
        key = self._state.new_id()
        self._state.folders[key] = Folder(
            id=key, name=dataset.title, description="", metadata=None, created=now, edited=now
        )
        return key

    def uploaded(self, query: Query) -> Any:
        job: Job = found(self._state.jobs, query.payload["process_hash"], "upload job")
        if job.dataset != query.resource:
            raise ApiError(404, "The dataset has no such upload job.")
        look(job, self._state)
        return job.to_legacy()

    # -- users --------------------------------------------------------------------------------------------------------

    def add_users(self, query: Query) -> Any:
        dataset = self._state.dataset(query.resource)
        users = dataset.access.add_users(query.payload["user_emails"], query.payload["user_role"])
        return [{"user_email": email, "user_role": role, "dataset_hash": dataset.id} for email, role in users.items()]


def _asked(data_hash: str, item: Item, wanted: Json) -> bool:
    """Return whether a row is one that a listing asks for."""
    hashes, kinds = wanted.get("data_hashes"), wanted.get("data_types")
    return (
        (hashes is None or data_hash in hashes)
        and (kinds is None or labels.UPPER[item.type] in kinds)
        and wanted.get("title_eq") in (None, item.name)
        and like(wanted.get("title_like"), item.name)
        and during(item.created, wanted, "created")
    )
