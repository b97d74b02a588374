"""Routes about the model registry, and about predictions that belong to a model without a run."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.datasets import Dataset
from dragoman_nucleus.emulator.items import Item, Scene
from dragoman_nucleus.emulator.lookups import finder_anywhere, item_with_id, with_reference
from dragoman_nucleus.emulator.models import Model
from dragoman_nucleus.emulator.routes.names import TAGS, added, delete, get, position, post
from dragoman_nucleus.emulator.rows import RunFreeRow
from dragoman_nucleus.emulator.state import State
from dragoman_nucleus.emulator.uploads import RUN_FREE, Batch


class NewModel(msgspec.Struct):
    name: str
    reference_id: str
    metadata: dict[str, Any] = {}
    bundle_name: str | None = None
    tags: list[str] = []
    trained_slice_ids: list[str] = []


class TrainedSlices(msgspec.Struct):
    trained_slice_ids: list[str]


class RunName(msgspec.Struct):
    model_run_id: str


NEW_MODEL = msgspec.json.Decoder(NewModel)
TRAINED_SLICES = msgspec.json.Decoder(TrainedSlices)
RUN_NAME = msgspec.json.Decoder(RunName)


class Models:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("models/add", self.add),
            get("models/", self.all),
            get("model/{model}", self.one),
            delete("model/{model}", self.delete),
            post("model/{model}/tag", self.add_tags),
            delete("model/{model}/tag", self.remove_tags),
            post("model/{model}/trainedSliceId", self.add_trained_slices),
            delete("model/{model}/trainedSliceId", self.remove_trained_slices),
            get("model/{model}/modelRun", self.runs),
            post("model/{model}/predictions", self.upload),
            post("model/{model}/predictions/copyFromRun", self.copy_from_run),
            get("model/{model}/predictions/loc/{item}", self.on_id),
            get("model/{model}/predictions/refloc/{reference:text}", self.on_reference),
            get("model/{model}/predictions/iloc/{position}", self.on_position),
        ]

    def _named(self, request: Request) -> Model:
        return self._state.model(request.path_params["model"])

    async def add(self, request: Request) -> object:
        wanted = await read_json(request, NEW_MODEL)
        if any(model.reference_id == wanted.reference_id for model in self._state.models.values()):
            raise ApiError(409, f"A model with reference id {wanted.reference_id} exists already.")
        model = Model(id=self._state.ids.new("prj"), **msgspec.structs.asdict(wanted))
        self._state.models[model.id] = model
        return {"model_id": model.id}

    async def all(self, request: Request) -> object:
        return {"models": [model.to_json() for model in self._state.models.values()]}

    async def one(self, request: Request) -> object:
        given = request.path_params["model"]
        model_id = self._state.run(given).model_id if given.startswith("run_") else given
        return self._state.model(model_id).to_json()

    async def delete(self, request: Request) -> object:
        self._state.forget_model(self._named(request))
        return {"msg": "Model deletion running in an async job"}

    async def add_tags(self, request: Request) -> object:
        model = self._named(request)
        model.tags = added(model.tags, (await read_json(request, TAGS)).tags)
        return {"msg": "Tags added.", "tags": model.tags}

    async def remove_tags(self, request: Request) -> object:
        model = self._named(request)
        gone = (await read_json(request, TAGS)).tags
        left = [tag for tag in model.tags if tag not in gone]
        if len(left) == len(model.tags):
            raise ApiError(400, "Deleted 0 tags from model. The specified tag(s) were not found.")
        model.tags = left
        return {"msg": "Tags removed.", "tags": model.tags}

    async def add_trained_slices(self, request: Request) -> object:
        model = self._named(request)
        model.trained_slice_ids = added(
            model.trained_slice_ids, (await read_json(request, TRAINED_SLICES)).trained_slice_ids
        )
        return {"trained_slice_ids": model.trained_slice_ids}

    async def remove_trained_slices(self, request: Request) -> object:
        model = self._named(request)
        gone = (await read_json(request, TRAINED_SLICES)).trained_slice_ids
        model.trained_slice_ids = [known for known in model.trained_slice_ids if known not in gone]
        return {"trained_slice_ids": model.trained_slice_ids}

    async def runs(self, request: Request) -> object:
        model = self._named(request)
        return [run.id for run in self._state.runs.values() if run.model_id == model.id]

    async def upload(self, request: Request) -> object:
        model = self._named(request)
        batch = await RUN_FREE.read(request, self._state)
        tally = RUN_FREE.store(batch, model.predictions, finder_anywhere(self._state), self._state)
        return {"model_id": model.id, **tally.counts("predictions")}

    async def copy_from_run(self, request: Request) -> object:
        model = self._named(request)
        run = self._state.run((await read_json(request, RUN_NAME)).model_run_id)
        rows = [row for row in run.predictions if isinstance(row, RunFreeRow)]
        copies = [msgspec.structs.replace(row, item_id=row.dataset_item_id) for row in rows]
        tally = RUN_FREE.store(Batch(copies), model.predictions, finder_anywhere(self._state), self._state)
        return {
            "model_id": model.id,
            "model_run_ids": [run.id],
            "predictions_copied": tally.processed,
            "predictions_skipped_unsupported": len(run.predictions) - len(rows),
        }

    async def on_id(self, request: Request) -> object:
        model = self._named(request)
        return _flat(model, item_with_id(self._datasets(), request.path_params["item"]))

    async def on_reference(self, request: Request) -> object:
        model = self._named(request)
        datasets = self._with_predictions(model) or self._datasets()
        return _flat(model, with_reference(datasets, request.path_params["reference"]))

    async def on_position(self, request: Request) -> object:
        model = self._named(request)
        datasets = self._with_predictions(model)
        if not datasets:
            raise ApiError(404, f"Model {model.id} has no predictions.")
        return _flat(model, datasets[0].items.at(position(request)))

    def _datasets(self) -> list[Dataset]:
        return list(self._state.datasets.values())

    def _with_predictions(self, model: Model) -> list[Dataset]:
        """Return the datasets on which a model has run-free predictions, in the order of their arrival."""
        items = [item_with_id(self._datasets(), item_id) for item_id in model.predictions.item_ids()]
        return [self._state.dataset(dataset_id) for dataset_id in dict.fromkeys(i.dataset_id for i in items)]


def _flat(model: Model, item: Item | Scene) -> object:
    return {"predictions": model.predictions.on(item.id)}
