"""What an emulated Labelbox account holds.

Plain objects that tests may look at (`emulation.state.datasets[...]`). Look-ups by id raise the refusal that a client
gets. All changes happen on the one loop of the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from dragoman.emulate.clock import Clock
from dragoman.emulate.emulation import Settings
from dragoman_labelbox.emulator.files import Files
from dragoman_labelbox.emulator.graphql import not_found
from dragoman_labelbox.emulator.ids import Ids
from dragoman_labelbox.emulator.jobs import Job, Jobs
from dragoman_labelbox.emulator.schemas import Schemas

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(kw_only=True)
class Named:
    """What all objects of the API have."""

    id: str
    name: str
    created: datetime
    updated: datetime


@dataclass(kw_only=True)
class Ontology(Named):
    """An ontology; its nodes are in `State.schemas`, in order."""

    media_type: str | None
    tools: list[Json]
    classifications: list[Json]


@dataclass(kw_only=True)
class DataRow:
    """One image or video. `fields` are metadata values: schema id to value."""

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
    attachments: list[Json] = field(default_factory=list)


@dataclass(kw_only=True)
class Dataset(Named):
    description: str = ""
    rows: dict[str, DataRow] = field(default_factory=dict)


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
    """The annotations of one label or of one data row in a run, in the order of arrival."""

    id: str
    rows: list[Stored] = field(default_factory=list)


@dataclass(kw_only=True)
class Import(Named):
    """One import of annotations; `job` does the work, the files are tokens of `State.files`."""

    kind: str
    parent: str
    job: Job
    files: dict[str, str]
    failed: bool = False


@dataclass
class RunRow:
    """A data row in a run."""

    id: str
    split: str = "UNASSIGNED"
    labels: list[Annotations] = field(default_factory=list)
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


@dataclass(kw_only=True)
class Project(Named):
    media_type: str | None
    description: str = ""
    ontology_id: str | None = None
    batches: dict[str, Batch] = field(default_factory=dict)
    labels: dict[str, Annotations] = field(default_factory=dict)
    drafts: dict[str, Annotations] = field(default_factory=dict)
    """Model-assisted labels: shown to annotators, not yet ground truth."""
    imports: dict[tuple[str, str], Import] = field(default_factory=dict)

    def has(self, row_id: str) -> bool:
        """Say whether a data row is in one of the batches."""
        return any(row_id in batch.row_ids for batch in self.batches.values())


class State:
    """Everything that one emulated account holds."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = Ids()
        self.files = Files()
        self.jobs = Jobs(settings)
        self.schemas = Schemas(self.ids)
        self.user_id, self.organization_id = self.ids.new(), self.ids.new()
        self.metadata_schemas: dict[str, Json] = {}
        self.ontologies: dict[str, Ontology] = {}
        self.models: dict[str, Model] = {}
        self.apps: dict[str, App] = {}
        self.runs: dict[str, Run] = {}
        self.datasets: dict[str, Dataset] = {}
        self.projects: dict[str, Project] = {}
        self.by_global_key: dict[str, DataRow] = {}
        self.rows: dict[str, DataRow] = {}

    def stamp(self) -> dict[str, Any]:
        """Return the fields of a new object: id and times."""
        now = self.clock.now()
        return {"id": self.ids.new(), "created": now, "updated": now}

    def ontology(self, key: str) -> Ontology:
        return found(self.ontologies, key, "Ontology")

    def model(self, key: str) -> Model:
        return found(self.models, key, "Model")

    def run(self, key: str) -> Run:
        return found(self.runs, key, "Model run")

    def dataset(self, key: str) -> Dataset:
        return found(self.datasets, key, "Dataset")

    def project(self, key: str) -> Project:
        return found(self.projects, key, "Project")

    def row(self, key: str) -> DataRow:
        return found(self.rows, key, "Data row")

    def runs_of(self, model_id: str) -> list[Run]:
        return [run for run in self.runs.values() if run.model_id == model_id]

    def named_rows(self, ids: list[str] | None, keys: list[str] | None) -> list[DataRow]:
        """Return the data rows of some ids and global keys; unknown ones are left out."""
        rows = [self.rows[row_id] for row_id in ids or () if row_id in self.rows]
        return rows + [self.by_global_key[key] for key in keys or () if key in self.by_global_key]

    def add_row(self, row: DataRow) -> None:
        self.rows[row.id] = row
        self.datasets[row.dataset_id].rows[row.id] = row
        if row.global_key:
            self.by_global_key[row.global_key] = row

    def forget_row(self, row: DataRow) -> None:
        """Delete a data row with all that hangs on it."""
        del self.rows[row.id]
        self.datasets[row.dataset_id].rows.pop(row.id, None)
        if row.global_key:
            self.by_global_key.pop(row.global_key, None)
        for run in self.runs.values():
            run.rows.pop(row.id, None)
        for project in self.projects.values():
            project.labels.pop(row.id, None)
            project.drafts.pop(row.id, None)
            for batch in project.batches.values():
                if row.id in batch.row_ids:
                    batch.row_ids.remove(row.id)


def found(objects: dict[str, T], key: str, kind: str) -> T:
    """Return an object by id, or raise the refusal of an unknown one."""
    if key not in objects:
        raise not_found(kind, key)
    return objects[key]


def moment(time: datetime) -> str:
    """Return a time as the SDK insists on it: with a fraction and `Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
