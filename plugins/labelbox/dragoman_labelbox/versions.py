"""Versions on Labelbox: model runs, each of one model over data rows that are registered in it.

What a run has no field for (tags, metrics, metadata, its dataset) is kept in its config under the key `dragoman`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import InvalidData, Unsupported
from dragoman.interface import Versions
from dragoman.schema import Item, Status, Version
from dragoman_labelbox import queries
from dragoman_labelbox.items import item_in
from dragoman_labelbox.jobs import Waiter
from dragoman_labelbox.sdk import exceptions

KEPT = "dragoman"
REGISTERED_AT_ONCE = 10_000
"""Data rows of one registration; the SDK sends any number at once."""
RUN_PAGE = 100

SPLITS = {"train": "TRAINING", "validation": "VALIDATION", "test": "TEST"}
_SPLITS_IN = {there: here for here, there in SPLITS.items()}

STATUSES = {
    Status.QUEUED: "PREPARING_DATA",
    Status.RUNNING: "TRAINING_MODEL",
    Status.SUCCEEDED: "COMPLETE",
    Status.FAILED: "FAILED",
}
_STATUSES_IN = {there: here for here, there in STATUSES.items()} | {"EXPORTING_DATA": Status.QUEUED}


class LabelboxVersions(Versions):
    """Runs through `model.create_model_run` and `ModelRun`."""

    _adapter: Any

    def _create(self, version: Version) -> Version:
        model = self._adapter.client.get_model(version.model)
        kept = {"dataset": version.dataset, "tags": list(version.tags), "metadata": version.metadata}
        config = _config(version.config, kept)
        run = model.create_model_run(version.name)
        if config:
            # Config that comes with a new run is given back with its keys in camel case; an update keeps them.
            run.update_config(config)
        if version.dataset is not None:
            try:
                items = list(self._adapter.datasets.items_of(version.dataset))
            except exceptions.ResourceNotFoundError:
                # There is no such dataset, and so no such version.
                run.delete()
                raise
            self._register(run.uid, version.dataset, items)
        return version.model_copy(update={"id": run.uid})

    def _register(self, run: str, dataset: str, items: Sequence[Item]) -> None:
        """Put the data rows of a dataset into a run, with their splits and the labels of its project."""
        keys = self._adapter.keys(dataset)
        register(self._adapter, run, [keys.out(item.key) for item in items])
        for here, there in SPLITS.items():
            part = [keys.out(item.key) for item in items if item.split == here]
            for chunk in chunks(part):
                self._assign(run, there, chunk)
        for project in self._adapter.projects.all(dataset):
            made = self._adapter.client.execute(queries.REGISTER_PROJECT, {"modelRunId": run, "projectId": project.uid})
            where = {"where": {"id": next(iter(made.values()))}}
            Waiter(self._adapter).registration(queries.LABELS_STATUS, where, "registration of labels")

    def _assign(self, run: str, split: str, global_keys: list[str]) -> None:
        assignment = {"split": split, "dataRowIds": None, "globalKeys": global_keys}
        variables = {"modelRunId": run, "data": {"assignments": [assignment]}}
        made = self._adapter.client.execute(queries.ASSIGN_SPLIT, variables, experimental=True)
        task = {"id": next(iter(made.values()))}
        Waiter(self._adapter).registration(queries.SPLIT_STATUS, task, "assignment of a split", experimental=True)

    def _get(self, version: str) -> Version:
        return self._version(self._adapter.client.get_model_run(version))

    def _version(self, run: Any) -> Version:
        config = dict(run.training_metadata or {})
        kept = config.pop(KEPT, None) or {}
        variables = {"where": {"id": run.uid}}
        pipeline = self._adapter.client.execute(queries.STATUS, variables, experimental=True)["trainingPipeline"]
        return Version(
            id=run.uid,
            model=run.model_id,
            name=run.name,
            status=_STATUSES_IN.get((pipeline or {}).get("status") or ""),
            dataset=kept.get("dataset"),
            config=config,
            tags=tuple(kept.get("tags", ())),
            metrics=kept.get("metrics", {}),
            metadata=kept.get("metadata", {}),
            created_at=run.created_at,
        )

    def _list(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        runs = list(self._adapter.client.get_model(model).model_runs())
        start = int(cursor or 0)
        end = start + size
        return Page([self._version(run) for run in runs[start:end]], str(end) if end < len(runs) else None)

    def _update(self, version: str, changes: dict[str, Any]) -> Version:
        if "name" in changes:
            raise Unsupported("Labelbox renames no model run.", hint="Make a new version.")
        run = self._adapter.client.get_model_run(version)
        if status := changes.get("status"):
            self._set_status(run, Status(status))
        before = dict(run.training_metadata or {})
        kept = before.pop(KEPT, None) or {}
        kept |= {name: changes[name] for name in ("tags", "metrics") if name in changes}
        if changes.keys() & {"config", "tags", "metrics"}:
            # Labelbox replaces the config as a whole.
            run.update_config(_config(changes.get("config", before), kept))
        return self._get(version)

    def _set_status(self, run: Any, status: Status) -> None:
        if status not in STATUSES:
            raise InvalidData(
                f"Labelbox has no status {status}.", hint=f"It has: {', '.join(STATUSES)}.", field="status"
            )
        run.update_status(STATUSES[status])

    def _delete(self, version: str) -> None:
        self._adapter.client.get_model_run(version).delete()
        self._adapter.presences.pop(version, None)

    _download_weights = Gap.impossible("Labelbox keeps no weights.")
    _upload_weights = Gap.impossible("Labelbox keeps no weights.")

    def _data(self, version: str, cursor: str | None, size: int) -> Page[Item]:
        if cursor is None:
            config = self._adapter.client.get_model_run(version).training_metadata or {}
            dataset = (config.get(KEPT) or {}).get("dataset") or ""
            self._adapter.run_keys[version] = self._adapter.keys(dataset)
        keys = self._adapter.run_keys[version]
        variables = {"modelRunId": version, "from": cursor, "first": min(size, RUN_PAGE)}
        found = self._adapter.client.execute(queries.RUN_ROWS, variables)["annotationGroups"]
        items = []
        for node in found["nodes"]:
            item = item_in(node["dataRow"], keys)
            items.append(msgspec.structs.replace(item, split=_SPLITS_IN.get(node["dataSplit"])))
        return Page(items, found["pageInfo"]["endCursor"] or None)


def register(adapter: Any, run: str, global_keys: Iterable[str]) -> None:
    """Put data rows into a run. Those that are there, and keys that nobody has, are passed over."""
    for chunk in chunks(list(global_keys)):
        variables = {"modelRunId": run, "dataRowIds": None, "globalKeys": chunk}
        made = adapter.client.execute(queries.REGISTER_ROWS, variables)
        where = {"where": {"id": next(iter(made.values()))}}
        Waiter(adapter).registration(queries.ROWS_STATUS, where, "registration of data rows")


def chunks(keys: list[str]) -> Iterator[list[str]]:
    """Yield keys in pieces of the size of one registration."""
    for start in range(0, len(keys), REGISTERED_AT_ONCE):
        yield keys[start : start + REGISTERED_AT_ONCE]


def _config(config: dict[str, Any], kept: dict[str, Any]) -> dict[str, Any]:
    if KEPT in config:
        raise InvalidData(f"The config key {KEPT!r} is kept for Dragoman's own use.", field=f"config.{KEPT}")
    said = {name: value for name, value in kept.items() if value}
    return {**config, **({KEPT: said} if said else {})}
