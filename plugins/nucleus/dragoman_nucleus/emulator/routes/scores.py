"""Routes about predictions that are no rows: labels of all points of a cloud, and the entropy of a run's classes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec
import numpy as np
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.lookups import run_on
from dragoman_nucleus.emulator.routes.names import post
from dragoman_nucleus.emulator.rows import Labelled, Row
from dragoman_nucleus.emulator.state import State

ENTROPY_JOB = "autocurateEntropy"


class PointLabels(msgspec.Struct, rename="camel"):
    points_segmentation_url: str


class RunIds(msgspec.Struct, rename="camel"):
    model_run_ids: list[str]


POINT_LABELS = msgspec.json.Decoder(PointLabels)
RUN_IDS = msgspec.json.Decoder(RunIds)


class Scores:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("dataset/{dataset}/model/{model}/pointcloud/{reference:text}/uploadLSSPrediction", self.label_points),
            post("autocurate/{dataset}/single_model_entropy/{name:text}", self.entropy),
        ]

    async def label_points(self, request: Request) -> object:
        dataset = self._state.dataset(request.path_params["dataset"])
        model = self._state.model(request.path_params["model"])
        url = (await read_json(request, POINT_LABELS)).points_segmentation_url
        item = dataset.items.reference(request.path_params["reference"])
        if item.pointcloud_url is None:
            raise ApiError(400, f"Item {item.reference_id} is no point cloud.")
        run = run_on(self._state, model, dataset)
        run.point_labels[item.id] = url
        return {"dataset_id": dataset.id, "model_run_id": run.id, "predictions_processed": 1, "predictions_ignored": 0}

    async def entropy(self, request: Request) -> object:
        dataset = self._state.dataset(request.path_params["dataset"])
        run_ids = (await read_json(request, RUN_IDS)).model_run_ids
        for run_id in run_ids:
            self._state.run(run_id)
        work = partial(self._entropies, dataset.id, run_ids, request.path_params["name"])
        return {"job_id": self._state.jobs.submit(ENTROPY_JOB, dataset.id, work)["job_id"]}

    def _entropies(self, dataset_id: str, run_ids: list[str], name: str) -> Outcome:
        dataset = self._state.dataset(dataset_id)
        runs = [self._state.run(run_id).predictions for run_id in run_ids]
        scores = {
            item.reference_id: score
            for item in dataset.items
            if (score := _entropy(row for rows in runs for row in rows.on(item.id))) is not None
        }
        return Outcome({"name": name, "entropy": scores})


def _entropy(rows: Iterable[Row]) -> float | None:
    """Return the mean entropy in nats of the class probabilities of some rows; `None` if none has any."""
    entropies = []
    for row in rows:
        if isinstance(row, Labelled) and row.class_pdf:
            shares = np.array(list(row.class_pdf.values()), np.float64)
            shares = shares[shares > 0] / shares.sum()
            entropies.append(float(-(shares * np.log(shares)).sum()))
    return sum(entropies) / len(entropies) if entropies else None
