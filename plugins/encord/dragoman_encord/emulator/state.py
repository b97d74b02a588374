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
from dragoman_encord.emulator.curation import Collection, Preset, ProjectCollection, ProjectPreset
from dragoman_encord.emulator.label_row import LabelRow
from dragoman_encord.emulator.media import Sound
from dragoman_encord.emulator.ml import Attachment, Model, Training
from dragoman_encord.emulator.people import OWNER, Access, Organisation
from dragoman_encord.emulator.workflow import Task, Workflow

T = TypeVar("T")
Json = dict[str, Any]
DIRECT_ACCESS = "public URLs"
BODY_LIMIT = 64 << 20


@dataclass(kw_only=True)
class Ontology:
    id: str
    title: str
    description: str
    editor: Json
    created: datetime
    edited: datetime
    access: Access = field(default_factory=Access)

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
    """A file in a folder. `children` are the images of an image group, which as `optimised` is one of a sequence.

    `contents` are the files of a data group, by their places in its `layout`.
    """

    id: str
    folder: str
    type: str
    name: str
    metadata: Json
    created: datetime
    changed: datetime | None = None
    description: str = ""
    optimised: bool = False
    url: str | None = None
    object_key: str | None = None
    integration: str | None = None
    width: int | None = None
    height: int | None = None
    frames: int | None = None
    fps: float | None = None
    size: int | None = None
    mime: str | None = None
    sound: Sound | None = None
    children: list[str] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    layout: Json = field(default_factory=dict)

    @property
    def edited(self) -> datetime:
        return self.changed or self.created

    @property
    def kind(self) -> str:
        """The type as folders name it."""
        return "imageSequence" if self.optimised else self.type

    @property
    def duration(self) -> float | None:
        """Seconds, where it is video or audio of known length."""
        return self.frames / self.fps if self.frames and self.fps else None


@dataclass(kw_only=True)
class Folder:
    id: str
    name: str
    description: str
    metadata: str | None
    created: datetime
    edited: datetime
    parent: str | None = None
    dataset: str | None = None
    access: Access = field(default_factory=Access)


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
    access: Access = field(default_factory=Access)


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
    status: str = "inProgress"
    sources: list[str] | None = None
    """The projects that one for a benchmark compares."""
    rows: dict[tuple[str, str], LabelRow] = field(default_factory=dict)
    attachments: dict[str, Attachment] = field(default_factory=dict)
    collections: dict[str, ProjectCollection] = field(default_factory=dict)
    presets: dict[str, ProjectPreset] = field(default_factory=dict)
    issues: dict[str, Json] = field(default_factory=dict)
    issue_tags: dict[str, None] = field(default_factory=dict)
    access: Access = field(default_factory=Access)
    tags: set[str] = field(default_factory=set)
    workflow: Workflow = field(default_factory=Workflow)

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
        self.organisation = Organisation()
        self.organisation.join(OWNER, "ADMIN", "internal", clock.now())
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
        self.collections: dict[str, Collection] = {}
        self.presets: dict[str, Preset] = {}
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
        return seen(self.folders, key, "folder")

    def item(self, key: str) -> Item:
        return seen(self.items, key, "storage item")

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

    def task(self, project: Project, data_hash: str) -> Task:
        """Return the task of a data unit of a project."""
        return project.workflow.task(data_hash, self.clock.now())

    def images(self, item: Item) -> list[Item]:
        """Return the images of an image group."""
        return [self.items[child] for child in item.children]

    def uses(self, item: Item) -> list[tuple[Dataset, list[str]]]:
        """Return the datasets that an item is in, with its data hashes there."""
        places = (
            (dataset, [place for place, held in dataset.rows.items() if held == item.id])
            for dataset in self.datasets.values()
        )
        return [(dataset, hashes) for dataset, hashes in places if hashes]

    def unlink(self, item: Item, dataset: Dataset) -> None:
        """Take an item out of a dataset."""
        dataset.rows = {place: held for place, held in dataset.rows.items() if held != item.id}

    def signed(self, item: Item, base: str) -> str | None:
        """Return a link to an item's file; a URL that was registered is given back as it is."""
        return self.blobs.sign(base, item.object_key) if item.object_key else item.url

    def below(self, folder: Folder) -> list[Folder]:
        """Return the folders in a folder, and those in them."""
        children = [one for one in self.folders.values() if one.parent == folder.id]
        return [*children, *(deeper for child in children for deeper in self.below(child))]

    def move_item(self, item: Item, folder: Folder) -> None:
        """Put an item into another folder; datasets that mirror the folders follow."""
        mirrored = self.folder(item.folder).dataset
        if mirrored is not None:
            self.unlink(item, self.dataset(mirrored))
        item.folder = folder.id
        if folder.dataset is not None:
            self.link(self.dataset(folder.dataset), item.id)

    def delete_item(self, item: Item, *, frames: bool = True) -> None:
        """Delete an item, and with `frames` those of its images that no other item and no dataset uses."""
        self.items.pop(item.id, None)
        for dataset, _ in self.uses(item):
            self.unlink(item, dataset)
        for group in self.items.values():
            if item.id in group.children:
                group.children.remove(item.id)
                group.frames = len(group.children)
            if item.id in group.contents.values():
                group.contents = {place: key for place, key in group.contents.items() if key != item.id}
        if not frames:
            return
        for image in (self.items[child] for child in item.children if child in self.items):
            if not self.uses(image) and not any(image.id in other.children for other in self.items.values()):
                self.delete_item(image)

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


def seen(objects: dict[str, T], key: str, kind: str) -> T:
    """Return the folder or the item that has that id. Of those the platform does not tell whether there is one.

    Raises:
        ApiError: 403, nothing that the user may see has it.
    """
    if key not in objects:
        raise ApiError(403, f"There is no {kind} {key}, or it may not be seen.")
    return objects[key]
