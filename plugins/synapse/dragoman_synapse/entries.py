"""Synapse's model entries as models and versions of ours. Pure; no network.

Synapse has one thing, a model with a name of its own and perhaps a file. What it is to us is said by our facts:

- an entry without facts is a model, and if it has a file, its own first version, too;
- `kind: "model"` is a model that we made;
- a `model` (an id) makes it a version of that model;
- `weights_of` makes it the file of that version: Synapse takes a file only when it makes an entry, and a version that
  is there already keeps its id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from dragoman.errors import NotFound, PlatformError
from dragoman.schema import Model, Status, Task, Version
from dragoman_synapse.notes import KEY, Json, parted

TASKS = {"classification": Task.CLASSIFICATION, "detection": Task.OBJECT_DETECTION}
TASKS |= {"segmentation": Task.INSTANCE_SEGMENTATION}
"""Names of tasks in Synapse's documentation."""
SEED = ("project", "model_type", "metrics", "is_active")
"""Fields that the oldest documentation gives a model. Newer platforms have none of them, and we keep them as facts."""


@dataclass(frozen=True)
class Entry:
    """A model entry.

    Args:
        id: Its id.
        name: Its name on Synapse.
        description: Its description, without our facts.
        configuration: Its configuration, without our facts.
        facts: Ours, and those of the oldest documentation where the platform has them.
        first: Those of ours that it was made with.
        later: Those that stand in the description.
        file: Address of its file.
        checkpoint: The entry that it was trained from.
        created_at: When it was made.
    """

    id: str
    name: str
    description: str
    configuration: Json
    facts: Json
    first: Json
    later: Json
    file: str | None = None
    checkpoint: int | None = None
    created_at: datetime | None = None
    wire: Json = field(default_factory=dict, repr=False)

    @property
    def is_weights(self) -> bool:
        """Whether it only holds the file of a version."""
        return "weights_of" in self.facts

    @property
    def is_model(self) -> bool:
        """Whether it is a model."""
        return not self.is_weights and "model" not in self.facts

    @property
    def is_version(self) -> bool:
        """Whether it is a version, of itself or of another."""
        return not self.is_weights and self.facts.get("kind") != "model" and ("model" in self.facts or bool(self.file))

    @property
    def weights(self) -> str:
        """Id of the entry that has the file of this version."""
        return str(self.facts.get("weights", self.id))


def entry_in(wire: Any) -> Entry:
    """Return a model of Synapse's first interface as an entry.

    Raises:
        PlatformError: It has another form than is known.
    """
    if not isinstance(wire, dict):
        raise PlatformError(f"Synapse answered {type(wire).__name__} where a model was expected.")
    given = wire.get("configuration")
    configuration = dict(given) if isinstance(given, dict) else {}
    first = configuration.pop(KEY, None)
    first = first if isinstance(first, dict) else {}
    description, later = parted(wire.get("description"))
    theirs = {name: wire[name] for name in SEED if wire.get(name) not in (None, {})}
    return Entry(
        id=str(wire["id"]),
        name=wire["name"],
        description=description,
        configuration=configuration,
        facts=theirs | first | later,
        first=first,
        later=later,
        file=wire.get("file"),
        checkpoint=wire.get("checkpoint"),
        created_at=moment(wire.get("created") or wire.get("created_at")),
        wire=wire,
    )


def model_in(entry: Entry) -> Model:
    """Return an entry as a model.

    Raises:
        NotFound: It is a version or a file.
    """
    if not entry.is_model:
        raise NotFound(f"There is no model {entry.id}; the entry of that id is no model of its own.")
    facts = entry.facts
    return Model(
        id=entry.id,
        name=facts.get("name") or entry.name,
        key=facts.get("key") or entry.name,
        task=_task(facts),
        features=tuple(facts.get("features") or ()),
        description=entry.description,
        metadata=facts.get("metadata") or {},
        created_at=entry.created_at,
    )


def version_in(entry: Entry) -> Version:
    """Return an entry as a version. Numbers among its metrics are metrics, whatever else is there is left out.

    Raises:
        NotFound: It is a model without a file, or only a file.
    """
    if not entry.is_version:
        raise NotFound(f"There is no version {entry.id}; the entry of that id is none.")
    facts = entry.facts
    status = facts.get("status") or (Status.SUCCEEDED if entry.file or "weights" in facts else None)
    metadata = dict(facts.get("metadata") or {})
    return Version(
        id=entry.id,
        model=str(facts.get("model", entry.id)),
        name=facts.get("name", entry.name),
        status=Status(status) if status else None,
        dataset=facts.get("dataset"),
        training=facts.get("training"),
        config=facts.get("config", entry.configuration),
        tags=tuple(facts.get("tags") or ()),
        metrics=numbers_of(facts.get("metrics")),
        metadata=metadata | {name: facts[name] for name in ("project", "is_active") if name in facts},
        created_at=entry.created_at,
    )


def model_facts(model: Model) -> Json:
    """Return the facts of a model that Synapse has no field for."""
    facts = {
        "kind": "model",
        "key": model.key,
        "task": model.task,
        "features": list(model.features),
        "metadata": model.metadata,
    }
    return _said(facts)


def version_facts(version: Version) -> Json:
    """Return the facts of a version that Synapse has no field for."""
    facts = {
        "dataset": version.dataset,
        "config": version.config,
        "tags": list(version.tags),
        "metrics": version.metrics,
        "metadata": version.metadata,
        "status": version.status,
    }
    # One without a name must not come back with that of its entry.
    return {"model": version.model, "name": version.name, **_said(facts)}


def numbers_of(metrics: Any) -> dict[str, float]:
    """Return the metrics that are numbers."""
    if not isinstance(metrics, dict):
        return {}
    return {
        str(name): float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def moment(text: Any) -> datetime | None:
    """Return a time stamp, in UTC if it names no zone; None where there is none that can be read."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def aware(given: datetime | None) -> datetime | None:
    """Return a point of time that a user gave with its zone; as in Python, one without a zone is of this machine's."""
    return given.astimezone() if given is not None and given.tzinfo is None else given


def _task(facts: Json) -> Task | None:
    named = facts.get("task") or TASKS.get(facts.get("model_type") or "")
    return Task(named) if named in tuple(Task) else None


def _said(facts: Json) -> Json:
    kept: Json = msgspec.to_builtins({name: value for name, value in facts.items() if value not in (None, {}, [], "")})
    return kept
