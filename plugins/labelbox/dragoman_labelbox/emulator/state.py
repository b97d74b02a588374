"""What an emulated Labelbox account holds: the objects by id (`emulation.state.datasets[...]`).

Look-ups raise the refusal that a client gets. All changes happen on the one loop of the server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from dragoman.emulate.clock import Clock
from dragoman.emulate.emulation import Settings
from dragoman_labelbox.emulator.files import Files
from dragoman_labelbox.emulator.graphql import not_found
from dragoman_labelbox.emulator.ids import Ids
from dragoman_labelbox.emulator.jobs import Jobs
from dragoman_labelbox.emulator.objects import (
    App,
    DataRow,
    Dataset,
    Group,
    Label,
    Model,
    Ontology,
    Project,
    Queue,
    Run,
    Slice,
    User,
)
from dragoman_labelbox.emulator.schemas import Schemas

T = TypeVar("T")
Json = dict[str, Any]

ROLES = {
    f"crole{number:020}": name
    for number, name in enumerate(("Admin", "Team Manager", "Reviewer", "Labeler", "Viewer", "None"))
}
"""Ids of roles to their names. They are alike in all emulations: the SDK keeps them for the life of a process."""
KEY_LENGTH = 200
"""Longest global key."""
RESERVED = (
    ("tag", "String", ()),
    ("split", "Enum", ("train", "valid", "test")),
    ("captureDateTime", "DateTime", ()),
    ("skipNFrames", "Number", ()),
)
"""Metadata schemas that every organization has: name, kind, names of the options."""
QUEUES = (
    ("Initial labeling task", "INITIAL_LABELING_QUEUE"),
    ("Initial review task", "MANUAL_REVIEW_QUEUE"),
    ("Rework (all rejected)", "MANUAL_REWORK_QUEUE"),
)
"""Name and kind of the steps that a new project has."""


class State:
    """Everything that one emulated account holds."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = Ids()
        self.files = Files()
        self.jobs = Jobs(settings)
        self.schemas = Schemas(self.ids)
        self.organization_id = self.ids.new()
        self.user = User(**self.stamp(), name="emulated", email="emulated@example.com", role_id=next(iter(ROLES)))
        self.users = {self.user.id: self.user}
        self.groups: dict[str, Group] = {}
        self.group_events: list[Json] = []
        """The audit log of the groups, oldest first; see `audit.py`."""
        self.keys: dict[str, Json] = {}
        self.tokens: dict[str, str] = {}
        """Keys that clients made: the secret to the id."""
        self.invites: dict[str, Json] = {}
        self.webhooks: dict[str, Json] = {}
        self.tags: dict[str, Json] = {}
        self.integrations: dict[str, Json] = {}
        self.embeddings: dict[str, Json] = {}
        self.configs: dict[str, Json] = {}
        self.slices: dict[str, Slice] = {}
        self.metadata_schemas = {schema["id"]: schema for schema in self._reserved()}
        self.ontologies: dict[str, Ontology] = {}
        self.models: dict[str, Model] = {}
        self.apps: dict[str, App] = {}
        self.runs: dict[str, Run] = {}
        self.datasets: dict[str, Dataset] = {}
        self.projects: dict[str, Project] = {}
        self.by_global_key: dict[str, DataRow] = {}
        self.rows: dict[str, DataRow] = {}

    def _reserved(self) -> Iterator[Json]:
        for name, kind, options in RESERVED:
            schema = self.metadata_schema(name, f"CustomMetadata{kind}", [{"name": option} for option in options])
            yield {**schema, "reserved": True}

    def metadata_schema(self, name: str, kind: str, options: Iterable[Json], key: str | None = None) -> Json:
        """Return a schema of metadata in the form of the API; an id that is not given is made."""
        made = [
            {
                "id": option.get("id") or self.ids.new(),
                "name": option["name"],
                "kind": "CustomMetadataEnumOption",
                "reserved": False,
            }
            for option in options
        ]
        return {"id": key or self.ids.new(), "name": name, "kind": kind, "reserved": False, "options": made}

    def stamp(self) -> dict[str, Any]:
        """Return the fields of a new object: id and times."""
        now = self.clock.now()
        return {"id": self.ids.new(), "created": now, "updated": now}

    def accepts(self, token: str) -> bool:
        """Say whether a client made a key of this secret that is still good."""
        key = self.keys.get(self.tokens.get(token, ""))
        return key is not None and not key["revoked"] and key["expiresAtEpoch"] > self.clock.now().timestamp()

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

    def new_project(self, name: str, media_type: str | None, **fields: Any) -> Project:
        """Make a project with the usual workflow."""
        queues = [Queue(id=self.ids.new(), name=step, kind=kind) for step, kind in QUEUES]
        made = Project(**self.stamp(), name=name, media_type=media_type, queues=queues, **fields)
        self.projects[made.id] = made
        return made

    def row(self, key: str) -> DataRow:
        return found(self.rows, key, "Data row")

    def new_label(self) -> Label:
        """Return a label without annotations."""
        return Label(**self.stamp())

    def labels(self) -> Iterator[tuple[Project, str, Label]]:
        """Yield every label with its project and the id of its data row."""
        for project in self.projects.values():
            for row_id, label in project.labels.items():
                yield project, row_id, label

    def label(self, key: str) -> tuple[Project, str, Label]:
        """Return a label with its project and the id of its data row."""
        for project, row_id, label in self.labels():
            if label.id == key:
                return project, row_id, label
        raise not_found("Label", key)

    def reviewed(self, key: str) -> tuple[Project, str, Label]:
        """Return the label that has a review, with its project and the id of its data row."""
        for project, row_id, label in self.labels():
            if key in label.reviews:
                return project, row_id, label
        raise not_found("Review", key)

    def runs_of(self, model_id: str) -> list[Run]:
        return [run for run in self.runs.values() if run.model_id == model_id]

    def named_rows(self, ids: list[str] | None, keys: list[str] | None) -> list[DataRow]:
        """Return the data rows of some ids and global keys, each once; unknown ones are left out."""
        rows = [self.rows[row_id] for row_id in ids or () if row_id in self.rows]
        rows += [self.by_global_key[key] for key in keys or () if key in self.by_global_key]
        return list({row.id: row for row in rows}.values())

    def remaining(self, rows: Iterable[DataRow]) -> list[DataRow]:
        """Return those data rows that were not deleted since they were named."""
        return [row for row in rows if row.id in self.rows]

    def add_row(self, row: DataRow) -> None:
        self.rows[row.id] = row
        self.datasets[row.dataset_id].rows[row.id] = row
        if row.global_key:
            self.by_global_key[row.global_key] = row

    def with_options(self, schema_ids: Iterable[str]) -> set[str]:
        """Return ids of metadata schemas together with those of all their options."""
        wanted = set(schema_ids)
        options = (self.metadata_schemas.get(key, {}).get("options", ()) for key in tuple(wanted))
        return wanted.union(option["id"] for each in options for option in each)

    def unknown_schemas(self, values: Iterable[Json]) -> list[str]:
        """Return the ids of those metadata values whose schema or option is not there."""
        known = self.with_options(self.metadata_schemas)
        return [value["schemaId"] for value in values if value["schemaId"] not in known]

    def set_fields(self, row: DataRow, values: list[Json]) -> None:
        """Write metadata values; the option of an enum takes the place of the one before."""
        new = {value["schemaId"]: {"schemaId": value["schemaId"], "value": value["value"]} for value in values}
        gone = self.with_options(new)
        row.fields = [*(value for value in row.fields if value["schemaId"] not in gone), *new.values()]

    def rename_row(self, row: DataRow, global_key: str | None) -> None:
        """Give a data row another global key, or none."""
        if row.global_key:
            self.by_global_key.pop(row.global_key, None)
        row.global_key = global_key
        if global_key:
            self.by_global_key[global_key] = row

    def forget_rows(self, rows: Iterable[DataRow]) -> None:
        """Delete data rows with all that hangs on them."""
        gone = {row.id: row for row in rows}
        for row in gone.values():
            del self.rows[row.id]
            self.datasets[row.dataset_id].rows.pop(row.id, None)
            self.rename_row(row, None)
        for run in self.runs.values():
            for row_id in gone:
                run.rows.pop(row_id, None)
        for project in self.projects.values():
            project.issues = {key: issue for key, issue in project.issues.items() if issue.row_id not in gone}
            held: dict[str, Any]
            for held in (project.labels, project.drafts, project.moved, project.priorities):
                for row_id in gone:
                    held.pop(row_id, None)
            for batch in project.batches.values():
                batch.row_ids = [row_id for row_id in batch.row_ids if row_id not in gone]


def found(objects: dict[str, T], key: str, kind: str) -> T:
    """Return an object by id, or raise the refusal of an unknown one."""
    if key not in objects:
        raise not_found(kind, key)
    return objects[key]


def moment(time: datetime) -> str:
    """Return a time as the SDK insists on it: with a fraction and `Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
