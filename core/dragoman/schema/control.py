"""Control plane: the few, named things that a user creates and looks up, as frozen pydantic models.

Rows that come by the thousand (items, labels, predictions) are in `rows.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dragoman.errors import InvalidData
from dragoman.schema.base import Control, Metadata, Name
from dragoman.showing import Shown


class Task(StrEnum):
    """What a model does."""

    CLASSIFICATION = "classification"
    OBJECT_DETECTION = "object_detection"
    INSTANCE_SEGMENTATION = "instance_segmentation"


class Status(StrEnum):
    """State of a job, and of the version that it makes."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)


class Model(Control):
    """A named thing with a task and a fixed list of features.

    `id` is the platform's; `key` is the user's own reference, kept by a migration.
    """

    name: Name
    task: Task | None = None
    features: tuple[str, ...] = ()
    id: str = ""
    key: str | None = None
    description: str = ""
    metadata: Metadata = {}
    created_at: datetime | None = None


class Version(Control):
    """One trained state of a model, or one run of it over data.

    `metrics` maps a metric's name to its value; `config` holds what it was trained or run with.
    """

    model: str
    name: str = ""
    id: str = ""
    status: Status | None = None
    dataset: str | None = None
    training: str | None = None
    config: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    metrics: dict[str, float] = {}
    metadata: Metadata = {}
    created_at: datetime | None = None


class Progress(Control):
    """How far a job is: steps done and in all, the last loss, and an estimate in seconds of the time left."""

    step: int = 0
    steps: int = 0
    epoch: int = 0
    loss: float | None = None
    images_per_second: float | None = None
    seconds_left: float | None = None
    metrics: dict[str, float] = {}


def _several(names: Any) -> Any:
    return {key: (value,) if isinstance(value, str) else value for key, value in dict(names).items()}


class TrainingSource(Control):
    """The labels of one dataset that a training learns from.

    Args:
        dataset: Id of the dataset.
        features: Label feature to the model's features that it stands for, one name or several; a label feature that
            is not named stands for the model's feature of its own name.
        items: Keys of the items to learn from; all whose split is `train`, or that have none, if not given.
        labels: Ids of the labels to learn from; all of those items if not given.
    """

    dataset: str
    features: Annotated[dict[str, tuple[str, ...]], BeforeValidator(_several)] = {}
    items: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None

    def learned(self, known: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the whole mapping, unnamed label features included, for a model that has the features `known`.

        Raises:
            InvalidData: The mapping names a feature that the model does not have.
        """
        for target in (target for targets in self.features.values() for target in targets):
            if target not in known:
                raise InvalidData(
                    f"The model knows no feature {target!r}.", hint=f"It knows: {', '.join(known)}.", field="features"
                )
        return {name: (name,) for name in known if name not in self.features} | self.features


class Training(Control):
    """A job that makes a version. `version` is its id once there is one; `error` says why a job failed."""

    id: str
    model: str
    status: Status
    progress: Progress = Progress()
    version: str | None = None
    error: str | None = None
    config: dict[str, Any] = {}
    created_at: datetime | None = None
    ended_at: datetime | None = None


class Dataset(Control):
    """A named collection of items. `items` is how many, when the platform says."""

    name: Name
    id: str = ""
    items: int | None = None
    metadata: Metadata = {}
    created_at: datetime | None = None


AttachedVersions = Literal["latest", "all"] | tuple[str, ...]
"""Which versions of a model a project uses: the newest, every one, or those of these ids."""


class Attachment(Control):
    """A model bound to a project; `features` maps the model's features to the project's."""

    id: str
    model: str
    project: str
    features: dict[str, str] = {}
    versions: AttachedVersions = "latest"


class MatchPolicy(Control):
    """When a prediction counts as a hit on a label.

    Args:
        iou: Least intersection over union.
        class_agnostic: Whether the features may differ.
        pairs: (label feature, prediction feature) pairs that match besides equal names.
    """

    iou: Annotated[float, Field(ge=0, le=1)] = 0.5
    class_agnostic: bool = False
    pairs: tuple[tuple[str, str], ...] = ()


class Evaluation(Control):
    """Metrics of one version against the labels of one dataset; values lie between 0 and 1, MOTA's may be below.

    `labels` and `predictions` say how many rows were counted, `skipped` how many predictions were not: those of another
    kind of geometry than the labels', and classifications that answer with free text or a number.
    """

    version: str
    dataset: str
    metrics: dict[str, float]
    per_feature: dict[str, dict[str, float]] = {}
    labels: int = 0
    predictions: int = 0
    skipped: int = 0
    id: str = ""

    def _shown(self) -> Shown:
        rows = [(name, f"{value:.3f}") for name, value in self.metrics.items()]
        counted = f"{self.labels} labels, {self.predictions} predictions"
        return Shown(f"{self.version} on {self.dataset}", ("metric", "value"), rows, counted)
