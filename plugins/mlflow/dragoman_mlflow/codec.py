"""Registered models, versions and runs of MLflow as models, versions and trainings of ours. Pure; no network."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from dragoman.errors import NotFound
from dragoman.schema import Model, Progress, Status, Task, Training, Version
from dragoman_mlflow.tags import Json, Tags, written

STATUSES = {
    "SCHEDULED": Status.QUEUED,
    "RUNNING": Status.RUNNING,
    "FINISHED": Status.SUCCEEDED,
    "FAILED": Status.FAILED,
    "KILLED": Status.CANCELLED,
}
WIRE = {status: name for name, status in STATUSES.items()}
FOLDER = "dragoman"
"""Folder of a run's artifacts that holds the weights of the version made with it."""
LONGEST = 6000
"""Characters of a parameter that MLflow takes."""
LONGEST_NAME = 250
"""Characters that MLflow takes of the name of a parameter or a metric."""
LAST_NUMBER = 2**31 - 1
"""The largest number of a version that MLflow's databases hold; asked for a larger one, it fails."""
LOSSES = ("loss", "train_loss", "training_loss")
"""What a run's loss is called by the frameworks that log by themselves."""
# Refused in names, or not to be told apart from the quotes of MLflow's filters; the percent sign marks the spelling.
_UNFIT = re.compile(r"[%/:'\"`]|^\.+$")
_UNFIT_KEY = re.compile(r"[^\w.\- :]")
_NUMBER = re.compile(r"0*([0-9]{1,10})")


# -- names and ids -----------------------------------------------------------------------------------------------------


def wire_name(key: str) -> str:
    """Return the name of the registered model of a key: the key itself, with what MLflow refuses as in addresses."""
    return _UNFIT.sub(lambda found: "".join(f"%{ord(sign):02X}" for sign in found[0]), key)


@dataclass(frozen=True)
class Place:
    """Where a version is: the name of its registered model, and its number or an alias."""

    model: str
    number: str | None = None
    alias: str | None = None

    @classmethod
    def of(cls, version: str) -> Place:
        """Read the id of a version, `NAME/NUMBER`, or `NAME@ALIAS` as in MLflow's own addresses.

        Raises:
            NotFound: It is neither, so there is no such version.
        """
        model, slash, number = version.rpartition("/")
        digits = _NUMBER.fullmatch(number)
        if slash and model and digits and int(digits[1]) <= LAST_NUMBER:
            return cls(model, number=number)
        model, at, alias = version.rpartition("@")
        if at and model and alias:
            return cls(model, alias=alias)
        raise NotFound(f"There is no version {version!r}; MLflow's are called NAME/NUMBER or NAME@ALIAS.")


def version_id(wire: Json) -> str:
    """Return the id of a model version."""
    return f"{wire['name']}/{wire['version']}"


# -- models ------------------------------------------------------------------------------------------------------------


def model_in(wire: Json) -> Model:
    """Return a registered model as a model. Tags that are not ours are among its metadata."""
    name = wire["name"]
    tags = Tags(wire.get("tags") or (), f"the model {name}")
    key = unquote(name) if tags.text("key") else name
    task = tags.text("task")
    return Model(
        id=name,
        key=key,
        name=tags.text("name") or key,
        task=Task(task) if task in tuple(Task) else None,
        features=tuple(tags.json("features", list[str]) or ()),
        description=wire.get("description") or "",
        metadata={**tags.others, **(tags.json("metadata", Json) or {})},
        created_at=moment(wire.get("creation_timestamp")),
    )


def model_tags(model: Model) -> list[Json]:
    """Return the tags of a model that is created."""
    key = model.key or model.name
    return written(
        {
            "key": "spelled" if wire_name(key) != key else None,
            "name": model.name if model.name != key else None,
            "task": model.task,
            "features": model.features or None,
            "metadata": model.metadata or None,
        }
    )


# -- versions ----------------------------------------------------------------------------------------------------------


def is_ours(wire: Json) -> bool:
    """Return whether a model version was made here, with a run of its own that holds its weights."""
    return str(wire.get("source") or "").endswith(f"/artifacts/{FOLDER}")


def version_tags_in(wire: Json) -> Tags:
    """Return the tags of a model version."""
    return Tags(wire.get("tags") or (), f"the version {version_id(wire)}")


def version_in(wire: Json, run: Json | None) -> Version:
    """Return a model version and its run, if it has one, as a version. What only others wrote is among its metadata."""
    tags = version_tags_in(wire)
    data = (run or {}).get("data") or {}
    config = tags.json("config", Json)
    return Version(
        id=version_id(wire),
        model=wire["name"],
        name=tags.text("name") or wire["version"],
        status=_status(wire, tags, run),
        dataset=tags.text("dataset"),
        training=wire.get("run_id") or None,
        config=params_in(data) if config is None and not is_ours(wire) else config or {},
        tags=tuple(tags.json("tags", list[str]) or ()),
        metrics=_counting(metrics_in(data), tags.json("metrics", dict[str, str])),
        metadata={**_said_by_others(wire, tags), **(tags.json("metadata", Json) or {})},
        created_at=moment(wire.get("creation_timestamp")),
    )


