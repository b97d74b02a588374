"""Routes about predictions of runs: uploading by run or by model and dataset, reading and exporting the
latter."""

from __future__ import annotations

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
from dragoman_nucleus.emulator.uploads import ASYNC_UPLOAD, PREDICTIONS, Finder, is_async, uploaded

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
            get(f"{on_model}/referenceId/{{reference:path}}", self.on_reference),
            get(f"{on_model}/iloc/{{position}}", self.on_position),
            get(f"{on_model}/loc/{{path:path}}", self.one),
            get(f"{on_model}/export", self.export),
        ]

    def _dataset(self, request: Request) -> Dataset:
        return self._state.dataset(request.path_params["dataset"])

    def _run(self, request: Request) -> Run:
        return self._state.run(request.path_params["run"])

    async def predict(self, request: Request) -> object:
        run = self._run(request)
        datasets = datasets_of(self._state, run)
        if is_async(request):
            if not datasets:
                raise ApiError(400, f"Model run {run.id} covers no dataset.")
            return await self._submit(request, run, datasets)
        return {"model_run_id": run.id, **await self._take(request, run, finder(datasets))}

    async def upload_to_run(self, request: Request) -> object:
        run = self._run(request)
        find = widening(run, finder_anywhere(self._state))
        return {"model_run_id": run.id, **await self._take(request, run, find)}

    async def upload_to_run_on_dataset(self, request: Request) -> object:
        dataset, run = self._dataset(request), self._run(request)
        run.cover(dataset.id)
        return await self._upload(request, run, dataset)

    async def upload_to_model(self, request: Request) -> object:
        dataset = self._dataset(request)
        model = self._state.model(request.path_params["model"])
        run = run_on(self._state, model, dataset)
        return await self._upload(request, run, dataset)

    async def _upload(self, request: Request, run: Run, dataset: Dataset) -> object:
        if is_async(request):
            return await self._submit(request, run, [dataset])
        counts = await self._take(request, run, dataset.find)
        return {"dataset_id": dataset.id, "model_run_id": run.id, **counts}

    async def _take(self, request: Request, run: Run, find: Finder) -> dict[str, object]:
        batch = await PREDICTIONS.read(request, self._state)
        self._note_training(run, batch.trained_slice_id)
        tally = PREDICTIONS.store(batch, run.predictions, find, self._state)
        return tally.counts("predictions")

    def _note_training(self, run: Run, slice_id: str | None) -> None:
        """Note the slice that a run's model was trained on; it must be of a dataset that the run covers."""
        if slice_id is None:
            return
        if self._state.slice(slice_id).dataset_id not in run.dataset_ids:
            raise ApiError(400, f"Slice {slice_id} is of another dataset.")
        run.trained_slice_id = slice_id

    async def _submit(self, request: Request, run: Run, datasets: list[Dataset]) -> object:
        """Queue an asynchronous upload; its file was signed for one of the datasets."""
        wanted = await read_json(request, ASYNC_UPLOAD)
        dataset_ids = [dataset.id for dataset in datasets]
        content = uploaded(self._state, dataset_ids, wanted.request_id)
        self._note_training(run, wanted.trained_slice_id)
        work = partial(self._take_lines, run.id, dataset_ids, content, wanted.update)
        return self._state.jobs.submit(UPLOAD_JOB, dataset_ids[0], work)

    def _take_lines(self, run_id: str, dataset_ids: list[str], content: bytes, update: bool) -> Outcome:
        run = self._state.run(run_id)
        find = finder([self._state.dataset(dataset_id) for dataset_id in dataset_ids])
        batch = PREDICTIONS.decode_lines(content, update=update)
        tally = PREDICTIONS.store(batch, run.predictions, find, self._state)
        return Outcome(tally.message("prediction", dataset_ids[0]), tally.errors, steps=tally.steps)

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
