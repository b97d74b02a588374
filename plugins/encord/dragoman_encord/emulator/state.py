"""What an emulated Encord account holds: models, projects, ontologies, datasets, folders and files.

Plain objects that tests may look at (`emulation.state.projects[...]`). Lookups by id raise the refusal that a client
gets. All changes happen on the one loop of the server; label rows, jobs and trainings have their own modules.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from dragoman.emulate.app import ApiError
from dragoman.emulate.clock import Clock
from dragoman.emulate.emulation import Settings
from dragoman_encord.emulator.blobs import Blobs
from dragoman_encord.emulator.labels import LabelRow

T = TypeVar("T")
Json = dict[str, Any]
DIRECT_ACCESS = "public URLs"
BODY_LIMIT = 64 << 20
OWNER = "owner@encord.example"

TYPES = {"fasterRcnn": "objectDetection", "maskRcnn": "segmentation"}
"""Architecture to the type of its models; all others classify."""
ARCHITECTURES = {*TYPES, "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "vgg16", "vgg19"}


@dataclass(kw_only=True)
class Training:
    """A run that becomes an iteration once it is done. `fails` scripts its end."""

    id: str
    batch_size: int
    epochs: int
    features_mapping: dict[str, dict[str, list[str]]]
    labels: list[str]
    pretrained_training: str | None
    pretrained_weights: str | None
    created: datetime
    ends: datetime
    polls_left: int
    fails: bool = False
    weights: bytes = b""

    def iteration(self) -> Json:
        """Return the run as an iteration. The loss log is made up from the batch size and the number of labels."""
        start = 2.0 + len(self.labels) / max(self.batch_size, 1)
        return {
            "batchSize": self.batch_size,
            "createdAt": self.created.isoformat(),
            "duration": int((self.ends - self.created).total_seconds()),
            "epochs": self.epochs,
            "lossLog": {str(epoch): round(start / (epoch + 1), 4) for epoch in range(self.epochs)},
            "trainingUuid": self.id,
        }


@dataclass(kw_only=True)
class Model:
    id: str
    title: str
    description: str
    features: list[str]
    architecture: str
    created: datetime
    trainings: dict[str, Training] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    """Ids of the trainings that have become iterations, the oldest first."""

    def group(self) -> Json:
        return {
            "createdAt": self.created.isoformat(),
            "description": self.description,
            "features": self.features,
            "model": self.architecture,
            "modelUuid": self.id,
            "title": self.title,
            "type": TYPES.get(self.architecture, "classification"),
        }

    def iterations(self, chosen: list[str] | None = None) -> list[Json]:
        return [self.trainings[run].iteration() for run in self.done if chosen is None or run in chosen]

    def to_json(self) -> Json:
        return {"modelGroup": self.group(), "modelIterations": self.iterations()}


@dataclass(kw_only=True)
class Attachment:
    """A model bound to a project. `features` maps the model's features to hashes of the ontology."""

    id: str
    model: str
    features: dict[str, str]
    policy: str
    trainings: list[str]
    created: datetime


@dataclass(kw_only=True)
class Ontology:
    id: str
    title: str
    description: str
    editor: Json
    created: datetime
    edited: datetime

    def to_json(self) -> Json:
        return {
            "ontologyUuid": self.id,
            "title": self.title,
            "description": self.description,
            "editor": self.editor,
            "createdAt": self.created.isoformat(),
            "lastEditedAt": self.edited.isoformat(),
            "userRole": 0,
        }


@dataclass(kw_only=True)
class Item:
    """A file in a folder. `children` are the images of an image group."""

    id: str
    folder: str
    type: str
    name: str
    metadata: Json
    created: datetime
    url: str | None = None
    object_key: str | None = None
    integration: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    fps: float | None = None
    size: int | None = None
    mime: str | None = None
    children: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Folder:
    id: str
    name: str
    description: str
    metadata: str | None
    created: datetime
    dataset: str | None = None


@dataclass(kw_only=True)
class Dataset:
    """A dataset; `rows` maps data hashes to items, in the order of arrival."""

    id: str
    title: str
    description: str
    folder: str | None
    created: datetime
    edited: datetime
    rows: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Project:
    """A project; `rows` maps (branch, data hash) to the label row there, once it was initialised."""

    id: str
    title: str
    description: str
    ontology: str
    datasets: list[str]
    created: datetime
    edited: datetime
    rows: dict[tuple[str, str], LabelRow] = field(default_factory=dict)
    attachments: dict[str, Attachment] = field(default_factory=dict)

    def by_label(self) -> dict[str, LabelRow]:
        return {row.label_hash: row for row in self.rows.values()}


class State:
    """Everything that one emulated account holds."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.blobs = Blobs()
        self.keys: set[str] = set()
        """Public keys, in hex, that are accepted. A key that is taken out is like one that was revoked."""
        self.tokens: set[str] = set()
        self.integrations = {str(uuid.uuid4()): DIRECT_ACCESS}
        self.training_seconds = 0.0
        """How long a training takes on the clock."""
        self.fail_trainings = False
        """Whether trainings that are submitted from now on end in an error."""
        self.body_limit = BODY_LIMIT
        self.models: dict[str, Model] = {}
        self.projects: dict[str, Project] = {}
        self.ontologies: dict[str, Ontology] = {}
        self.datasets: dict[str, Dataset] = {}
        self.folders: dict[str, Folder] = {}
        self.items: dict[str, Item] = {}
        self.jobs: dict[str, Any] = {}

    def new_id(self) -> str:
        return str(uuid.uuid4())

    def model(self, key: str) -> Model:
        return found(self.models, key, "model")

    def training(self, model: str, key: str) -> Training:
        return found(self.model(model).trainings, key, "training")

    def project(self, key: str) -> Project:
        return found(self.projects, key, "project")

    def ontology(self, key: str) -> Ontology:
        return found(self.ontologies, key, "ontology")

    def dataset(self, key: str) -> Dataset:
        return found(self.datasets, key, "dataset")

    def folder(self, key: str) -> Folder:
        return found(self.folders, key, "folder")

    def item(self, key: str) -> Item:
        return found(self.items, key, "storage item")

    def place(self, project: Project, data_hash: str) -> tuple[Dataset, Item]:
        """Return the dataset and the item behind a data hash of a project.

        Raises:
            ApiError: 404, no dataset of the project has it.
        """
        for key in project.datasets:
            dataset = self.datasets[key]
            if data_hash in dataset.rows:
                return dataset, self.items[dataset.rows[data_hash]]
        raise ApiError(404, f"The project has no data {data_hash}.")

    def link(self, dataset: Dataset, item: str) -> str:
        """Put an item into a dataset and return the data hash of its place."""
        data_hash = self.new_id()
        dataset.rows[data_hash] = item
        dataset.edited = self.clock.now()
        return data_hash


def found(objects: dict[str, T], key: str, kind: str) -> T:
    """Return what has that id.

    Raises:
        ApiError: 404, nothing has.
    """
    if key not in objects:
        raise ApiError(404, f"There is no {kind} {key}.")
    return objects[key]
