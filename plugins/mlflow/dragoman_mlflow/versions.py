"""Versions on MLflow: model versions, each with a run that has its metrics and, where it was made here, its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import Unsupported
from dragoman.interface import Versions
from dragoman.schema import Version
from dragoman_mlflow.client import MlflowRefused
from dragoman_mlflow.codec import (
    FOLDER,
    WIRE,
    Place,
    is_ours,
    metric_names,
    number_out,
    params_in,
    params_out,
    version_in,
    version_tags,
)
from dragoman_mlflow.tags import Json, written


class MlflowVersions(Versions):
    """Versions through the calls for model versions, and those for runs."""

    _adapter: Any

    def _create(self, version: Version) -> Version:
        runs, now, tags = self._adapter.runs, self._adapter.now(), version_tags(version)
        run = runs.create(version.name or version.model, now)
        key, source = run["info"]["run_id"], f"{run['info']['artifact_uri']}/{FOLDER}"
        try:
            wire = self._adapter.registry.create_version(version.model, source, key, tags)
        except MlflowRefused as refusal:
            if refusal.status < 500:
                runs.delete(key)
            raise
        runs.log(key, params=params_out(version.config))
        # Nothing runs; what is known of the training's state is told by an update.
        runs.update(key, "FINISHED", now)
        return version_in(wire, run)

    def _get(self, version: str) -> Version:
        wire = self._adapter.registry.version(Place.of(version))
        return version_in(wire, self._run(wire))

    def _run(self, wire: Json) -> Json | None:
        run: Json | None = self._adapter.runs.get(wire["run_id"]) if wire.get("run_id") else None
        return run

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        registry = self._adapter.registry
        if cursor is None:
            # A search for the versions of no model finds none.
            registry.model(model)
        found = registry.versions(model, cursor, size)
        runs = self._adapter.runs.of([wire["run_id"] for wire in found.rows if wire.get("run_id")])
        return Page([version_in(wire, runs.get(wire.get("run_id") or "")) for wire in found.rows], found.next)

    def _update(self, version: str, changes: dict[str, Any]) -> Version:
        wire = self._adapter.registry.version(Place.of(version))
        facts: Json = {name: changes[name] for name in ("name", "status", "config", "tags") if name in changes}
        if "metrics" in changes:
            # The names that MLflow knows them by.
            facts["metrics"] = metric_names(changes["metrics"])
        # What no tag can hold is refused before anything is logged.
        tags = written(facts)
        if "metrics" in changes:
            self._log_metrics(wire, changes["metrics"], facts["metrics"])
        if "config" in changes:
            self._log_params(wire, changes["config"])
        if "status" in changes and wire.get("run_id"):
            status = changes["status"]
            self._adapter.runs.update(wire["run_id"], WIRE[status], self._adapter.now() if status.ended else None)
        self._adapter.registry.tag_version(wire, tags)
        return self._get(f"{wire['name']}/{wire['version']}")

    def _log_metrics(self, wire: Json, metrics: Mapping[str, float], names: Mapping[str, str]) -> None:
        """Log values that count from now on, under the names that MLflow takes."""
        if not wire.get("run_id"):
            raise Unsupported(
                "This version was registered without a run, and MLflow keeps metrics with runs.", field="metrics"
            )
        known = self._adapter.runs.get(wire["run_id"])["data"].get("metrics") or ()
        steps = {metric["key"]: int(metric.get("step") or 0) for metric in known}
        now = self._adapter.now()
        logged = [
            # The value of the last step counts, so this is the step after it.
            {"key": names[name], "value": number_out(value), "timestamp": now, "step": steps.get(names[name], -1) + 1}
            for name, value in metrics.items()
        ]
        self._adapter.runs.log(wire["run_id"], metrics=logged)

    def _log_params(self, wire: Json, config: Mapping[str, Any]) -> None:
        """Log the parameters that are new: MLflow changes none, so a tag has the config that counts."""
        if (run := self._run(wire)) is not None:
            known = params_in(run.get("data") or {})
            self._adapter.runs.log(
                wire["run_id"], params=[one for one in params_out(config) if one["key"] not in known]
            )

    def _delete(self, version: str) -> None:
        wire = self._adapter.registry.version(Place.of(version))
        self._adapter.registry.delete_version(wire)
        if is_ours(wire):
            self._adapter.runs.delete(wire["run_id"])

    def _download_weights(self, version: str, path: Path) -> Path:
        wire = self._adapter.registry.version(Place.of(version))
        saved: Path = self._adapter.weights.download(wire, path)
        return saved

    def _upload_weights(self, version: str, path: Path) -> Version:
        wire = self._adapter.registry.version(Place.of(version))
        self._adapter.weights.upload(wire, path)
        return self._get(version)

    _data = Gap.impossible("MLflow knows the names of a run's datasets, and none of their items.")
