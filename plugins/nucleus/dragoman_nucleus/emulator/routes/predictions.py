"""Routes about predictions of runs: uploading by run or by model and dataset, reading and exporting the
latter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Item, Scene
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.lookups import datasets_of, finder, finder_anywhere, row_named, run_on, widening
from dragoman_nucleus.emulator.models import Run
from dragoman_nucleus.emulator.routes.names import get, position, post
from dragoman_nucleus.emulator.rows import Rows, grouped
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.uploads import ASYNC_UPLOAD, PREDICTIONS, Batch, Finder, is_async, uploaded

UPLOAD_JOB = "uploadPredictions"


class Predictions:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        on_model = "dataset/{dataset}/model/{model}"
        return [
            post("modelRun/{run}/predict", self.predict),
            post("modelRun/{run}/uploadPredictions", self.upload_to_run),
            post("dataset/{dataset}/modelRun/{run}/uploadPredictions", self.upload_to_run_on_dataset),
            post(f"{on_model}/uploadPredictions", self.upload_to_model),
            get(f"{on_model}/referenceId/{{reference:text}}", self.on_reference),
            get(f"{on_model}/iloc/{{position}}", self.on_position),
            get(f"{on_model}/loc/{{path:text}}", self.one),
            get(f"{on_model}/export", self.export),
        ]

    def _dataset(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    def _run(self, request: Request) -> Run:
        return self._state.run(request.path_params["run"])

    async def predict(self, request: Request) -> object:
        run = self._run(request)
        datasets = datasets_of(self._state, run)
        if len(datasets) > 1:
            raise ApiError(400, f"Model run {run.id} covers several datasets, so one of them must be named.")
        if is_async(request):
            if not datasets:
                raise ApiError(400, f"Model run {run.id} covers no dataset.")
            return await self._submit(request, datasets[0], lambda: run)
        batch = await PREDICTIONS.read(request, self._state)
        self._check_training(batch.trained_slice_id, run.dataset_ids)
        return self._store(run, batch, finder(datasets))

    async def upload_to_run(self, request: Request) -> object:
        run = self._run(request)
        batch = await PREDICTIONS.read(request, self._state)
        self._check_training(batch.trained_slice_id, run.dataset_ids)
        return self._store(run, batch, widening(run, finder_anywhere(self._state)))

    async def upload_to_run_on_dataset(self, request: Request) -> object:
        dataset, run = self._dataset(request), self._run(request)
        return await self._upload(request, dataset, lambda: run)

    async def upload_to_model(self, request: Request) -> object:
        dataset = self._dataset(request)
        model = self._state.model(request.path_params["model"])
        return await self._upload(request, dataset, partial(run_on, self._state, model, dataset))

    async def _upload(self, request: Request, dataset: Dataset, run_of: Callable[[], Run]) -> object:
        """Take an upload to a dataset. What is refused as a whole neither makes a run nor widens one."""
        if is_async(request):
            return await self._submit(request, dataset, run_of)
        batch = await PREDICTIONS.read(request, self._state)
        self._check_training(batch.trained_slice_id, [dataset.id])
        run = run_of()
        run.cover(dataset.id)
        return {"dataset_id": dataset.id, **self._store(run, batch, dataset.find)}

    def _store(self, run: Run, batch: Batch, find: Finder) -> dict[str, object]:
        run.trained_slice_id = batch.trained_slice_id or run.trained_slice_id
        tally = PREDICTIONS.store(batch, run.predictions, find, self._state)
        return {"model_run_id": run.id, **tally.counts("predictions")}

    def _check_training(self, slice_id: str | None, dataset_ids: Sequence[str]) -> None:
        """Make sure that the slice that a model was trained on is of a dataset that the upload is for."""
        if slice_id is not None and self._state.slice(slice_id).dataset_id not in dataset_ids:
            raise ApiError(400, f"Slice {slice_id} is of another dataset.")

    async def _submit(self, request: Request, dataset: Dataset, run_of: Callable[[], Run]) -> object:
        """Queue an asynchronous upload, whose file was signed for the dataset."""
        wanted = await read_json(request, ASYNC_UPLOAD)
        content = uploaded(self._state, [dataset.id], wanted.request_id)
        self._check_training(wanted.trained_slice_id, [dataset.id])
        run = run_of()
        run.cover(dataset.id)
        run.trained_slice_id = wanted.trained_slice_id or run.trained_slice_id
        work = partial(self._take_lines, run.id, dataset.id, content, wanted.update)
        return self._state.jobs.submit(UPLOAD_JOB, dataset.id, work)

    def _take_lines(self, run_id: str, dataset_id: str, content: bytes, update: bool) -> Outcome:
        run, dataset = self._state.run(run_id), self._state.dataset(dataset_id)
        batch = PREDICTIONS.decode_lines(content, update=update)
        tally = PREDICTIONS.store(batch, run.predictions, dataset.find, self._state)
        return Outcome(tally.message("prediction", dataset_id), tally.errors, steps=tally.steps)

    def _read(self, request: Request) -> tuple[Dataset, Run | None]:
        dataset = self._dataset(request)
        model = self._state.model(request.path_params["model"])
        return dataset, self._state.latest_run(model.id, dataset.id)

    async def on_reference(self, request: Request) -> object:
        dataset, run = self._read(request)
        return _shown(run, dataset.target(request.path_params["reference"]))

    async def on_position(self, request: Request) -> object:
        dataset, run = self._read(request)
        return _shown(run, dataset.items.at(position(request)))

    async def one(self, request: Request) -> object:
        dataset, run = self._read(request)
        rows = Rows() if run is None else run.predictions
        return row_named(request.path_params["path"], [dataset], rows, "Prediction")

    async def export(self, request: Request) -> object:
        dataset, run = self._read(request)
        if run is None:
            return {}
        return grouped(row for target in dataset.targets() for row in run.predictions.on(target.id))


def _shown(run: Run | None, item: Item | Scene) -> object:
    return {"annotations": grouped(run.predictions.on(item.id)) if run is not None else {}}
