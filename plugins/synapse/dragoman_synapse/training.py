"""Training on Synapse: a job that runs the plugin's action `train` over a version of a ground truth dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import InvalidData, NotFound, Unsupported
from dragoman.interface import Trainings, whole_dataset
from dragoman.schema import Item, Status, Training, TrainingSource
from dragoman_synapse import ids
from dragoman_synapse.client import SynapseRefused
from dragoman_synapse.entries import Entry, model_in, version_in
from dragoman_synapse.jobs import WIRE, dataset_of, training_in
from dragoman_synapse.notes import Json, joined
from dragoman_synapse.pages import every, listed
from dragoman_synapse.versions import wire_name

SPLITS = {"train": {"category": "train"}, "valid": {"category": "validation"}, "test": {"category": "test"}}
"""Parts of a dataset to the filter that chooses their ground truths, as the SDK's base action has them."""
OTHERS = ("splits", "is_tune", "tune_config", "hyperparameters")
"""Parameters that are the job's own; all others are hyper-parameters, and the plugin says which it knows."""


class SynapseTrainings(Trainings):
    """Trainings through plugin runs and jobs; what the first interface lacks, through the second."""

    _adapter: Any

    def _submit(
        self, model: str, sources: Sequence[TrainingSource], pretrained: str | None, parameters: Mapping[str, Any]
    ) -> Training:
        source = whole_dataset(sources)
        if any(targets != (label,) for label, targets in source.features.items()):
            raise Unsupported("A plugin of Synapse trains on the classes as they are.", hint="Rename them beforehand.")
        known = model_in(self._adapter.entries.get(model))
        place = self._version(source.dataset)
        own = {name: parameters[name] for name in OTHERS if name in parameters}
        chosen = {name: value for name, value in parameters.items() if name not in OTHERS}
        params: Json = {
            "splits": SPLITS,
            "hyperparameters": [chosen],
            **own,
            "dataset": int(place.partition("@")[2]),
            # The SDK's base action gives the model that it makes this name and description.
            "name": wire_name(known.name, "training"),
            "description": joined("", {"model": model, "dataset": place}),
        }
        if (checkpoint := self._checkpoint(model, pretrained)) is not None:
            params["checkpoint"] = int(checkpoint)
        return training_in(self._adapter.runs.start("train", params))

    def _version(self, dataset: str) -> str:
        """Return the version of a dataset to train on: the one that is named, else the newest that is not archived."""
        key, version = ids.place(dataset)
        self._adapter.datasets.check(dataset)
        if version is not None:
            return dataset
        chosen = {"ground_truth_dataset": key, "is_archived": False}
        path, client = "ground_truth_dataset_versions/", self._adapter.client
        found = [one["id"] for one in every(lambda cursor: listed(client, path, chosen, cursor, 100))]
        if not found:
            raise InvalidData(
                f"Dataset {dataset} has no version, and Synapse trains on versions.",
                hint="truths.freeze makes one of its ground truths as they are.",
                field="dataset",
            )
        return f"{key}@{max(found)}"

    def _checkpoint(self, model: str, pretrained: str | None) -> str | None:
        if pretrained is not None:
            entry: Entry = self._adapter.entries.get(pretrained)
            version_in(entry)
            return entry.weights
        held = self._adapter.entries.get(model)
        return model if held.is_version else None

    def _job(self, training: str) -> Json:
        job: Json = self._adapter.client.get(f"jobs/{ids.job(training)}/")
        if job.get("action") not in (None, "train"):
            raise NotFound(f"There is no training {training}; the job of that id is a {job['action']}.")
        return job

    def _get(self, training: str) -> Training:
        return training_in(self._job(training))

    def _list(self, status: Status | None, cursor: str | None, size: int) -> Page[Training]:
        params = {"action": "train", "status": WIRE[status] if status else None}
        found = listed(self._adapter.client, "jobs/", params, cursor, size)
        # Which filters the platform honours is not public.
        jobs = [training_in(job) for job in found.rows if job.get("action") in (None, "train")]
        return Page([job for job in jobs if status in (None, job.status)], found.next)

    def _cancel(self, training: str) -> Training:
        self._job(training)
        try:
            self._adapter.client.post(f"v2/jobs/{training}/stop/", {})
        except SynapseRefused as refusal:
            # It has ended already.
            if refusal.status != 409:
                raise
        return self._get(training)

    _delete = Gap.impossible("Synapse keeps all jobs; its clients delete none.")

    def _logs(self, training: str, cursor: str | None, size: int) -> Page[str]:
        # All lines come in one answer.
        self._job(training)
        return Page(self._adapter.client.get(f"jobs/{training}/console_logs/")["logs"])

    def tail(self, training: str) -> Iterator[str]:
        """Yield the lines of a job's log as they are written, until it ends.

        Raises:
            NotFound: There is no such job.
            RateLimited: Too many follow logs already.
        """
        address = f"jobs/{ids.job(training)}/tail_console_logs/"
        lines = self._adapter.pipeline.stream(self.operations["logs"], self._adapter.client.lines, address)
        return (event["message"] for event in map(_event, lines) if event and event.get("type") == "log")

    def _data(self, training: str, cursor: str | None, size: int) -> Page[Item]:
        dataset = dataset_of(self._job(training))
        if dataset is None:
            raise NotFound(f"Training {training} was not submitted here, and does not say what it trains on.")
        page: Page[Item] = self._adapter.datasets._read_items(dataset, cursor, size)
        return page


def _event(line: str) -> Json:
    """Return what a line of a stream of events says; nothing where it carries no data."""
    if not line.startswith("data:"):
        return {}
    found = msgspec.json.decode(line.removeprefix("data:").strip())
    return found if isinstance(found, dict) else {"type": "log", "message": str(found)}
