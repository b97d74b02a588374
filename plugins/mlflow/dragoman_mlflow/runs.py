"""MLflow's runs and experiments, as far as they are used: their calls, and none of their meaning."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman_mlflow.client import MlflowClient, MlflowRefused
from dragoman_mlflow.pages import MOST, Listed, every, listed
from dragoman_mlflow.tags import Json

EXPERIMENTS = 1000
HISTORY = 5000
"""Logged values of a metric that are asked for at once."""
METRICS, PARAMS = 1000, 100
"""Metrics, and parameters, that MLflow takes in one request."""


class Runs:
    """Runs of one MLflow.

    Args:
        client: Sends the requests.
        experiment: Name of the experiment that gets the runs made here.
    """

    def __init__(self, client: MlflowClient, experiment: str) -> None:
        self._client = client
        self._experiment = experiment
        self._home: str | None = None

    def create(self, name: str, started: int) -> Json:
        """Begin a run.

        Args:
            name: Its name.
            started: When, in milliseconds since 1970.
        """
        body = {"experiment_id": self.home, "run_name": name, "start_time": started}
        made: Json = self._client.post("runs/create", **body)["run"]
        return made

    @property
    def home(self) -> str:
        """Id of the experiment that gets the runs; it is made when it is missing."""
        if self._home is None:
            self._home = self._named() or self._made()
        return self._home

    def _named(self) -> str | None:
        try:
            answer = self._client.get("experiments/get-by-name", experiment_name=self._experiment)
        except MlflowRefused as refusal:
            if refusal.code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        found: str = answer["experiment"]["experiment_id"]
        return found

    def _made(self) -> str:
        try:
            made: str = self._client.post("experiments/create", name=self._experiment)["experiment_id"]
        except MlflowRefused as refusal:
            # Somebody else was quicker.
            if refusal.code != "RESOURCE_ALREADY_EXISTS" or (found := self._named()) is None:
                raise
            return found
        return made

    def get(self, run: str) -> Json:
        """Return a run, deleted or not."""
        found: Json = self._client.get("runs/get", run_id=run)["run"]
        return found

    def update(self, run: str, status: str, ended: int | None) -> None:
        """Change the status of a run, and say when it ended if it has."""
        self._client.post("runs/update", run_id=run, status=status, end_time=ended)

    def log(self, run: str, *, metrics: list[Json] | None = None, params: list[Json] | None = None) -> None:
        """Log metrics and parameters, in as many requests as MLflow's limits make of them."""
        for part in _parts(metrics or [], METRICS):
            self._client.post("runs/log-batch", run_id=run, metrics=part, params=[])
        for part in _parts(params or [], PARAMS):
            self._client.post("runs/log-batch", run_id=run, metrics=[], params=part)

    def delete(self, run: str) -> None:
        """Mark a run as deleted."""
        self._client.post("runs/delete", run_id=run)

    def search(
        self, chosen: str | None, token: str | None, size: int, *, view: str = "ACTIVE_ONLY", newest_first: bool = True
    ) -> Listed:
        """Return a page of the runs of all experiments.

        Args:
            chosen: MLflow's filter.
            token: The page; the first one if not given.
            size: Runs in it.
            view: Whether those marked as deleted are among them (`ALL`).
            newest_first: Whether they are in order.
        """
        order = ["attributes.start_time DESC"] if newest_first else None
        body = {"experiment_ids": self._experiments(), "run_view_type": view, "order_by": order}
        answer = self._client.post("runs/search", **body, filter=chosen, max_results=min(size, MOST), page_token=token)
        return listed(answer, "runs")

    def of(self, runs: list[str]) -> dict[str, Json]:
        """Return those runs that there are, by id, deleted or not."""
        if not runs:
            return {}
        names = ", ".join(f"'{run}'" for run in runs)
        chosen = f"attributes.run_id IN ({names})"
        found = every(lambda token: self.search(chosen, token, MOST, view="ALL", newest_first=False))
        return {run["info"]["run_id"]: run for run in found}

    def history(self, run: str, metric: str) -> Iterator[Json]:
        """Yield all logged values of a metric."""

        def page(token: str | None) -> Listed:
            params = {"run_id": run, "metric_key": metric, "max_results": HISTORY}
            answer = self._client.get("metrics/get-history", **params, **({"page_token": token} if token else {}))
            return listed(answer, "metrics")

        return every(page)

    def _experiments(self) -> list[str]:
        def page(token: str | None) -> Listed:
            body = {"max_results": EXPERIMENTS, "page_token": token}
            return listed(self._client.post("experiments/search", **body), "experiments")

        return [experiment["experiment_id"] for experiment in every(page)]


def _parts(rows: list[Json], most: int) -> Iterator[list[Json]]:
    return (rows[start : start + most] for start in range(0, len(rows), most))
