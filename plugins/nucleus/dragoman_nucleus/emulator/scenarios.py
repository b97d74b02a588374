"""Scenario tests: the evaluation functions that are offered, the criteria of a test, and its results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dragoman_nucleus.emulator.items import Json
from dragoman_nucleus.emulator.scorers import Arguments

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "greater_than": lambda score, threshold: score > threshold,
    "greater_than_equal_to": lambda score, threshold: score >= threshold,
    "less_than": lambda score, threshold: score < threshold,
    "less_than_equal_to": lambda score, threshold: score <= threshold,
}
DEFAULT_COMPARISON = "greater_than_equal_to"


@dataclass(kw_only=True)
class EvalFunction:
    """A function that is offered. An external one is computed by the user, who uploads the results."""

    id: str
    name: str
    external: bool = False
    level: str = "item"

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "is_public": not self.external,
            "is_external_function": self.external,
            "user_id": "user",
            "serialized_fn": None,
            "raw_source": None,
        }


@dataclass(kw_only=True)
class Criterion:
    """One function of a test, with what it must reach."""

    function: EvalFunction
    arguments: Arguments = field(default_factory=Arguments)
    threshold: float | None = None
    comparison: str = DEFAULT_COMPARISON

    def passes(self, score: float) -> bool:
        """Say whether a score is good enough; without a threshold every score is."""
        return self.threshold is None or COMPARISONS[self.comparison](score, self.threshold)


@dataclass(kw_only=True)
class ScenarioEvaluation:
    """What a function said of a model."""

    id: str
    test_id: str
    function_id: str
    model_id: str
    result: float
    passed: bool
    item_results: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "scenario_test_id": self.test_id,
            "eval_function_id": self.function_id,
            "model_id": self.model_id,
            "status": "completed",
            "result": self.result,
            "pass": self.passed,
        }


@dataclass(kw_only=True)
class ScenarioTest:
    id: str
    name: str
    slice_id: str
    criteria: dict[str, Criterion] = field(default_factory=dict)
    """By the id of the function."""
    baseline_model_id: str | None = None
    evaluations: list[ScenarioEvaluation] = field(default_factory=list)

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "slice_id": self.slice_id,
            "baseline_model_id": self.baseline_model_id,
        }
