"""The objects that an emulated account holds: plain, so that tests may look at them and change them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dragoman_labelbox.emulator.jobs import Job

Json = dict[str, Any]

TIMED = {"VIDEO": "Video", "AUDIO": "Audio"}
"""Kinds of media whose annotations are on frames, and the kinds of their labels."""


@dataclass(kw_only=True)
class Named:
    """What nearly all objects of the API have."""

    id: str
    name: str
    created: datetime
    updated: datetime


@dataclass(kw_only=True)
class Ontology(Named):
    """An ontology. `archived` are the ids of root nodes that labels use but nobody shall use any more."""

    media_type: str | None
    tools: list[Json]
    classifications: list[Json]
    archived: set[str] = field(default_factory=set)

    def nodes(self) -> list[Json]:
        """Return all root nodes."""
        return [*self.tools, *self.classifications]


@dataclass(kw_only=True)
class DataRow:
    """One image, video or text. `fields` are metadata values: schema id to value."""

    id: str
    dataset_id: str
    row_data: str
    created: datetime
    updated: datetime
    global_key: str | None = None
    external_id: str | None = None
    media: str = "IMAGE"
    attributes: Json = field(default_factory=dict)
    fields: list[Json] = field(default_factory=list)
    attachments: dict[str, Json] = field(default_factory=dict)
    vectors: dict[str, list[float]] = field(default_factory=dict)
    """Custom embeddings: id of the embedding to the vector."""


@dataclass(kw_only=True)
class Dataset(Named):
    description: str = ""
    rows: dict[str, DataRow] = field(default_factory=dict)
    integration: str | None = None


@dataclass
class Stored:
    """One annotation: the caller's uuid, the platform's id for it, its export form as JSON, and its mask if any."""

    uuid: str
    feature_id: str
    kind: str
    raw: bytes
    mask: bytes | None = None


@dataclass
class Annotations:
    """The predictions of a run on one data row, or the drafts on one in a project, in the order of arrival."""

    id: str
    rows: list[Stored] = field(default_factory=list)


@dataclass
class Review:
    """An opinion on a label."""

    id: str
    score: float
    created: datetime
    updated: datetime


@dataclass(kw_only=True)
class Label(Annotations):
    """The ground truth on one data row in a project."""

    created: datetime
    updated: datetime
    reviews: dict[str, Review] = field(default_factory=dict)
    benchmarked: datetime | None = None
    """Since when it is a benchmark."""
    text: str | None = None
    """What a client wrote in place of the annotations."""
    feedback: str | None = None
    scores: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Scores of a feedback: name to id and value."""


@dataclass(kw_only=True)
class Import(Named):
    """One import of annotations; `job` does the work, the files are tokens of `State.files`."""

    kind: str
    parent: str
    job: Job
    files: dict[str, str]
    failed: bool = False
    """Set by tests: it is shown as failed although rows were taken."""
    made: set[str] = field(default_factory=set)
    """Feature ids of the annotations that came with it."""


@dataclass
class RunRow:
    """A data row in a run."""

    id: str
    split: str = "UNASSIGNED"
    labels: list[Label] = field(default_factory=list)
    predictions: Annotations | None = None


@dataclass(kw_only=True)
class Run(Named):
    model_id: str
    config: Json | None = None
    pipeline: Json = field(default_factory=lambda: {"status": None, "errorMessage": None, "metadata": None})
    rows: dict[str, RunRow] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)


@dataclass(kw_only=True)
class Model(Named):
    ontology_id: str


@dataclass(kw_only=True)
class App(Named):
    """A Foundry app: a hosted model with its parameters and the feature schema of each of its classes."""

    hosted_model: str
    description: str | None
    parameters: Json
    classes: dict[str, str]
    ontology_id: str
    model_id: str = ""
    """The model of the account whose runs it makes."""
    finds: list[Json] | None = None
    """What it finds on every data row, as rows of an import without `dataRow`; made up if None."""


@dataclass(kw_only=True)
class Batch(Named):
    row_ids: list[str]
    priority: int = 5
    consensus: Json | None = None


@dataclass(kw_only=True)
class Queue:
    """A step of the workflow of a project."""

    id: str
    name: str
    kind: str


@dataclass(kw_only=True)
class Comment:
    id: str
    content: str
    created: datetime
    updated: datetime


@dataclass(kw_only=True)
class Issue:
    """A remark on a data row in a project."""

    id: str
    number: int
    row_id: str
    content: str
    created: datetime
    updated: datetime
    label_id: str | None = None
    category_id: str | None = None
    position: Json | None = None
    resolved: datetime | None = None
    comments: dict[str, Comment] = field(default_factory=dict)


@dataclass(kw_only=True)
class Service:
    """The request of a project that the platform's own people label it."""

    id: str
    created: datetime
    updated: datetime
    status: str = "SET_UP"


@dataclass(kw_only=True)
class Project(Named):
    media_type: str | None
    description: str = ""
    ontology_id: str | None = None
    settings: Json = field(default_factory=dict)
    """Quality settings and the kind of editor, under the names of the API."""
    batches: dict[str, Batch] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    drafts: dict[str, Annotations] = field(default_factory=dict)
    """Model-assisted labels: shown to annotators, not yet ground truth."""
    imports: dict[tuple[str, str], Import] = field(default_factory=dict)
    queues: list[Queue] = field(default_factory=list)
    moved: dict[str, str | None] = field(default_factory=dict)
    """Data rows that were sent to a queue: to its id, or to None for done."""
    workflow: Json | None = None
    """The graph of the workflow, once it was asked for or changed."""
    configs: dict[str, str] = field(default_factory=dict)
    """Model configs of a chat project: id of the link to that of the config."""
    priorities: dict[str, int] = field(default_factory=dict)
    issues: dict[str, Issue] = field(default_factory=dict)
    categories: dict[str, Json] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    instructions: str | None = None
    shows_drafts: bool = False
    service: Service | None = None
    submissions: dict[str, list[Json]] = field(default_factory=dict)
    """Labels and reviews that were made elsewhere, as they came, by the id of their submission."""

    def batches_of(self) -> dict[str, Batch]:
        """Return with which batch each data row came."""
        return {row_id: batch for batch in self.batches.values() for row_id in batch.row_ids}

    def row_ids(self) -> list[str]:
        """Return the ids of all data rows, batch by batch."""
        return [row_id for batch in self.batches.values() for row_id in batch.row_ids]

    def release(self, row_ids: Iterable[str]) -> None:
        """Forget where data rows that leave the project were in its workflow, and their priorities."""
        for row_id in row_ids:
            self.moved.pop(row_id, None)
            self.priorities.pop(row_id, None)

    def queue_of(self, row_id: str) -> Queue | None:
        """Return the step at which a data row is; None if it is done, as one with a label is unless it was moved."""
        queue_id = self.moved.get(row_id, None if row_id in self.labels else self.queues[0].id)
        return next((queue for queue in self.queues if queue.id == queue_id), None)


@dataclass(kw_only=True)
class User(Named):
    """A member of the organization; `roles` are those in projects, by project."""

    email: str
    role_id: str
    roles: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Group(Named):
    """A user group; `roles` are those of the members, by user."""

    color: str
    description: str = ""
    project_ids: list[str] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Slice(Named):
    """A saved search in the catalog; `filters` are those of an export. Only tests make slices: the SDK cannot."""

    description: str = ""
    filters: list[Json] = field(default_factory=list)
