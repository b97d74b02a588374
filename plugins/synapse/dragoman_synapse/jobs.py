"""Jobs of Synapse as trainings. Pure; no network."""

from __future__ import annotations

from typing import Any

from dragoman.schema import Progress, Status, Training
from dragoman_synapse.entries import moment, numbers_of
from dragoman_synapse.notes import Json, parted

STATUSES = {
    "PENDING": Status.QUEUED,
    "RUNNING": Status.RUNNING,
    "STOPPED": Status.CANCELLED,
    "SUCCEEDED": Status.SUCCEEDED,
    "FAILED": Status.FAILED,
}
WIRE = {status: name for name, status in STATUSES.items()}
_OWN = ("name", "description", "dataset", "checkpoint", "hyperparameters")
"""Parameters of a training job that are no choice of the user's."""


def training_in(wire: Json) -> Training:
    """Return a job as a training. Its model is told by the note that the model it makes will carry.

    Raises:
        KeyError: It lacks what a job has.
    """
    params = wire.get("params") or {}
    # A plugin reports what it likes, a list among it.
    result = wire["result"] if isinstance(wire.get("result"), dict) else {}
    _, facts = parted(params.get("description"))
    status = STATUSES[wire["status"]]
    made = result.get("model_id")
    return Training(
        id=str(wire["id"]),
        model=str(facts.get("model") or ""),
        status=status,
        progress=progress_in(wire.get("progress_record") or {}, wire.get("metrics_record") or {}),
        version=str(made) if made is not None else None,
        error=_error(wire, result) if status is Status.FAILED else None,
        config=_config(params),
        created_at=moment(wire.get("created")),
        ended_at=moment(wire.get("completed")),
    )


def progress_in(progress: Json, metrics: Json) -> Progress:
    """Return how far a job is, in hundredths, with the latest metrics of its steps."""
    now = _object(progress, "current_progress")
    found: dict[str, float] = {}
    for recorded in _object(_object(metrics, "record"), "steps").values():
        found |= numbers_of(recorded)
    percent = now.get("overall")
    left = now.get("time_remaining")
    return Progress(
        step=round(percent) if isinstance(percent, int | float) else 0,
        steps=100 if percent is not None else 0,
        epoch=int(found.pop("epoch", 0)),
        loss=found.get("loss"),
        seconds_left=float(left) if isinstance(left, int | float) else None,
        metrics=found,
    )


def dataset_of(wire: Json) -> str | None:
    """Return the dataset with the version that a training job was given, where its note says so."""
    _, facts = parted((wire.get("params") or {}).get("description"))
    found = facts.get("dataset")
    return str(found) if found else None


def _config(params: Json) -> Json:
    given = params.get("hyperparameters") or [{}]
    plain = isinstance(given, list) and isinstance(given[0], dict) and not params.get("is_tune")
    chosen = dict(given[0]) if plain else {"hyperparameters": given}
    return chosen | {name: value for name, value in params.items() if name not in _OWN}


def _object(wire: Any, name: str) -> Json:
    """Return an object within what a plugin has reported; an empty one if it has reported another thing."""
    found = wire.get(name) if isinstance(wire, dict) else None
    return found if isinstance(found, dict) else {}


def _error(wire: Json, result: Json) -> str:
    error = result.get("error")
    said = error or wire.get("error") or "Synapse says that it failed, and gives no reason."
    return str(said.get("message") or said) if isinstance(said, dict) else str(said)
