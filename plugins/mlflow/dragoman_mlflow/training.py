"""Trainings on MLflow: recorded runs. They run elsewhere; MLflow is told of them."""

from __future__ import annotations

from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import Conflict, NotFound
from dragoman.interface import Trainings
from dragoman.schema import Status, Training
from dragoman_mlflow.codec import WIRE, log_line, training_in, version_id
from dragoman_mlflow.tags import Json


class MlflowTrainings(Trainings):
    """Trainings through the calls for runs."""

    _adapter: Any

    _submit = Gap.impossible("MLflow records trainings that run elsewhere, and starts none.")

    def _get(self, training: str) -> Training:
        run = self._run(training)
        return training_in(run, self._versions([run]).get(training))

    def _run(self, training: str) -> Json:
        run: Json = self._adapter.runs.get(training)
        if run["info"].get("lifecycle_stage") == "deleted":
            raise NotFound(f"The run {training} was deleted.", hint="MLflow's own client restores it.")
        return run

    def _versions(self, runs: list[Json]) -> dict[str, Json]:
        found: dict[str, Json] = self._adapter.registry.versions_of_runs([run["info"]["run_id"] for run in runs])
        return found

    def _list(self, status: Status | None, cursor: str | None, size: int) -> Page[Training]:
        chosen = f"attributes.status = '{WIRE[status]}'" if status is not None else None
        found = self._adapter.runs.search(chosen, cursor, size)
        versions = self._versions(found.rows)
        return Page([training_in(run, versions.get(run["info"]["run_id"])) for run in found.rows], found.next)

    _cancel = Gap.impossible(
        "MLflow stops no run; it is only told.", instead='versions.update(status="cancelled") when it has stopped'
    )

    def _delete(self, training: str) -> None:
        run = self._run(training)
        if not training_in(run, None).status.ended:
            raise Conflict(f"The run {training} has not ended.")
        if (version := self._versions([run]).get(training)) is not None:
            raise Conflict(
                f"The version {version_id(version)} has its metrics and files in the run {training}.",
                hint="versions.delete deletes both.",
            )
        self._adapter.runs.delete(training)

    def _logs(self, training: str, cursor: str | None, size: int) -> Page[str]:
        # MLflow keeps what was logged by metric; a log is what all of them say in the order of time.
        known = self._run(training)["data"].get("metrics") or ()
        logged = [value for metric in known for value in self._adapter.runs.history(training, metric["key"])]
        logged.sort(key=lambda value: (int(value["timestamp"]), int(value.get("step") or 0), value["key"]))
        return Page([log_line(value) for value in logged])

    _data = Gap.impossible("MLflow knows the names of a run's datasets, and none of their items.")
