"""What MLflow takes in one request: more is sent in pieces, and what no piece can hold is refused beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from dragoman import InvalidData

Answered = Callable[..., Any]


class Asked:
    """A server with one model version. It keeps what was logged, and how much of it each request had."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.metrics: list[Any] = []
        self.params: list[Any] = []
        self.sizes: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.rpartition("/mlflow/")[2]
        self.paths.append(path)
        if path == "runs/log-batch":
            self._log(msgspec.json.decode(request.content))
        info = {"run_id": "r", "artifact_uri": "mlflow-artifacts:/1/r/artifacts", "status": "FINISHED"}
        run = {"info": info, "data": {"params": self.params, "metrics": self.metrics}}
        wire = {"name": "m", "version": "1", "run_id": "r", "source": "mlflow-artifacts:/1/r/artifacts/dragoman"}
        known = {"model_version": wire, "run": run, "experiment": {"experiment_id": "1"}}
        return httpx.Response(200, json=known)

    def _log(self, body: Any) -> None:
        self.metrics += body["metrics"]
        self.params += body["params"]
        self.sizes.append(len(body["metrics"]) + len(body["params"]))


def test_metrics_are_logged_in_pieces_of_a_thousand(answered_by: Answered) -> None:
    asked = Asked()
    answered_by(asked).versions.update("m/1", metrics={f"AP of class {number}": 0.5 for number in range(2001)})
    assert asked.sizes == [1000, 1000, 1]
    assert len({metric["key"] for metric in asked.metrics}) == 2001


def test_parameters_are_logged_in_pieces_of_a_hundred(answered_by: Answered) -> None:
    asked = Asked()
    backend = answered_by(asked)
    backend.versions.create("m", name="v", config={f"p{number}": number for number in range(150)})
    backend.versions.update("m/1", config={f"p{number}": number for number in range(260)})
    assert asked.sizes == [100, 50, 100, 10]
    assert [param["key"] for param in asked.params] == [f"p{number}" for number in range(260)]


@pytest.mark.parametrize("changes", [{"config": {"notes": "x" * 100_000}}, {"metrics": {"x" * 100_000: 0.5}}])
def test_what_no_tag_can_hold_is_refused_by_name_before_anything_is_changed(
    answered_by: Answered, changes: dict[str, Any]
) -> None:
    asked = Asked()
    backend = answered_by(asked)
    (field,) = changes
    with pytest.raises(InvalidData, match=r"takes 100000 at most") as caught:
        backend.versions.update("m/1", **changes)
    assert (caught.value.field, asked.paths) == (field, ["model-versions/get"])


def test_a_config_that_no_tag_can_hold_leaves_no_run_behind(answered_by: Answered) -> None:
    asked = Asked()
    with pytest.raises(InvalidData, match="config has"):
        answered_by(asked).versions.create("m", name="v", config={"notes": "x" * 100_000})
    assert asked.paths == []
