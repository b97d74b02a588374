"""Routes about model runs: creation, commit, deletion, and reading predictions by run."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, as_dict, read_json
from dragoman_nucleus.emulator.items import Item, Scene
from dragoman_nucleus.emulator.lookups import datasets_of, item_with_id, row_named, with_reference
from dragoman_nucleus.emulator.matches import Matching, match_dataset
from dragoman_nucleus.emulator.models import Model, Run
from dragoman_nucleus.emulator.routes.names import delete, get, position, post
from dragoman_nucleus.emulator.rows import grouped
from dragoman_nucleus.emulator.state import State


class NewRun(msgspec.Struct):
    name: str | None = None
    reference_id: str | None = None
    model_id: str | None = None
    metadata: dict[str, Any] | None = None
    annotation_metadata_schema: dict[str, Any] | None = None


NEW_RUN = msgspec.json.Decoder(NewRun)
MATCHING = msgspec.json.Decoder(Matching)


class Runs:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("dataset/{dataset}/modelRun/create", self.create_on_dataset),
            post("model/{model}/modelRun/create", self.create_on_model),
            get("modelRun/{run}/info", self.info),
            post("modelRun/{run}/commit", self.commit),
            delete("modelRun/{run}", self.delete),
            get("modelRun/{run}/iloc/{position}", self.on_position),
            get("modelRun/{run}/loc/{item}", self.on_id),
            get("modelRun/{run}/refloc/{reference:text}", self.on_reference),
            get("modelRun/{run}/prediction/loc/{path:text}", self.one),
            get("modelRun/{run}/ungrouped", self.all),
            post("dataset/{dataset}/model/{model}/calculateEvaluationMetrics", self.calculate_metrics),
        ]

    def _named(self, request: Request) -> Run:
        return self._state.run(request.path_params["run"])

    async def create_on_dataset(self, request: Request) -> object:
        dataset = self._state.dataset(request.path_params["dataset"])
        wanted = await read_json(request, NEW_RUN)
        run = self._create(self._model_of(wanted), wanted)
        run.cover(dataset.id)
        return {"model_run_id": run.id}

    async def create_on_model(self, request: Request) -> object:
        model = self._state.model(request.path_params["model"])
        return {"model_run_id": self._create(model, await read_json(request, NEW_RUN)).id}

    def _model_of(self, wanted: NewRun) -> Model:
        """Find the model of a run on a dataset; most requests tell only its reference id."""
        reference_id = wanted.reference_id
        if wanted.model_id is not None:
            return self._state.model(wanted.model_id)
        if reference_id is None:
            raise ApiError(400, "reference_id must be the reference id of a model.")
        for model in self._state.models.values():
            if model.reference_id == reference_id:
                return model
        raise ApiError(404, f"Model with reference id {reference_id} does not exist.")

    def _create(self, model: Model, wanted: NewRun) -> Run:
        run = Run(
            id=self._state.ids.new("run"),
            model_id=model.id,
            name=wanted.name,
            reference_id=wanted.reference_id,
            metadata=wanted.metadata or {},
        )
        self._state.runs[run.id] = run
        return run

    async def info(self, request: Request) -> object:
        run = self._named(request)
        return {
            "model_run_id": run.id,
            "model_id": run.model_id,
            "name": run.name,
            "status": run.status,
            "metadata": run.metadata,
            "dataset_ids": run.dataset_ids,
        }

    async def commit(self, request: Request) -> object:
        run = self._named(request)
        await self._match(run, run.dataset_ids, request)
        return {"model_run_id": run.id}

    async def calculate_metrics(self, request: Request) -> object:
        dataset = self._state.dataset(request.path_params["dataset"])
        model = self._state.model(request.path_params["model"])
        run = self._state.latest_run(model.id, dataset.id)
        if run is None:
            raise ApiError(404, f"Model {model.id} has no run on dataset {dataset.id}.")
        await self._match(run, [dataset.id], request)
        return {"dataset_id": dataset.id, "model_id": model.id, "model_run_id": run.id}

    async def _match(self, run: Run, dataset_ids: list[str], request: Request) -> None:
        matching = (await read_json(request, MATCHING)).settled()
        run.matching = as_dict(matching) | {"allowed_label_matches": as_dict(matching.allowed_label_matches)}
        for dataset_id in dataset_ids:
            dataset = self._state.dataset(dataset_id)
            run.matches[dataset_id] = match_dataset(dataset, run.predictions, matching, self._state.blobs)
        run.status = "completed"

    async def delete(self, request: Request) -> object:
        run = self._named(request)
        self._state.forget_run(run)
        return {"model_run_id": run.id, "msg": "Model run deleted"}

    async def on_position(self, request: Request) -> object:
        run = self._named(request)
        if not run.dataset_ids:
            raise ApiError(404, f"Model run {run.id} covers no dataset.")
        items = self._state.dataset(run.dataset_ids[0]).items
        return _shown(run, items.at(position(request)))

    async def on_id(self, request: Request) -> object:
        run = self._named(request)
        return _shown(run, item_with_id(datasets_of(self._state, run), request.path_params["item"]))

    async def on_reference(self, request: Request) -> object:
        run = self._named(request)
        datasets = datasets_of(self._state, run)
        return _shown(run, with_reference(datasets, request.path_params["reference"]))

    async def one(self, request: Request) -> object:
        run = self._named(request)
        datasets = datasets_of(self._state, run)
        return row_named(request.path_params["path"], datasets, run.predictions, "Prediction")

    async def all(self, request: Request) -> object:
        return grouped(self._named(request).predictions)


def _shown(run: Run, item: Item | Scene) -> object:
    return {"annotations": grouped(run.predictions.on(item.id))}
