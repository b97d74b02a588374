"""Routes about ground truth: annotating, exporting with items, reading one annotation, deletion."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.exports import export_rows
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.lookups import row_named
from dragoman_nucleus.emulator.routes.names import EXPORT_PAGE, delete, get, paged, post
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.subjects import select_items
from dragoman_nucleus.emulator.uploads import ASYNC_UPLOAD, GROUND_TRUTH, is_async, uploaded

UPLOAD_JOB = "uploadAnnotations"
DELETION_JOB = "annotationDeletion"


class Deletion(msgspec.Struct):
    reference_ids: list[str]
    keep_history: bool = True


DELETION = msgspec.json.Decoder(Deletion)


class Annotations:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("dataset/{dataset}/annotate", self.annotate),
            get("dataset/{dataset}/exportForTraining", self.export),
            post("dataset/{dataset}/exportForTrainingPage", self.export_page),
            get("dataset/{dataset}/groundTruth/loc/{path:text}", self.one),
            delete("annotation/{dataset}", self.delete),
        ]

    def _named(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    async def annotate(self, request: Request) -> object:
        dataset = self._named(request)
        if is_async(request):
            wanted = await read_json(request, ASYNC_UPLOAD)
            content = uploaded(self._state, [dataset.id], wanted.request_id)
            work = partial(self._annotate, dataset.id, content, wanted.update)
            return self._state.jobs.submit(UPLOAD_JOB, dataset.id, work)
        batch = await GROUND_TRUTH.read(request, self._state)
        tally = GROUND_TRUTH.store(batch, dataset.ground_truth, dataset.find, self._state)
        return {"dataset_id": dataset.id, **tally.counts("annotations")}

    def _annotate(self, dataset_id: str, content: bytes, update: bool) -> Outcome:
        dataset = self._state.dataset(dataset_id)
        batch = GROUND_TRUTH.decode_lines(content, update=update)
        tally = GROUND_TRUTH.store(batch, dataset.ground_truth, dataset.find, self._state)
        return Outcome(tally.message("annotation", dataset_id), tally.errors, steps=tally.steps)

    async def export(self, request: Request) -> object:
        dataset = self._named(request)
        return {"exportedRows": export_rows(dataset.items, dataset.ground_truth)}

    async def export_page(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, EXPORT_PAGE)
        chosen = select_items(self._state, dataset, wanted.query)
        items, token = paged(self._state, chosen, wanted.token, wanted.size)
        rows = export_rows(items, dataset.ground_truth, mirrored=wanted.mirrored)
        return {"data": rows, "nextPageToken": token}

    async def one(self, request: Request) -> object:
        dataset = self._named(request)
        return row_named(request.path_params["path"], [dataset], dataset.ground_truth, "Annotation")

    async def delete(self, request: Request) -> object:
        dataset = self._named(request)
        wanted = await read_json(request, DELETION)
        work = partial(self._delete, dataset.id, wanted.reference_ids)
        return self._state.jobs.submit(DELETION_JOB, dataset.id, work)

    def _delete(self, dataset_id: str, reference_ids: list[str]) -> Outcome:
        """Delete the annotations on some items and scenes, or on all if none is named."""
        dataset = self._state.dataset(dataset_id)
        deleted, errors = 0, []
        for reference_id in reference_ids or [target.reference_id for target in dataset.targets()]:
            try:
                deleted += dataset.ground_truth.discard(dataset.target(reference_id).id)
            except ApiError:
                errors.append(f"Item with id {reference_id} does not exist.")
        return Outcome({"annotations_deleted": deleted}, errors)
