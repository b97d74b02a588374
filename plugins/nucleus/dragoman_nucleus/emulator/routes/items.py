"""Routes about the items of a dataset: appending by URL or file, listing, reading one, metadata, deletion."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.complaints import complaint
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Item
from dragoman_nucleus.emulator.jobs import ERRORED, Outcome
from dragoman_nucleus.emulator.routes.names import PAGE, delete, get, paged, position, post
from dragoman_nucleus.emulator.rows import grouped
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.uploads import ASYNC_UPLOAD, form_files, non_empty_lines, uploaded
from dragoman_nucleus.emulator.wire import encode

APPEND_JOB = "uploadDatasetItems"


class UnreadableImage(Exception):
    """There is no image where an item says that it is."""


class NewItem(msgspec.Struct):
    """One row of an append."""

    reference_id: str
    image_url: str
    metadata: dict[str, Any] = {}
    embedding_info: dict[str, Any] | None = None
    width: int | None = None
    height: int | None = None


NEW_ITEM = msgspec.json.Decoder(NewItem)
ITEM_ROWS = msgspec.json.Decoder(list[dict[str, Any]])


class DatasetItems:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("dataset/{dataset}/signedUrl/{request_id}", self.signed_url),
            post("dataset/{dataset}/append", self.append),
            get("dataset/{dataset}/datasetItems", self.all),
            post("dataset/{dataset}/itemsPage", self.page),
            get("dataset/{dataset}/refloc/{reference:text}", self.by_reference),
            get("dataset/{dataset}/loc/{item}", self.by_id),
            get("dataset/{dataset}/iloc/{position}", self.by_position),
            delete("dataset/{dataset}/refloc/{reference:text}", self.delete),
        ]

    def _named(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    async def signed_url(self, request: Request) -> object:
        path = self._state.blobs.sign(self._named(request).id, request.path_params["request_id"])
        return {"signed_url": f"{request.base_url}{path}"}

    async def append(self, request: Request) -> object:
        dataset = self._named(request)
        if dataset.is_scene:
            raise ApiError(400, f"Dataset {dataset.id} takes scenes only.")
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            source = "form"
            rows, files = await form_files(request, "items", "image", ITEM_ROWS)
            lines, update = await self._keep_images(request, rows, files)
        else:
            wanted = await read_json(request, ASYNC_UPLOAD)
            content = uploaded(self._state, [dataset.id], wanted.request_id)
            lines, update, source = non_empty_lines(content), wanted.update, f"uploads/{dataset.id}/{wanted.request_id}"
        work = partial(self._append, dataset.id, lines, update, source)
        return self._state.jobs.submit(APPEND_JOB, dataset.id, work)

    async def _keep_images(
        self, request: Request, rows: list[dict[str, Any]], files: list[UploadFile]
    ) -> tuple[list[bytes], bool]:
        """Keep uploaded images, and put their URLs into the rows in place of the client's paths."""
        if len(rows) != len(files):
            raise ApiError(400, f"The form has {len(files)} image files for {len(rows)} items.")
        update = False
        for row, file in zip(rows, files, strict=True):
            path = self._state.blobs.add_media(await file.read(), file.content_type or "image/jpeg")
            row["image_url"] = f"{request.base_url}{path}"
            update = update or bool(row.pop("update", False))
        return [encode(row) for row in rows], update

    def _append(self, dataset_id: str, lines: list[bytes], update: bool, source: str) -> Outcome:
        dataset = self._state.dataset(dataset_id)
        errors: list[str] = []
        unreadable = 0
        for line in lines:
            try:
                self._put(dataset, NEW_ITEM.decode(line), update)
            except UnreadableImage as error:
                unreadable += 1
                errors.append(complaint("item", line, str(error)))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                errors.append(complaint("item", line, str(error)))
        completed = len(lines) - len(errors)
        message: dict[str, object] = {
            "PayloadUrl": source,
            "image_upload_step": {"errored": len(errors), "pending": 0, "completed": completed},
            "ingest_to_reupload_queue": {
                "epoch": 1,
                "total": len(lines),
                "datasetId": dataset_id,
                "processed": completed,
            },
            "started_image_processing": self._state.now(),
        }
        if not unreadable:
            return Outcome(message, errors, steps=(len(lines), len(lines)))
        # Rows that are refused do not fail the job, but images that cannot be read do; the other items are there.
        final: dict[str, object] = {"final_error": f"{unreadable} of {len(lines)} images could not be read."}
        return Outcome(message | final, errors, ERRORED, (completed, len(lines)))

    def _put(self, dataset: Dataset, row: NewItem, update: bool) -> None:
        if dataset.use_privacy_mode and not (row.width and row.height):
            raise msgspec.ValidationError("width and height are required in privacy mode")
        known = dataset.items.by_reference.get(row.reference_id)
        if known is None:
            _check_url(row.image_url)
            self._state.add_item(dataset, **msgspec.structs.asdict(row))
        elif update:
            known.metadata = row.metadata

    async def all(self, request: Request) -> object:
        return {"dataset_items": [item.to_json() for item in self._named(request).items]}

    async def page(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, PAGE)
        items, token = paged(self._state, dataset.items.ordered(), wanted.token, wanted.size)
        return {"items": [item.to_json() for item in items], "nextPageToken": token}

    async def by_reference(self, request: Request) -> object:
        dataset = self._named(request)
        return _shown(dataset, dataset.items.reference(request.path_params["reference"]))

    async def by_id(self, request: Request) -> object:
        dataset = self._named(request)
        return _shown(dataset, dataset.items.id(request.path_params["item"]))

    async def by_position(self, request: Request) -> object:
        dataset = self._named(request)
        return _shown(dataset, dataset.items.at(position(request)))

    async def delete(self, request: Request) -> object:
        dataset = self._named(request)
        item = dataset.items.reference(request.path_params["reference"])
        self._state.forget_targets(dataset, [item])
        return {"dataset_id": dataset.id, "reference_id": item.reference_id, "status": "deleted"}


def _check_url(url: str) -> None:
    """Refuse a URL that cannot lead to an image; that of another server is never fetched, only looked at."""
    if not urlsplit(url).path.strip("/"):
        raise UnreadableImage(f"There is no image at {url}.")


def _shown(dataset: Dataset, item: Item) -> object:
    return {"item": item.to_json(), "annotations": grouped(dataset.ground_truth.on(item.id))}
