"""Training on Viam: jobs of its own trainers (managed), or of a script in the registry (custom).

A managed training knows no hyper-parameters. A custom one passes `arguments` to its script as `--key=value`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dragoman.calls.over_grpc import Code
from dragoman.calls.pipeline import Page
from dragoman.capability import Gap
from dragoman.errors import Conflict, InvalidData, Unsupported
from dragoman.interface import Trainings, check_parameters
from dragoman.interface.training import whole_dataset
from dragoman.schema import Model, Status, Training, TrainingSource
from dragoman_viam.errors import CallFailed
from dragoman_viam.listing import pages_of
from dragoman_viam.messages import name_of
from dragoman_viam.models import TYPES, registry_name
from dragoman_viam.notes import image_in
from dragoman_viam.versions import AT

PARAMETERS: dict[str, Any] = {
    "version": "name of the version that is made; the time by default",
    "framework": "tflite or tensorflow, in managed trainings",
    "multi_label": "whether an image may have several labels, in managed classifications",
    "tags": "labels to train on, in managed trainings; the model's features by default",
    "script": "id of the registry item of a training script",
    "script_version": "version of the script",
    "arguments": "what the script is told, text to text",
    "container": "version of one of Viam's containers, such as tf:2.16, for a script",
    "container_id": "id of a container of the organisation, for a script",
}
"""Parameters of a training and what they mean."""
_CUSTOM = ("script", "script_version", "arguments", "container", "container_id")
STATUSES = {
    "PENDING": Status.QUEUED,
    "IN_PROGRESS": Status.RUNNING,
    "CANCELING": Status.RUNNING,
    "COMPLETED": Status.SUCCEEDED,
    "FAILED": Status.FAILED,
    "CANCELED": Status.CANCELLED,
}
_ASKED = {Status.QUEUED: 1, Status.SUCCEEDED: 3, Status.FAILED: 4, Status.CANCELLED: 5}
"""Status to the number that a listing is filtered by; running jobs have two on Viam, so all are listed for them."""


class ViamTrainings(Trainings):
    """Trainings through `MLTrainingService`."""

    _adapter: Any

    _data = Gap.impossible(
        "Viam does not keep which images a training used.", instead='datasets.read_items of config["dataset"]'
    )

    def _submit(
        self, model: str, sources: Sequence[TrainingSource], pretrained: str | None, parameters: Mapping[str, Any]
    ) -> Training:
        check_parameters(parameters, PARAMETERS)
        if pretrained is not None:
            raise Unsupported("Viam starts a training from no version.", hint="Leave `pretrained` out.")
        source = whole_dataset(sources)
        known = self._adapter.models._get(model)
        labels = _unmapped(source.learned(known.features))
        self._refuse_splits(source.dataset)
        fields = {
            "dataset_id": source.dataset,
            "organization_id": self._adapter.workspace.organization,
            "model_name": model.partition(":")[2] or registry_name(known.key or known.name),
            "model_version": _text(parameters, "version") or self._adapter.now().strftime("%Y-%m-%dT%H-%M-%S-%f"),
        }
        if "script" in parameters:
            return self._started("SubmitCustomTrainingJob", fields | _custom(parameters))
        return self._started("SubmitTrainingJob", fields | _managed(known, labels, parameters))

    def _refuse_splits(self, dataset: str) -> None:
        """Refuse a dataset with items that are not to be trained on: Viam would train on them, too."""
        images = (found.metadata for answer in pages_of(self._adapter.wire, dataset) for found in answer.data)
        for split in (image_in(metadata).get("split") for metadata in images):
            if split not in (None, "train"):
                raise Unsupported(
                    f"Viam trains on all images of a dataset, and {dataset} has some of the split {split!r}.",
                    hint="Put those to train on into a dataset of their own with `images.join`.",
                )

    def _started(self, method: str, fields: dict[str, Any]) -> Training:
        job = self._adapter.wire.call(f"training.{method}", **fields).id
        try:
            return self._get(job)
        except CallFailed:
            # The job runs; that its state cannot be asked for just now must not look like a refusal.
            name = f"{self._adapter.workspace.namespace}:{fields['model_name']}"
            return Training(id=job, model=name, status=Status.QUEUED)

    def _get(self, training: str) -> Training:
        return self._in(self._adapter.wire.call("training.GetTrainingJob", id=training).metadata)

    def _list(self, status: Status | None, cursor: str | None, size: int) -> Page[Training]:
        # Viam does not page this listing, and says nothing of its order.
        asked = {
            "organization_id": self._adapter.workspace.organization,
            "status": _ASKED.get(status, 0) if status else 0,
        }
        answer = self._adapter.wire.call("training.ListTrainingJobs", **asked)
        newest = sorted(answer.jobs, key=lambda job: job.created_on.ToNanoseconds(), reverse=True)
        jobs = map(self._in, newest)
        return Page([job for job in jobs if status in (None, job.status)])

    def _cancel(self, training: str) -> Training:
        job = self._get(training)
        if job.status.ended:
            return job
        try:
            self._adapter.wire.call("training.CancelTrainingJob", id=training)
        except CallFailed as failed:
            # It has ended since it was looked at.
            if failed.code is not Code.FAILED_PRECONDITION:
                raise
        return self._get(training)

    def _delete(self, training: str) -> None:
        if not self._get(training).status.ended:
            raise Conflict(f"Training {training} has not ended.", hint="training.cancel ends it.")
        self._adapter.wire.call("training.DeleteCompletedTrainingJob", id=training)

    def _logs(self, training: str, cursor: str | None, size: int) -> Page[str]:
        asked = {"id": training} if cursor is None else {"id": training, "page_token": cursor}
        answer = self._adapter.wire.call("training.GetTrainingJobLogs", **asked)
        lines = [f"{_time(entry.time).isoformat()} {entry.level} {entry.message}" for entry in answer.logs]
        return Page(lines, answer.next_page_token or None)

    def _in(self, job: Any) -> Training:
        """Return a job of Viam's as ours; what has no field of its own is in `config`."""
        # A model is made in the job's organisation, whose namespace is asked for only if it is ours.
        workspace = self._adapter.workspace
        here = job.organization_id == workspace.organization
        model = f"{workspace.namespace if here else job.organization_id}:{job.model_name}"
        said = name_of("training", "TrainingStatus", job.status).removeprefix("TRAINING_STATUS_")
        # A status that Viam has added since is one of a job that goes on, as far as anybody can tell.
        status = STATUSES.get(said, Status.RUNNING)
        return Training(
            id=job.id,
            model=model,
            status=status,
            version=f"{model}{AT}{job.model_version}" if status is Status.SUCCEEDED else None,
            error=_error(job),
            config=_config(job, said),
            created_at=_time(job.created_on),
            ended_at=_time(job.training_ended) if job.HasField("training_ended") else None,
        )


