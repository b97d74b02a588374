"""Training on Encord. A job and the version that it makes have one id.

Labels of several projects may be trained on at a time: `parameters["features"]` maps each project to its features and
the model's features that each stands for, and `parameters["labels"]` names the label rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from encord.api.ml_endpoints import _api_ml_get_training_status
from encord.objects.ml_models import ModelPretrainedWeightsType

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import InvalidData
from dragoman.interface import Trainings, check_parameters
from dragoman.schema import Item, Model, Progress, Status, Task, Training
from dragoman_encord.ids import checked, pair, parts
from dragoman_encord.labelrows import MAIN, LabelRows
from dragoman_encord.structure import Structure
from dragoman_encord.versions import training_data

DEFAULTS: dict[str, Any] = {"epochs": 10, "batch_size": 8, "weights": None, "labels": None, "features": None}
"""Parameters of a training and what they are when they are not given."""
GEOMETRY = {
    Task.CLASSIFICATION: "whole",
    Task.OBJECT_DETECTION: "box",
    Task.INSTANCE_SEGMENTATION: "polygon",
}
"""Task to the geometry of the labels that it is trained on."""
STATUSES = {"pending": Status.RUNNING, "done": Status.SUCCEEDED, "error": Status.FAILED}


class EncordTrainings(Trainings):
    """Trainings through `MlModelsClient`; their status is asked for without waiting."""

    _adapter: Any

    def _submit(
        self, model: str, dataset: str, features: dict[str, str], pretrained: str | None, parameters: dict[str, Any]
    ) -> Training:
        check_parameters(parameters, DEFAULTS)
        chosen = {**DEFAULTS, **parameters}
        for name in ("epochs", "batch_size"):
            if not isinstance(chosen[name], int) or chosen[name] < 1:
                raise InvalidData(f"{name} is {chosen[name]!r}; it is at least 1.", field=f"parameters.{name}")
        weights = _weights(chosen["weights"])
        known = self._adapter.models._get(model)
        mapping = self._mapping(known, dataset, features, chosen["features"])
        start = parts(pretrained, "version")[1] if pretrained else None
        key = self._adapter.client.ml.create_training_job(
            model_uuid=checked(model, "model"),
            batch_size=chosen["batch_size"],
            epochs=chosen["epochs"],
            features_mapping=mapping,
            labels_uuids=chosen["labels"] or self._labels(dataset),
            pretrained_training_uuid=start,
            pretrained_weights_type=weights,
        )
        return Training(
            id=pair(model, key),
            model=model,
            status=Status.QUEUED,
            config={name: value for name, value in chosen.items() if name in ("epochs", "batch_size", "weights")},
        )

    def _mapping(
        self, model: Model, dataset: str, features: Mapping[str, str], given: Mapping[str, Any] | None
    ) -> dict[str, dict[str, list[str]]]:
        """Return project to feature hash to the model's features."""
        projects = self._adapter.projects
        assert model.task is not None
        kind = GEOMETRY[model.task]
        if given is None:
            project = projects.of(dataset)
            wanted: dict[str, list[str]] = {}
            renamed = set(features.values())
            pairs = [*features.items(), *((name, name) for name in model.features if name not in renamed)]
            for label, target in pairs:
                wanted.setdefault(label, []).append(target)
            given = {project: wanted}
        return {
            project: _hashed(projects.structure(project), kind, model, mapping) for project, mapping in given.items()
        }

    def _labels(self, dataset: str) -> list[str]:
        """Return the label rows of the items that are trained on: those of the split `train`, or of none."""
        held = {row["data_hash"]: row for row in self._adapter.datasets._rows(dataset)}
        chosen = []
        for place in LabelRows(self._adapter, dataset, MAIN).labelled():
            metadata = held[place.data_hash]["client_metadata"] or {}
            if metadata.get("dragoman_item", {}).get("split") in (None, "train"):
                chosen.append(place.label_hash or "")
        if not chosen:
            raise InvalidData(f"Dataset {dataset} has no labels to train on.", hint="labels.write puts some there.")
        return chosen

    def _get(self, training: str) -> Training:
        model, key = parts(training, "training")
        found = _api_ml_get_training_status(UUID(model), UUID(key), client=self._adapter.client.api, timeout_seconds=0)
        status = STATUSES[found.status.value]
        done = found.result
        return Training(
            id=training,
            model=model,
            status=status,
            version=training if status is Status.SUCCEEDED else None,
            error="Encord says that the training ended in an error, and gives no reason."
            if status is Status.FAILED
            else None,
            progress=Progress(epoch=done.epochs) if done else Progress(),
            config={"epochs": done.epochs, "batch_size": done.batch_size} if done else {},
            created_at=done.created_at if done else None,
        )

    _list = Gap.impossible("Encord lists the iterations that are done, not the jobs.", instead="versions.list")
    _cancel = Gap.impossible("Encord stops no training.")
    _delete = Gap.impossible("A training and its version are one on Encord.", instead="versions.delete")
    _logs = Gap.impossible(
        "Encord keeps no log of a training, only the losses of one that is done.", instead='versions.get: "loss_log"'
    )

    def _data(self, training: str, cursor: str | None, size: int) -> Page[Item]:
        return training_data(self._adapter.client, training, cursor)


def _weights(name: str | None) -> ModelPretrainedWeightsType | None:
    if name is None:
        return None
    try:
        return ModelPretrainedWeightsType(name)
    except ValueError:
        known = ", ".join(kind.value for kind in ModelPretrainedWeightsType)
        raise InvalidData(
            f"There are no pretrained weights {name!r}.", hint=f"There are: {known}.", field="parameters.weights"
        ) from None


def _hashed(
    structure: Structure, kind: str, model: Model, mapping: Mapping[str, str | Sequence[str]]
) -> dict[str, list[str]]:
    hashed: dict[str, list[str]] = {}
    for label, targets in mapping.items():
        named = [targets] if isinstance(targets, str) else list(targets)
        for target in named:
            if target not in model.features:
                raise InvalidData(
                    f"The model knows no feature {target!r}.",
                    hint=f"It knows: {', '.join(model.features)}.",
                    field="features",
                )
        hashed[structure.target(label, kind)] = named
    return hashed
