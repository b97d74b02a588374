"""Routes that evaluate models on scenario tests, take results that were computed elsewhere, and show all results."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.items import Item, found
from dragoman_nucleus.emulator.jobs import Outcome
from dragoman_nucleus.emulator.models import Model
from dragoman_nucleus.emulator.routes.names import get, post
from dragoman_nucleus.emulator.rows import Rows
from dragoman_nucleus.emulator.scenarios import Criterion, ScenarioEvaluation, ScenarioTest
from dragoman_nucleus.emulator.scorers import SCORERS, Score, overall
from dragoman_nucleus.emulator.state import State

TEST_JOB, METRICS_JOB = "testEvaluation", "modelMetrics"


class TestNames(msgspec.Struct):
    test_names: list[str]


class UploadedResults(msgspec.Struct):
    unit_test_id: str
    eval_function_id: str
    model_id: str
    result_per_ref_id: dict[str, float]
    weight_per_ref_id: dict[str, float]
    overall_metric: float
    level: Literal["item", "scene", "track"] | None = None


TEST_NAMES = msgspec.json.Decoder(TestNames)
UPLOADED_RESULTS = msgspec.json.Decoder(UploadedResults)


class ScenarioEvaluations:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            post("validate/scenario_test/upload_results", self.upload),
            get("validate/scenario_test/{test}/eval_history/details", self.history),
            get("validate/eval/{evaluation}/info", self.one),
            post("validate/{model}/evaluate", self.evaluate),
            post("validate/{model}/metrics", self.metrics),
        ]

    def _test(self, test_id: str) -> ScenarioTest:
        return found(self._state.scenario_tests, test_id, "Scenario test")

    async def evaluate(self, request: Request) -> object:
        model = self._state.model(request.path_params["model"])
        names = (await read_json(request, TEST_NAMES)).test_names
        tests = [test for test in self._state.scenario_tests.values() if test.name in names]
        if missing := sorted(set(names) - {test.name for test in tests}):
            raise ApiError(404, f"Scenario tests {missing} do not exist.")
        work = partial(self._evaluate, model.id, [test.id for test in tests])
        return self._state.jobs.submit(TEST_JOB, None, work)

    async def metrics(self, request: Request) -> object:
        """Evaluate a model on all tests, one job for each."""
        model = self._state.model(request.path_params["model"])
        works = [partial(self._evaluate, model.id, [test_id]) for test_id in self._state.scenario_tests]
        return [self._state.jobs.submit(METRICS_JOB, None, work) for work in works]

    def _evaluate(self, model_id: str, test_ids: Sequence[str]) -> Outcome:
        model = self._state.model(model_id)
        made = [
            self._measure(test, criterion, model)
            for test in map(self._test, test_ids)
            for criterion in test.criteria.values()
            if not criterion.function.external
        ]
        return Outcome({"evaluation_ids": made})

    def _measure(self, test: ScenarioTest, criterion: Criterion, model: Model) -> str:
        """Apply a function to a model and return the id of the evaluation."""
        part = self._state.slice(test.slice_id)
        dataset = self._state.dataset(part.dataset_id)
        predictions = self._predictions(model, dataset.id)
        score = SCORERS[criterion.function.name]
        scores = [
            (item, score(item, dataset.ground_truth.on(item.id), predictions.on(item.id), criterion.arguments))
            for item in self._state.slice_items(part)
        ]
        result = overall([one for _, one in scores], criterion.arguments)
        return self._keep(test, criterion, model.id, result, scores)

    def _predictions(self, model: Model, dataset_id: str) -> Rows:
        """Return what a model says of a dataset: in its youngest run there, else without a run."""
        run = self._state.latest_run(model.id, dataset_id)
        return model.predictions if run is None else run.predictions

    def _keep(
        self,
        test: ScenarioTest,
        criterion: Criterion,
        model_id: str,
        result: float,
        scores: Sequence[tuple[Item, Score]],
    ) -> str:
        evaluation = ScenarioEvaluation(
            id=self._state.ids.new("ute"),
            test_id=test.id,
            function_id=criterion.function.id,
            model_id=model_id,
            result=result,
            passed=criterion.passes(result),
        )
        evaluation.item_results = [
            {
                "evaluation_id": evaluation.id,
                "scenario_test_id": test.id,
                "eval_function_id": criterion.function.id,
                "dataset_item_id": item.id,
                "result": score.value,
                "pass": criterion.passes(score.value),
            }
            for item, score in scores
        ]
        test.evaluations.append(evaluation)
        return evaluation.id

    async def upload(self, request: Request) -> object:
        wanted = await read_json(request, UPLOADED_RESULTS)
        test = self._test(wanted.unit_test_id)
        criterion = found(test.criteria, wanted.eval_function_id, "Evaluation function")
        model = self._state.model(wanted.model_id)
        scores = self._scores(test, wanted) if wanted.level in ("item", None) else []
        return {"evaluation_id": self._keep(test, criterion, model.id, wanted.overall_metric, scores)}

    def _scores(self, test: ScenarioTest, wanted: UploadedResults) -> list[tuple[Item, Score]]:
        """Return the scores that were uploaded with their items, all of which are in the test."""
        items = {item.reference_id: item for item in self._state.slice_items(self._state.slice(test.slice_id))}
        return [
            (found(items, key, "Item with reference id"), Score(value, wanted.weight_per_ref_id.get(key, 1.0)))
            for key, value in wanted.result_per_ref_id.items()
        ]

    async def history(self, request: Request) -> object:
        return [evaluation.to_json() for evaluation in self._test(request.path_params["test"]).evaluations]

    async def one(self, request: Request) -> object:
        evaluations = (one for test in self._state.scenario_tests.values() for one in test.evaluations)
        evaluation = found({one.id: one for one in evaluations}, request.path_params["evaluation"], "Evaluation")
        return {
            "scenario_test_evaluation": evaluation.to_json(),
            "scenario_test_item_evaluations": evaluation.item_results,
        }
