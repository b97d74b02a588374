"""Routes about the items of a dataset: appending by URL or file, listing, reading one, metadata, deletion."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.routes.names import PAGE, delete, get, post
from dragoman_nucleus.emulator.rows import grouped
from dragoman_nucleus.emulator.state import Dataset, Item, State, page_of
from dragoman_nucleus.emulator.uploads import ASYNC_UPLOAD, form_files, is_async, non_empty_lines, uploaded

APPEND_JOB = "uploadDatasetItems"
METADATA_JOB = "metadataUpdate"


class NewItem(msgspec.Struct):
    """One row of an append."""

    reference_id: str
    image_url: str
    metadata: dict[str, Any] = {}
    embedding_info: dict[str, Any] | None = None
    width: int | None = None
    height: int | None = None


class MetadataChange(msgspec.Struct):
    reference_id: str
    metadata: dict[str, Any]
    camera_params: dict[str, Any] | None = None


class MetadataChanges(msgspec.Struct):
    metadata: list[MetadataChange]
    level: str


NEW_ITEM = msgspec.json.Decoder(NewItem)
ITEM_ROWS = msgspec.json.Decoder(list[dict[str, Any]])
CHANGES = msgspec.json.Decoder(MetadataChanges)


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
            get("dataset/{dataset}/refloc/{reference:path}", self.by_reference),
            get("dataset/{dataset}/loc/{item}", self.by_id),
            get("dataset/{dataset}/iloc/{position:int}", self.by_position),
            post("dataset/{dataset}/metadata", self.update_metadata),
            delete("dataset/{dataset}/refloc/{reference:path}", self.delete),
        ]

    def _named(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    async def signed_url(self, request: Request) -> object:
        path = self._state.blobs.sign(self._named(request).id, request.path_params["request_id"])
        return {"signed_url": f"{request.base_url}{path}"}

    async def append(self, request: Request) -> object:
        dataset = self._named(request)
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            rows, files = await form_files(request, "items", "image", ITEM_ROWS)
            lines, update = await self._keep_images(request, rows, files)
        else:
            wanted = await read_json(request, ASYNC_UPLOAD)
            content = uploaded(self._state, [dataset.id], wanted.request_id)
            lines, update = non_empty_lines(content), wanted.update
        work = partial(self._append, dataset.id, lines, update)
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
        return [msgspec.json.encode(row) for row in rows], update

    def _append(self, dataset_id: str, lines: list[bytes], update: bool) -> Outcome:
        dataset = self._state.dataset(dataset_id)
        errors: list[str] = []
        for line in lines:
            try:
                self._put(dataset, NEW_ITEM.decode(line), update)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                row = line.decode(errors="replace")
                errors.append(msgspec.json.encode({"item": row, "error": str(error)}).decode())
        completed = len(lines) - len(errors)
        queue = {"epoch": 1, "total": len(lines), "datasetId": dataset_id, "processed": completed}
        steps = {"errored": len(errors), "pending": 0, "completed": completed}
        return Outcome(
            {
                "image_upload_step": steps,
                "ingest_to_reupload_queue": queue,
                "started_image_processing": self._state.clock.now().isoformat(),
            },
            errors,
        )

    def _put(self, dataset: Dataset, row: NewItem, update: bool) -> None:
        if dataset.use_privacy_mode and not (row.width and row.height):
            raise msgspec.ValidationError("width and height are required in privacy mode")
        known = dataset.items.by_reference.get(row.reference_id)
        if known is None:
            number = dataset.items.next_number()
            item_id = self._state.ids.new("di")
            dataset.items.add(Item(number=number, id=item_id, dataset_id=dataset.id, **msgspec.structs.asdict(row)))
        elif update:
            known.metadata = row.metadata

    async def all(self, request: Request) -> object:
        return {"dataset_items": [item.to_json() for item in self._named(request).items]}

    async def page(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, PAGE)
        limit = self._state.settings.page_limit
        items, token = page_of(dataset.items.ordered(), wanted.token, wanted.size, limit)
        return {"items": [item.to_json() for item in items], "nextPageToken": token}

    async def by_reference(self, request: Request) -> object:
        dataset = self._named(request)
        return _shown(dataset, dataset.items.reference(request.path_params["reference"]))

    async def by_id(self, request: Request) -> object:
        dataset = self._named(request)
        return _shown(dataset, dataset.items.id(request.path_params["item"]))

    async def by_position(self, request: Request) -> object:
        dataset = self._named(request)
        return _shown(dataset, dataset.items.at(request.path_params["position"]))

    async def update_metadata(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, CHANGES)
        if wanted.level != "item":
            raise ApiError(400, f"Metadata of level {wanted.level} is not emulated.")
        work = partial(self._update_metadata, dataset.id, wanted.metadata)
        if is_async(request):
            return self._state.jobs.submit(METADATA_JOB, dataset.id, work)
        outcome = work()
        return outcome.message | ({"errors": outcome.errors} if outcome.errors else {})

    def _update_metadata(self, dataset_id: str, changes: list[MetadataChange]) -> Outcome:
        dataset = self._state.dataset(dataset_id)
        errors: list[str] = []
        for change in changes:
            item = dataset.items.by_reference.get(change.reference_id)
            if item is None:
                errors.append(f"Item with id {change.reference_id} does not exist.")
            else:
                item.metadata = item.metadata | change.metadata
        return Outcome({"dataset_id": dataset_id, "updated": len(changes) - len(errors)}, errors)

    async def delete(self, request: Request) -> object:
        dataset = self._named(request)
        item = dataset.items.reference(request.path_params["reference"])
        self._state.forget_items(dataset, [item])
        return {"dataset_id": dataset.id, "reference_id": item.reference_id, "status": "deleted"}


def _shown(dataset: Dataset, item: Item) -> object:
    return {"item": item.to_json(), "annotations": grouped(dataset.ground_truth.on(item.id))}
