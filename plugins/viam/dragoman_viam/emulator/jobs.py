"""How trainings go on. A job moves when it is looked at, as often as the settings say, and not before its time.

PENDING, then IN_PROGRESS, then COMPLETED or FAILED; CANCELING, then CANCELED. A completed job leaves a package and a
registry item.
"""

from __future__ import annotations

import io
import tarfile
from datetime import timedelta
from typing import Any

from dragoman_viam.emulator.blobs import Blob
from dragoman_viam.emulator.catalog import add_package
from dragoman_viam.emulator.records import Job
from dragoman_viam.emulator.refusals import Refusal
from dragoman_viam.emulator.state import State
from dragoman_viam.messages import modules, number

UNKNOWN = 2
"""The number of the status of a training that fails for no reason that gRPC has a name for."""
NO_NETWORK = b"Made by Dragoman's emulator of Viam. There is no network in it.\n"


def status(name: str) -> int:
    """Return the number of a training status by its name without the prefix."""
    return number("training", "TrainingStatus", f"TRAINING_STATUS_{name}")


def look(state: State, job: Job) -> Any:
    """Return a job's metadata after this look at it."""
    metadata = job.metadata
    if metadata.status == status("CANCELING"):
        _end(state, job, "CANCELED")
    elif metadata.status in (status("PENDING"), status("IN_PROGRESS")):
        job.asked += 1
        if metadata.status == status("PENDING"):
            metadata.training_started.FromDatetime(state.clock.now())
            _move(state, job, "IN_PROGRESS", "training started")
        started = metadata.training_started.ToDatetime(tzinfo=state.clock.now().tzinfo)
        due = started + timedelta(seconds=state.training_seconds)
        if job.asked > state.settings.job_polls and state.clock.now() >= due:
            _finish(state, job)
    return metadata


def cancel(state: State, job: Job) -> None:
    """Ask a job to stop."""
    _move(state, job, "CANCELING", "cancellation requested")


def ended(job: Job) -> bool:
    """Return whether a job will not change any more."""
    return job.metadata.status in (status("COMPLETED"), status("FAILED"), status("CANCELED"))


def _finish(state: State, job: Job) -> None:
    if job.fails_with is not None:
        _fail(state, job, UNKNOWN, job.fails_with)
        return
    metadata = job.metadata
    framework = modules()["training"].ModelFramework.Name(metadata.model_framework).removeprefix("MODEL_FRAMEWORK_")
    info = modules()["packages"].PackageInfo(
        organization_id=metadata.organization_id,
        name=metadata.model_name,
        version=metadata.model_version,
        type="PACKAGE_TYPE_ML_MODEL",
        metadata={"model_framework": framework.lower()},
    )
    try:
        add_package(state, info, Blob([_archive(job.labels)]), model_type=metadata.model_type)
    except Refusal as refusal:
        # Somebody has made the version meanwhile, or something else of the model's name.
        _fail(state, job, refusal.code.value[0], refusal.reason)
        return
    metadata.synced_model_id = f"{metadata.organization_id}/{metadata.model_name}"
    _end(state, job, "COMPLETED")


def _fail(state: State, job: Job, code: int, reason: str) -> None:
    job.metadata.error_status.code = code
    job.metadata.error_status.message = reason
    _end(state, job, "FAILED")


def _end(state: State, job: Job, name: str) -> None:
    job.metadata.training_ended.FromDatetime(state.clock.now())
    _move(state, job, name, f"training {name.lower()}")


def _move(state: State, job: Job, name: str, message: str) -> None:
    job.metadata.status = status(name)
    job.metadata.last_modified.FromDatetime(state.clock.now())
    job.logs.append(("ERROR" if name == "FAILED" else "INFO", state.clock.now(), message))


def _archive(labels: tuple[str, ...]) -> bytes:
    """Return the archive of a trained model: what TFLite's runtime looks for, without a network in it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in (("model.tflite", NO_NETWORK), ("labels.txt", "\n".join(labels).encode())):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
