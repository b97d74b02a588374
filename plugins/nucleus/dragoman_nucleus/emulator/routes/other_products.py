"""Routes that lead to other products of the vendor, which this account does not use: hosted bundles, and autotags made
in the web interface. They answer for an account that has none.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.routes.names import delete, get, post
from dragoman_nucleus.emulator.state import State

INFERENCE_JOB = "modelInferenceRun"


class Inference(msgspec.Struct):
    dataset_id: str
    model_run_name: str
    slice_id: str | None = None


INFERENCE = msgspec.json.Decoder(Inference)


class OtherProducts:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("model/run/{model}/", self.infer),
            get("{dataset}/list_autotags", self.autotags),
            post("dataset/{dataset}/autotag/{autotag}/taggedItems", self.autotag),
            get("dataset/{dataset}/autotag/{autotag}/trainingItems", self.autotag),
            post("autotag/{autotag}", self.autotag),
            delete("autotag/{autotag}", self.autotag),
            get("autotag/{autotag}/refinementMetrics", self.autotag),
        ]

    async def infer(self, request: Request) -> object:
        """Start the inference of a model's bundle; the job fails, as nothing here runs bundles.

        The answer is the id of the job as bare JSON text, since the SDK documents it as such and hands it on as it is.
        """
        model = self._state.model(request.path_params["model"])
        wanted = await read_json(request, INFERENCE)
        dataset = self._state.dataset(wanted.dataset_id)
        if model.bundle_name is None:
            raise ApiError(400, f"Model {model.id} has no bundle.")

        def refuse() -> Outcome:
            raise ApiError(400, f"Bundle {model.bundle_name} does not exist.")

        return self._state.jobs.submit(INFERENCE_JOB, dataset.id, refuse)["job_id"]

    async def autotags(self, request: Request) -> object:
        self._state.dataset(request.path_params["dataset"])
        return {"autotags": []}

    async def autotag(self, request: Request) -> object:
        raise ApiError(404, f"Autotag {request.path_params['autotag']} does not exist.")
