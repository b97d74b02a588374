"""Training on the local backend: jobs in a durable queue, carried out by processes that outlive their caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData
from dragoman.interface import Trainings
from dragoman.schema import Item, Model, Status, Training, TrainingSource
from dragoman_local import workers
from dragoman_local.cluster.connection import require_ray
from dragoman_local.home import Home, home_of, settings_of
from dragoman_local.parameters import train_config
from dragoman_local.samples import LEARNED, TRAIN, VALIDATION, Example, examples, unseen_features
from dragoman_local.state import JobRequest

SHOWN = 10
"""How many features a message lists."""


class LocalTrainings(Trainings):
    """Queues jobs in the state and sees to it that workers take them."""

    def _submit(
        self,
        model: str,
        sources: Sequence[TrainingSource],
        pretrained: str | None,
        parameters: Mapping[str, Any],
    ) -> Training:
        home, settings = home_of(self), settings_of(self)
        if settings.engine == "ray":
            require_ray()
        target = home.catalog.model(model)
        start = _start(home, pretrained, target) if pretrained is not None else None
        chosen = {"device": settings.device, "threads": settings.threads, **parameters}
        config = train_config(target, chosen, start)
        found = examples(home, target, sources)
        _check_parts(found, target, config.patience)
        if config.unseen_features == "refuse":
            _check_features(found, target)
        request = JobRequest(
            model,
            tuple(source.model_dump(mode="json") for source in sources),
            pretrained,
            # What pydantic made of the values is plain JSON, so the worker reads what was checked here.
            config.model_dump(mode="json", include=set(chosen)),
            settings.processes,
            settings.engine,
            settings.ray_address,
        )
        training = str(uuid4())
        workers.submit(home, settings, training, request, _splits(found))
        return self._look(training)

    def _get(self, id: str) -> Training:
        training = self._look(id)
        # Who waits for a job, which is to get it again and again, would wait for ever.
        if training.status is Status.QUEUED and (trouble := home_of(self).starts.trouble()):
            raise trouble
        return training

    def _list(self, status: Status | None, cursor: str | None, size: int) -> Page[Training]:
        home = home_of(self)
        workers.look_at_all(home, settings_of(self))
        return home.jobs.list(status, cursor, size)

    def _cancel(self, id: str) -> Training:
        home, settings = home_of(self), settings_of(self)
        if not workers.look(home, settings, id).training.status.ended:
            workers.stop(home, settings, id, self._adapter.sleep)
        return self._look(id)

    def _delete(self, id: str) -> None:
        home = home_of(self)
        workers.look(home, settings_of(self), id)
        home.jobs.delete(id)
        home.remove_training(id)

    def _logs(self, id: str, cursor: str | None, size: int) -> Page[str]:
        home = home_of(self)
        ended = workers.look(home, settings_of(self), id).training.status.ended
        lines: list[str] = []
        offset = int(cursor or 0)
        with home.log(id).open("rb") as log:
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

    def _look(self, id: str) -> Training:
        return workers.look(home_of(self), settings_of(self), id).training


def _start(home: Home, version: str, model: Model) -> Path:
    """Return the weights to start from; their features may be others, their task may not."""
    path = home.weights(version)
    other = home.catalog.model(home.catalog.version(version).model)
    if other.task != model.task:
        raise InvalidData(f"Version {version} is for {other.task}, the model for {model.task}.", field="pretrained")
    return path


def _check_parts(found: Sequence[Example], model: Model, patience: int | None) -> None:
    parts = {example.split for example in found}
    if patience is not None and VALIDATION not in parts:
        raise InvalidData(
            "A patience needs labelled items to validate on, and there are none.",
            hint='Give some items the split "validation", or leave patience out.',
            field="parameters.patience",
        )
    if TRAIN in parts or model.task is None:
        return
    kinds = " or ".join("classification" if kind.kind == "whole" else kind.kind for kind in LEARNED[model.task])
    raise InvalidData(
        f"The dataset has no item to train on: none has the split 'train' or no split, and a {kinds} label.",
        hint="Write labels with labels.write, and check the items' splits.",
        field="dataset",
    )


def _check_features(found: Sequence[Example], model: Model) -> None:
    if unseen := unseen_features(found, model):
        shown = ", ".join(unseen[:SHOWN]) + f" and {len(unseen) - SHOWN} more" * (len(unseen) > SHOWN)
        raise InvalidData(
            f"Nothing to train on has these of the model's features: {shown}.",
            hint="Label some items with them, map other features to them with features={...}, train a model that has "
            'only the others, or go on without learning them with parameters={"unseen_features": "allow"}.',
            field="features",
        )


def _splits(found: Sequence[Example]) -> dict[str, dict[str, str]]:
    splits: dict[str, dict[str, str]] = {}
    for example in found:
        splits.setdefault(example.dataset, {})[example.item.key] = example.split
    return splits
