"""Training on Encord. A job and the version that it makes have one id.

Labels of several projects may be trained on at a time, each with a mapping of its own. What is chosen are whole label
rows, one per item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from encord.api.ml_endpoints import _api_ml_get_training_status
from encord.objects.ml_models import ModelPretrainedWeightsType

from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import InvalidData, Unsupported
from dragoman.interface import Trainings, check_parameters
from dragoman.schema import Item, Model, Progress, Status, Task, Training, TrainingSource
from dragoman_encord.ids import checked, pair, parts
from dragoman_encord.labelrows import MAIN, LabelRows
from dragoman_encord.places import Place
from dragoman_encord.structure import Structure
from dragoman_encord.versions import training_data

DEFAULTS: dict[str, Any] = {"epochs": 10, "batch_size": 8, "weights": None}
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
        self, model: str, sources: Sequence[TrainingSource], pretrained: str | None, parameters: Mapping[str, Any]
    ) -> Training:
        check_parameters(parameters, DEFAULTS)
        chosen = {**DEFAULTS, **parameters}
        for name in ("epochs", "batch_size"):
            if not isinstance(chosen[name], int) or chosen[name] < 1:
                raise InvalidData(f"{name} is {chosen[name]!r}; it is at least 1.", field=f"parameters.{name}")
        weights = _weights(chosen["weights"])
        known = self._adapter.models._get(model)
        start = parts(pretrained, "version")[1] if pretrained else None
        key = self._adapter.client.ml.create_training_job(
            model_uuid=checked(model, "model"),
            batch_size=chosen["batch_size"],
            epochs=chosen["epochs"],
            features_mapping=self._mapping(known, sources),
            labels_uuids=[row for source in sources for row in self._label_rows(source)],
            pretrained_training_uuid=start,
            pretrained_weights_type=weights,
        )
        return Training(
            id=pair(model, key),
            model=model,
            status=Status.QUEUED,
            config=chosen,
        )

    def _mapping(self, model: Model, sources: Sequence[TrainingSource]) -> dict[str, dict[str, list[str]]]:
        """Return project to feature hash to the model's features.

        Raises:
            InvalidData: No project has labels for one of the model's features.
        """
        assert model.task is not None
        mapping: dict[str, dict[str, list[str]]] = {}
        for source in sources:
            project = self._adapter.projects.of(source.dataset)
            hashes = _hashes(self._adapter.projects.structure(project), GEOMETRY[model.task], model, source)
            mapping.setdefault(project, {}).update(hashes)
        learned = {name for hashes in mapping.values() for names in hashes.values() for name in names}
        if missing := [name for name in model.features if name not in learned]:
            raise InvalidData(
                f"The ontology has no feature {missing[0]!r} that the model could learn it from.",
                hint="`features` says which of its features stand for which of the model's.",
                field="features",
            )
        return mapping

    def _label_rows(self, source: TrainingSource) -> list[str]:
        """Return the label rows of the items that are trained on: those chosen, or of the split `train` or of none."""
        if source.labels is not None:
            raise Unsupported("Encord trains on whole label rows.", hint="Choose the items whose labels are wanted.")
        places = {place.key: place for place in LabelRows(self._adapter, source.dataset, MAIN).labelled()}
        chosen = self._in_training(source.dataset, places.values()) if source.items is None else source.items
        if missing := next((key for key in chosen if key not in places), None):
            raise InvalidData(f"The item {missing!r} is not in dataset {source.dataset}, or has no labels.")
        if not chosen:
            raise InvalidData(
                f"Dataset {source.dataset} has no labels to train on.", hint="labels.write puts some there."
            )
        return [places[key].label_hash or "" for key in chosen]

    def _in_training(self, dataset: str, places: Iterable[Place]) -> list[str]:
        """Return the keys of items of the split `train`, or of none."""
        held = {row["data_hash"]: row["client_metadata"] or {} for row in self._adapter.datasets._rows(dataset)}
        splits = {key: metadata.get("dragoman_item", {}).get("split") for key, metadata in held.items()}
        return [place.key for place in places if splits[place.data_hash] in (None, "train")]

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


def _hashes(structure: Structure, kind: str, model: Model, source: TrainingSource) -> dict[str, list[str]]:
    """Return hash to the model's features. A name that was not given, and that the ontology lacks, is passed over."""
    hashes: dict[str, list[str]] = {}
    for label, targets in source.learned(model.features).items():
        try:
            hashes[structure.target(label, kind)] = list(targets)
        except InvalidData:
            if label in source.features:
                raise
    return hashes