def version_tags(version: Version) -> list[Json]:
    """Return the tags of a version that is created."""
    return written(
        {
            "name": version.name or None,
            "config": version.config or None,
            "tags": version.tags or None,
            "metadata": version.metadata or None,
            "dataset": version.dataset,
        }
    )


def _status(wire: Json, tags: Tags, run: Json | None) -> Status | None:
    told = tags.text("status")
    if told in tuple(Status):
        return Status(told)
    return None if is_ours(wire) or run is None else STATUSES.get(run["info"].get("status", ""))


def _counting(logged: dict[str, float], names: dict[str, str] | None) -> dict[str, float]:
    if names is None:
        return logged
    return {name: logged[theirs] for name, theirs in names.items() if theirs in logged}


def _said_by_others(wire: Json, tags: Tags) -> Json:
    facts: Json = dict(tags.others)
    if wire.get("description"):
        facts["description"] = wire["description"]
    if wire.get("aliases"):
        facts["aliases"] = list(wire["aliases"])
    return facts


# -- runs --------------------------------------------------------------------------------------------------------------


def training_in(run: Json, version: Json | None) -> Training:
    """Return a run as a training.

    Args:
        run: The run.
        version: The model version that was registered of it, the newest if there are several.
    """
    info = run["info"]
    status = STATUSES[info["status"]]
    data = run.get("data") or {}
    return Training(
        id=info["run_id"],
        model=version["name"] if version else "",
        status=status,
        progress=_progress(data),
        version=version_id(version) if version else None,
        error="MLflow keeps no reason; its artifacts or notes may." if status is Status.FAILED else None,
        config=params_in(data),
        created_at=moment(info.get("start_time")),
        ended_at=moment(info.get("end_time")),
    )


def _progress(data: Json) -> Progress:
    metrics = metrics_in(data)
    return Progress(
        step=max((int(metric.get("step") or 0) for metric in data.get("metrics") or ()), default=0),
        epoch=int(metrics.get("epoch", 0)),
        loss=next((metrics[name] for name in LOSSES if name in metrics), None),
        metrics=metrics,
    )


def log_line(metric: Json) -> str:
    """Return a logged value as a line: when, at which step, and what."""
    at = moment(metric["timestamp"])
    when = at.isoformat(timespec="seconds") if at else "-"
    return f"{when} step {metric.get('step') or 0}: {metric['key']}={number_in(metric['value'])!r}"


def metrics_in(data: Json) -> dict[str, float]:
    """Return the latest value of each metric of a run."""
    return {metric["key"]: number_in(metric["value"]) for metric in data.get("metrics") or ()}


def number_in(value: Any) -> float:
    """Return a number that JSON may have as a text: `"NaN"`, `"Infinity"`."""
    return float(value)


def number_out(value: float) -> float | str:
    """Return a number as MLflow reads it; what JSON has no number for is a text."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def params_in(data: Json) -> Json:
    """Return the parameters of a run, which are texts."""
    return {param["key"]: param["value"] for param in data.get("params") or ()}


def params_out(config: Mapping[str, Any]) -> list[Json]:
    """Return what MLflow can show of a config as parameters; the config itself is in a tag."""
    found = {_key(name): value for name, value in config.items()}
    shown = {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode() for name, value in found.items()
    }
    fit = {name: value for name, value in shown.items() if 0 < len(name) <= LONGEST_NAME and len(value) <= LONGEST}
    return [{"key": name, "value": value} for name, value in fit.items()]


def metric_names(names: Iterable[str]) -> dict[str, str]:
    """Return the names under which MLflow takes metrics, each once."""
    taken: dict[str, str] = {}
    for name in names:
        fit = _key(name)[:LONGEST_NAME].rstrip(". ") or "metric"
        # There is room for the number that tells two of one name apart.
        short = fit[: LONGEST_NAME - 5]
        chosen = next(one for one in (fit, *(f"{short}_{n}" for n in range(2, 10_000))) if one not in taken.values())
        taken[name] = chosen
    return taken


def _key(name: str) -> str:
    return _UNFIT_KEY.sub("_", name).strip(". ")


def file_name(name: str) -> str:
    """Return the name under which a file is stored: names of artifacts are parts of addresses."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip(".") or "weights"


def moment(milliseconds: Any) -> datetime | None:
    """Return a time that is counted in milliseconds since 1970; ids and times may come as texts."""
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds is not None else None
