"""The route that merges runs: a new run with all predictions of some runs of one model, filled by a job."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response, read_json
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.models import Run
from dragoman_nucleus.emulator.routes.names import post
from dragoman_nucleus.emulator.rows import UNIDENTIFIED, Row
from dragoman_nucleus.emulator.state import State

MERGE_JOB = "modelRunMerge"


class Merge(msgspec.Struct):
    model_run_ids: Annotated[list[str], Meta(min_length=2)]
    name: str | None = None
    metadata: dict[str, Any] | None = None


MERGE = msgspec.json.Decoder(Merge)


class Merging:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [post("modelRun/merge", self.merge)]

    async def merge(self, request: Request) -> object:
        wanted = await read_json(request, MERGE)
        sources = [self._state.run(run_id) for run_id in dict.fromkeys(wanted.model_run_ids)]
        merged = self._make(sources, wanted)
        work = partial(self._copy, merged.id, [run.id for run in sources])
        job = self._state.jobs.submit(MERGE_JOB, None, work)
        answer = {"job_id": job["job_id"], "model_run_id": merged.id, "dataset_ids": merged.dataset_ids}
        return json_response(answer, 202)

    def _make(self, sources: Sequence[Run], wanted: Merge) -> Run:
        model_ids = {run.model_id for run in sources}
        if len(sources) < 2 or len(model_ids) > 1:
            raise ApiError(400, "A merge needs two or more runs of one model.")
        model = self._state.model(sources[0].model_id)
        origin = {"merged_from_model_run_ids": [run.id for run in sources]}
        run = Run(
            id=self._state.ids.new("run"),
            model_id=model.id,
            name=wanted.name or model.name,
            metadata={**(wanted.metadata or {}), **origin},
            dataset_ids=list(dict.fromkeys(dataset_id for source in sources for dataset_id in source.dataset_ids)),
        )
        self._state.runs[run.id] = run
        return run

    def _copy(self, merged_id: str, source_ids: Sequence[str]) -> Outcome:
        merged = self._state.run(merged_id)
        counts = {"predictions_copied": 0, "predictions_ignored": 0, "annotation_ids_rewritten": 0}
        for source_id in source_ids:
            source = self._state.run(source_id).predictions
            for item_id in source.item_ids():
                for row in source.on(item_id):
                    counts[self._copy_row(merged, item_id, row, source_id)] += 1
        counts["predictions_copied"] += counts["annotation_ids_rewritten"]
        return Outcome({**counts, "model_run_id": merged_id})

    def _copy_row(self, merged: Run, item_id: str, row: Row, source_id: str) -> str:
        """Copy a row and return the count that it belongs to; an id that is taken is made another by the run's."""
        copied = msgspec.structs.replace(row)
        if merged.predictions.put(item_id, copied, update=False):
            return "predictions_copied"
        if isinstance(row, UNIDENTIFIED):
            return "predictions_ignored"
        copied.annotation_id = f"{row.annotation_id}-{source_id}"
        merged.predictions.put(item_id, copied, update=False)
        return "annotation_ids_rewritten"
