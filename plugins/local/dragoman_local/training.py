"""Training on the local backend: jobs in worker processes that outlive their caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData
from dragoman.interface import Trainings, whole_dataset
from dragoman.schema import Item, Model, Status, Task, Training, TrainingSource
from dragoman_local import workers
from dragoman_local.home import Home, home_of
from dragoman_local.parameters import train_config
from dragoman_local.samples import TRAIN, every, read_targets, split_of
from dragoman_local.state import JobRequest

if TYPE_CHECKING:
    from dragoman_local.settings import LocalSettings


class LocalTrainings(Trainings):
    """Queues jobs in the state and starts a worker process for each."""

    def _submit(
        self,
        model: str,
        sources: Sequence[TrainingSource],
        pretrained: str | None,
        parameters: Mapping[str, Any],
    ) -> Training:
        source = whole_dataset(sources)
        dataset, features = source.dataset, {label: names[0] for label, names in source.features.items()}
        home = home_of(self)
        target = home.catalog.model(model)
        settings = cast("LocalSettings", self._adapter.settings)
        start = _start(home, pretrained, target) if pretrained is not None else None
        chosen = {"device": settings.device, "threads": settings.threads, **parameters}
        config = train_config(target, chosen, start)
        splits = _splits(home, dataset, target, features)
        # What pydantic made of the values is plain JSON, so the worker reads what was checked here.
        plain = config.model_dump(mode="json", include=set(chosen))
        training = str(uuid4())
        request = JobRequest(model, dataset, dict(features), pretrained, plain)
        workers.submit(home, training, request, splits, config.threads)
        return self._get(training)

    def _get(self, id: str) -> Training:
        return workers.settled(home_of(self), id).training

    def _list(self, status: Status | None, cursor: str | None, size: int) -> Page[Training]:
        home = home_of(self)
        workers.settle_open(home)
        return home.jobs.list(status, cursor, size)

    def _cancel(self, id: str) -> Training:
        home = home_of(self)
        if not workers.settled(home, id).training.status.ended:
            workers.stop(home, id, self._adapter.sleep)
        return self._get(id)

    def _delete(self, id: str) -> None:
        home = home_of(self)
        workers.settled(home, id)
        home.jobs.delete(id)
        home.remove_training(id)

    def _logs(self, id: str, cursor: str | None, size: int) -> Page[str]:
        home = home_of(self)
        ended = workers.settled(home, id).training.status.ended
        path = home.training_folder(id) / workers.LOG
        lines: list[str] = []
        offset = int(cursor or 0)
        with path.open("rb") as log:
            log.seek(offset)
            for line in log:
                # A line without its end is still being written, unless nobody is left to write.
                if len(lines) == size or not (line.endswith(b"\n") or ended):
                    break
                lines.append(line.decode("utf-8", errors="replace").rstrip("\n"))
                offset += len(line)
        return Page(lines, str(offset) if len(lines) == size else None)

    def _data(self, id: str, cursor: str | None, size: int) -> Page[Item]:
        home = home_of(self)
        home.jobs.get(id)
        return home.jobs.items(id, cursor, size)


def _start(home: Home, version: str, model: Model) -> Path:
    """Return the weights to start from; their features may be others, their task may not."""
    path = home.weights(version)
    other = home.catalog.model(home.catalog.version(version).model)
    if other.task != model.task:
        raise InvalidData(f"Version {version} is for {other.task}, the model for {model.task}.", field="pretrained")
    return path


def _splits(home: Home, dataset: str, model: Model, features: Mapping[str, str]) -> dict[str, str]:
    """Return the split of each item that the model can be trained on, by key.

    Raises:
        NotFound: There is no such dataset.
        InvalidData: There is nothing to train on, or a label does not fit the model.
    """
    listed = every(lambda cursor, size: home.items.read(dataset, cursor, size))
    splits = {item.key: split for item in listed if (split := split_of(item))}
    labels = every(lambda cursor, size: home.labels.read((dataset,), None, cursor, size))
    targets = read_targets(labels, splits, model, features)
    used = {key: split for key, split in splits.items() if key in targets}
    if TRAIN not in used.values():
        wanted = "box" if model.task is Task.OBJECT_DETECTION else "classification"
        raise InvalidData(
            f"The dataset has no item to train on: none has the split 'train' or no split, and a {wanted} label.",
            hint="Write labels with labels.write, and check the items' splits.",
            field="dataset",
        )
    return used
