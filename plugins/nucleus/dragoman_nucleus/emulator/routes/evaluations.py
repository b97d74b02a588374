"""Routes about evaluations as such: measuring a model by a benchmark, listing, stopping, repeating, deletion."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError, json_response, read_json
from dragoman_nucleus.emulator.detections import Case, Classes, RollupGroup, check_groups
from dragoman_nucleus.emulator.evaluations import Benchmark, Evaluation, EvaluationSettings
from dragoman_nucleus.emulator.exclusions import AnyRule, item_excluded, rows_left
from dragoman_nucleus.emulator.items import Json, found
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.overlap import comparable
from dragoman_nucleus.emulator.routes.names import delete, get, post
from dragoman_nucleus.emulator.state import State

EVALUATION_JOB = "triggerEvaluate"


class NewEvaluation(msgspec.Struct):
    model_id: str | None = None
    model_run_id: str | None = None
    name: str | None = None
    rollup_groups: list[RollupGroup] | None = msgspec.field(default=None, name="rollupGroups")
    exclusion_rules: list[AnyRule] | None = msgspec.field(default=None, name="exclusionRules")


NEW_EVALUATION = msgspec.json.Decoder(NewEvaluation)


class Evaluations:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("benchmarks/{benchmark}/evaluationsV2", self.create),
            get("model/{model}/evaluationsV2", self.of_model),
            get("modelRun/{run}/evaluationsV2", self.of_run),
            get("evaluationsV2/{evaluation}", self.one),
            delete("evaluationsV2/{evaluation}", self.delete),
            post("evaluationsV2/{evaluation}/cancel", self.cancel),
            post("evaluationsV2/{evaluation}/retry", self.retry),
        ]

    def _named(self, request: Request) -> Evaluation:
        return found(self._state.evaluations, request.path_params["evaluation"], "Evaluation")

    async def create(self, request: Request) -> object:
        benchmark = found(self._state.benchmarks, request.path_params["benchmark"], "Benchmark")
        wanted = await read_json(request, NEW_EVALUATION)
        if (wanted.model_id is None) == (wanted.model_run_id is None):
            raise ApiError(400, "Exactly one of model_id and model_run_id is needed.")
        check_groups(wanted.rollup_groups or ())
        if benchmark.status != "ready":
            raise ApiError(409, f"Benchmark {benchmark.id} is {benchmark.status}.")
        settings = EvaluationSettings(
            benchmark_id=benchmark.id,
            model_id=self._model_id(wanted),
            run_id=wanted.model_run_id,
            name=wanted.name,
            rollup_groups=wanted.rollup_groups,
            exclusion_rules=wanted.exclusion_rules,
            classes=_classes(benchmark, wanted.rollup_groups),
        )
        return self._start(settings)

    def _model_id(self, wanted: NewEvaluation) -> str:
        if wanted.model_run_id is not None:
            return self._state.run(wanted.model_run_id).model_id
        return self._state.model(wanted.model_id or "").id

    def _start(self, settings: EvaluationSettings) -> object:
        evaluation = Evaluation(id=self._state.ids.new("evalv2"), settings=settings, created=self._state.clock.now())
        self._state.evaluations[evaluation.id] = evaluation
        evaluation.job = self._state.jobs.start(EVALUATION_JOB, None, partial(self._compute, evaluation))
        return json_response({"evaluation_id": evaluation.id}, 202)

    def _compute(self, evaluation: Evaluation) -> Outcome:
        evaluation.predictions = self._state.evaluated(evaluation)
        evaluation.cases = list(self._cases(evaluation))
        return Outcome({"evaluation_id": evaluation.id})

    def _cases(self, evaluation: Evaluation) -> Iterator[Case]:
        benchmark = found(self._state.benchmarks, evaluation.settings.benchmark_id, "Benchmark")
        predictions, rules = evaluation.predictions, evaluation.settings.exclusion_rules or []
        for item_id in benchmark.item_ids:
            item = self._state.item(item_id)
            ground_truth = self._state.dataset(item.dataset_id).ground_truth
            evaluation.ground_truth[item.dataset_id] = ground_truth
            labels = comparable(ground_truth.on(item_id))
            made = comparable(predictions.on(item_id))
            if item_excluded(rules, item, labels, made):
                evaluation.excluded.items += 1
                continue
            labels_left, made_left = rows_left(rules, "groundTruth", labels), rows_left(rules, "prediction", made)
            evaluation.excluded.ground_truth += len(labels) - len(labels_left)
            evaluation.excluded.predictions += len(made) - len(made_left)
            yield Case(item, labels_left, made_left, evaluation.settings.classes)

    async def of_model(self, request: Request) -> object:
        model = self._state.model(request.path_params["model"])
        return self._shown(model.id, None)

    async def of_run(self, request: Request) -> object:
        run = self._state.run(request.path_params["run"])
        return self._shown(run.model_id, run.id)

    def _shown(self, model_id: str, run_id: str | None) -> list[Json]:
        """Return the evaluations of a model without a run, or of a run, the newest first."""
        anchor = (model_id, run_id)
        newest_first = reversed(self._state.evaluations.values())
        return [one.to_json() for one in newest_first if (one.settings.model_id, one.settings.run_id) == anchor]

    async def one(self, request: Request) -> object:
        evaluation = self._named(request)
        if evaluation.job is not None:
            evaluation.job.poll()
        return evaluation.to_json()

    async def delete(self, request: Request) -> object:
        del self._state.evaluations[self._named(request).id]
        return Response(status_code=204)

    async def cancel(self, request: Request) -> object:
        evaluation = self._named(request)
        if evaluation.job is None or evaluation.job.work is None:
            raise ApiError(409, f"Evaluation {evaluation.id} is {evaluation.status}.")
        evaluation.job.cancel()
        return Response(status_code=204)

    async def retry(self, request: Request) -> object:
        """Start a new evaluation with the settings of one that failed."""
        failed = self._named(request)
        if failed.status != "failed":
            raise ApiError(409, f"Evaluation {failed.id} is {failed.status}.")
        return self._start(failed.settings)


def _classes(benchmark: Benchmark, groups: list[RollupGroup] | None) -> Classes:
    """Return the classes of an evaluation: its own groups, or else what the benchmark says."""
    if groups is not None:
        return Classes(groups)
    return Classes(benchmark.rollup_groups or (), bool(benchmark.class_agnostic))