def _unmapped(learned: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the labels of a mapping that renames none."""
    for label, features in learned.items():
        if tuple(features) != (label,):
            raise Unsupported(f"Viam trains {label!r} under that name, and not as {', '.join(map(repr, features))}.")
    return list(learned)


def _managed(model: Model, labels: Sequence[str], parameters: Mapping[str, Any]) -> dict[str, Any]:
    for name in _CUSTOM:
        if name in parameters:
            raise InvalidData(f"{name} is for a script, and none is named.", field=f"parameters.{name}")
    if model.task not in TYPES:
        raise Unsupported(f"Viam trains no models for {model.task}.", hint=f"It trains for: {', '.join(TYPES)}.")
    kind = TYPES[model.task]
    if parameters.get("multi_label"):
        kind = kind.replace("SINGLE", "MULTI")
    framework = parameters.get("framework", "tflite")
    if framework not in ("tflite", "tensorflow"):
        raise InvalidData(
            f"Viam's own trainers make no {framework!r} models.",
            hint='They make "tflite" and "tensorflow"; a script makes others.',
            field="parameters.framework",
        )
    return {
        "model_type": kind,
        "model_framework": f"MODEL_FRAMEWORK_{framework.upper()}",
        "tags": _tags(parameters) or list(labels),
    }


def _tags(parameters: Mapping[str, Any]) -> list[str]:
    """Return the tags to train on, which one text alone is not: it would be taken for its letters."""
    tags = parameters.get("tags") or []
    if isinstance(tags, str) or not isinstance(tags, Sequence) or not all(isinstance(tag, str) for tag in tags):
        raise InvalidData(f"tags are a list of texts, and not {tags!r}.", field="parameters.tags")
    return list(tags)


def _text(parameters: Mapping[str, Any], name: str) -> str:
    """Return a parameter as text, also one that is a number; nothing where it is not given."""
    given = parameters.get(name)
    return "" if given is None else str(given)


def _custom(parameters: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("framework", "multi_label", "tags"):
        if name in parameters:
            raise InvalidData(f"{name} is for managed trainings; a script decides itself.", field=f"parameters.{name}")
    version = _text(parameters, "script_version")
    if not version:
        raise InvalidData("script_version is missing.", field="parameters.script_version")
    arguments = parameters.get("arguments") or {}
    if not isinstance(arguments, Mapping):
        raise InvalidData(f"arguments are names and their values, and not {arguments!r}.", field="parameters.arguments")
    return {
        "registry_item_id": parameters["script"],
        "registry_item_version": version,
        "arguments": {str(name): str(value) for name, value in arguments.items()},
        "container_version": parameters.get("container", ""),
        "container_id": parameters.get("container_id", ""),
    }


def _config(job: Any, said: str) -> dict[str, Any]:
    """Return what Viam knows of a job beyond the fields of ours; what is not set is left out."""
    kept = {
        "status": said,
        "dataset": job.dataset_id,
        "version": job.model_version,
        "type": name_of("training", "ModelType", job.model_type).removeprefix("MODEL_TYPE_").lower(),
        "framework": name_of("training", "ModelFramework", job.model_framework)
        .removeprefix("MODEL_FRAMEWORK_")
        .lower(),
        "tags": list(job.tags),
        "custom": job.is_custom_job,
        "script": job.registry_item_id,
        "script_version": job.registry_item_version,
        "arguments": dict(job.arguments),
        "container": job.container_version,
        "container_id": job.container_id,
        "synced_model_id": job.synced_model_id,
        "deployment_modular_resources": list(job.deployment_modular_resources),
    }
    times = {"started_at": "training_started", "modified_at": "last_modified"}
    found = {name: _time(getattr(job, field)).isoformat() for name, field in times.items() if job.HasField(field)}
    return {name: value for name, value in kept.items() if value} | found


def _error(job: Any) -> str | None:
    if not job.HasField("error_status"):
        return None
    return job.error_status.message or f"Viam gives no reason but the code {job.error_status.code}."


def _time(stamp: Any) -> datetime:
    made: datetime = stamp.ToDatetime(tzinfo=UTC)
    return made
