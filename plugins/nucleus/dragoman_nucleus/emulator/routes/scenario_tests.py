"""Routes about scenario tests as such, below `validate/`: functions, creation, criteria, contents, deletion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.routing import Route

from dragoman.emulate.app import ApiError, read_json
from dragoman_nucleus.emulator.items import found
from dragoman_nucleus.emulator.routes.names import delete, get, post
from dragoman_nucleus.emulator.scenarios import Criterion, EvalFunction, ScenarioTest
from dragoman_nucleus.emulator.scorers import Arguments
from dragoman_nucleus.emulator.state import State


class NewFunction(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^\S+$")]
    is_external_function: bool
    level: str | None = None


class WantedFunction(msgspec.Struct):
    id: str
    eval_func_arguments: Arguments = msgspec.field(default_factory=Arguments)


class NewTest(msgspec.Struct):
    name: str
    slice_id: str
    evaluation_functions: Annotated[list[WantedFunction], Meta(min_length=1)]


class AddedFunction(msgspec.Struct):
    scenario_test_name: str
    eval_function_id: str


class Threshold(msgspec.Struct):
    threshold: float | None = None


NEW_FUNCTION = msgspec.json.Decoder(NewFunction)
NEW_TEST = msgspec.json.Decoder(NewTest)
ADDED_FUNCTION = msgspec.json.Decoder(AddedFunction)
THRESHOLD = msgspec.json.Decoder(Threshold)


class ScenarioTests:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        one = "validate/scenario_test/{test}"
        return [
            get("validate/eval_fn", self.functions),
            post("validate/eval_fn", self.create_function),
            post("validate/scenario_test", self.create),
            get("validate/scenario_test/details", self.all),
            get(one, self.one),
            delete(one, self.delete),
            get(f"{one}/info", self.info),
            get(f"{one}/metrics", self.criteria),
            get(f"{one}/items", self.items),
            post(f"{one}/set_baseline_model/{{model}}", self.set_baseline),
            post("validate/scenario_test_eval_function", self.add_function),
            post("validate/metric/set_threshold/{test}/{function}", self.set_threshold),
        ]

    def _named(self, request: Request) -> ScenarioTest:
        return found(self._state.scenario_tests, request.path_params["test"], "Scenario test")

    def _function(self, function_id: str) -> EvalFunction:
        return found(self._state.eval_functions, function_id, "Evaluation function")

    async def functions(self, request: Request) -> object:
        return {"eval_functions": [function.to_json() for function in self._state.eval_functions.values()]}

    async def create_function(self, request: Request) -> object:
        wanted = await read_json(request, NEW_FUNCTION)
        if not wanted.is_external_function:
            raise ApiError(400, "Only external functions can be made.")
        _check_name(wanted.name, self._state.eval_functions.values(), "Evaluation function")
        function = EvalFunction(
            id=self._state.ids.new("ef"), name=wanted.name, external=True, level=wanted.level or "item"
        )
        self._state.eval_functions[function.id] = function
        return {"eval_fn": function.to_json()}

    async def create(self, request: Request) -> object:
        wanted = await read_json(request, NEW_TEST)
        _check_name(wanted.name, self._state.scenario_tests.values(), "Scenario test")
        test = ScenarioTest(
            id=self._state.ids.new("ut"), name=wanted.name, slice_id=self._state.slice(wanted.slice_id).id
        )
        for one in wanted.evaluation_functions:
            test.criteria[one.id] = Criterion(function=self._function(one.id), arguments=one.eval_func_arguments)
        _check_mixture(criterion.function for criterion in test.criteria.values())
        self._state.scenario_tests[test.id] = test
        return {"scenario_test_id": test.id}

    async def all(self, request: Request) -> object:
        return [test.to_json() for test in self._state.scenario_tests.values()]

    async def one(self, request: Request) -> object:
        return {"unit_test": self._named(request).to_json()}

    async def info(self, request: Request) -> object:
        return self._named(request).to_json()

    async def delete(self, request: Request) -> object:
        del self._state.scenario_tests[self._named(request).id]
        return {"success": True}

    async def criteria(self, request: Request) -> object:
        test = self._named(request)
        return {"scenario_test_metrics": [_shown(test, criterion) for criterion in test.criteria.values()]}

    async def items(self, request: Request) -> object:
        part = self._state.slice(self._named(request).slice_id)
        dataset, items = self._state.dataset(part.dataset_id), self._state.slice_items(part)
        scene_ids = {item.scene_id for item in items}
        rows = (row for item in items for row in dataset.ground_truth.on(item.id))
        named = {row.track_reference_id for row in rows}
        return {
            "dataset_items": [item.to_json() for item in items],
            "scenes": [scene.to_json() for scene in dataset.scenes if scene.id in scene_ids],
            "tracks": [dataset.track_json(track_id) for track_id in dataset.tracks if track_id in named],
        }

    async def set_baseline(self, request: Request) -> object:
        """Make a model the baseline: what it reached becomes the threshold of every function."""
        test = self._named(request)
        model = self._state.model(request.path_params["model"])
        reached = {one.function_id: one.result for one in test.evaluations if one.model_id == model.id}
        if not reached:
            raise ApiError(400, f"Scenario test {test.id} was not evaluated with model {model.id}.")
        for function_id, criterion in test.criteria.items():
            criterion.threshold = reached.get(function_id, criterion.threshold)
        test.baseline_model_id = model.id
        return test.to_json()

    async def add_function(self, request: Request) -> object:
        wanted = await read_json(request, ADDED_FUNCTION)
        named = [test for test in self._state.scenario_tests.values() if test.name == wanted.scenario_test_name]
        if not named:
            raise ApiError(404, f"Scenario test {wanted.scenario_test_name} does not exist.")
        (test,) = named
        criterion = Criterion(function=self._function(wanted.eval_function_id))
        _check_mixture([criterion.function, *(known.function for known in test.criteria.values())])
        test.criteria[wanted.eval_function_id] = criterion
        return _shown(test, criterion)

    async def set_threshold(self, request: Request) -> object:
        test = self._named(request)
        criterion = found(test.criteria, request.path_params["function"], "Evaluation function")
        criterion.threshold = (await read_json(request, THRESHOLD)).threshold
        return {"threshold": criterion.threshold}


def _check_name(name: str, known: Iterable[EvalFunction | ScenarioTest], noun: str) -> None:
    if any(one.name == name for one in known):
        raise ApiError(409, f"{noun} {name} exists already.")


def _check_mixture(functions: Iterable[EvalFunction]) -> None:
    if len({function.external for function in functions}) > 1:
        raise ApiError(400, "External functions cannot be mixed with others.")


def _shown(test: ScenarioTest, criterion: Criterion) -> dict[str, Any]:
    return {
        "scenario_test_id": test.id,
        "eval_function_id": criterion.function.id,
        "threshold": criterion.threshold,
        "threshold_comparison": criterion.comparison,
        "eval_func_arguments": msgspec.to_builtins(criterion.arguments),
    }
