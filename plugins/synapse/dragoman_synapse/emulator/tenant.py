"""What one tenant of an emulated Synapse holds. Plain objects that tests may look at and change.

All changes happen on the one loop of the server. Look-ups raise the refusal that a client gets.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from dragoman.emulate.app import ApiError
from dragoman.emulate.clock import Clock
from dragoman.emulate.emulation import Settings
from dragoman_synapse.emulator.answers import FieldErrors
from dragoman_synapse.emulator.jobs import Agent, Job, Plugin, ServeApplication
from dragoman_synapse.emulator.media import Media, Stored

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(kw_only=True)
class Model:
    """A model entry. `extra` are fields that the oldest documentation knows and newer clients do not send."""

    id: int
    name: str
    created: datetime
    description: str = ""
    plugin: str | None = None
    version: str | None = None
    checkpoint: int | None = None
    configuration: Json = field(default_factory=dict)
    file: Stored | None = None
    extra: Json = field(default_factory=dict)
    dataset_version: int | None = None
    """The version of ground truth that it was trained on."""

    @property
    def category(self) -> str:
        return "base" if self.checkpoint is None else "fine_tuned"


@dataclass(kw_only=True)
class Dataset:
    """A ground truth dataset."""

    id: int
    name: str
    created: datetime
    description: str = ""
    project: int | None = None


@dataclass(kw_only=True)
class DatasetVersion:
    """A frozen state of a dataset: the events that its ground truths had."""

    id: int
    dataset: int
    version: str
    created: datetime
    description: str = ""
    is_archived: bool = False
    events: list[Event] = field(default_factory=list)


@dataclass(kw_only=True)
class DataUnit:
    """One piece of data in a collection: its files by their specification, such as `image_1`."""

    id: int
    collection: int
    files: dict[str, Stored]
    meta: Json
    file_meta: dict[str, Json] = field(default_factory=dict)


@dataclass(kw_only=True)
class Event:
    """One state of a ground truth, which never changes."""

    id: int
    truth: int
    dataset: int
    unit: DataUnit
    category: str
    data: Json
    annotations: Stored
    created: datetime
    versions: list[int] = field(default_factory=list)
    """The versions that froze it, oldest first."""


@dataclass(kw_only=True)
class Truth:
    """A ground truth: the latest of its events counts."""

    id: int
    dataset: int
    latest: Event


@dataclass(kw_only=True)
class Task:
    """An annotation task on a data unit."""

    id: int
    project: int
    unit: DataUnit
    data: Json | None = None
    submitted: bool = False


@dataclass(kw_only=True)
class Project:
    """An annotation project. Approved tasks become ground truth of `dataset`, if it has one."""

    id: int
    name: str
    collection: int | None = None
    dataset: int | None = None


class Tenant:
    """Everything of one tenant.

    Args:
        code: Its name.
        settings: The emulation's switches.
        clock: Its clock.
        media: Its files.
    """

    review_automatically = False
    """Whether a submitted task is approved at once, as if a reviewer had been waiting for it."""
    upload_seconds = 86_400.0
    """After how long an upload that was not finished is gone."""
    body_limit = 256 * 1024 * 1024
    """Bytes of the largest request that is not refused with 413."""

    def __init__(self, code: str, settings: Settings, clock: Clock, media: Media) -> None:
        self.code = code
        self.settings = settings
        self.clock = clock
        self.media = media
        self._numbers = itertools.count(1)
        self.models: dict[int, Model] = {}
        self.datasets: dict[int, Dataset] = {}
        self.versions: dict[int, DatasetVersion] = {}
        self.truths: dict[int, Truth] = {}
        self._listed: dict[int, dict[int, Truth]] = {}
        self.data_files: dict[str, Stored] = {}
        self.collections: dict[int, str] = {}
        self.units: dict[int, DataUnit] = {}
        self.projects: dict[int, Project] = {}
        self.tasks: dict[int, Task] = {}
        self.jobs: dict[str, Job] = {}
        self.applications: dict[int, ServeApplication] = {}
        agent = Agent(id=self.new_id(), name="agent")
        self.agents: dict[int, Agent] = {agent.id: agent}
        self.plugins: dict[str, Plugin] = {"detector": Plugin(id=self.new_id(), code="detector")}

    def new_id(self) -> int:
        """Return the next id; all things of a tenant are counted together, so that ids of two kinds never agree."""
        return next(self._numbers)

    def now(self) -> datetime:
        """Return the time on the clock."""
        return self.clock.now()

    # -- look-ups --------------------------------------------------------------------------------------------------

    def model(self, key: str | int) -> Model:
        return _found(self.models, key)

    def dataset(self, key: str | int) -> Dataset:
        return _found(self.datasets, key)

    def version(self, key: str | int) -> DatasetVersion:
        return _found(self.versions, key)

    def project(self, key: str | int) -> Project:
        return _found(self.projects, key)

    def job(self, key: str) -> Job:
        if key not in self.jobs:
            raise ApiError(404, "Not found.")
        return self.jobs[key]

    # -- models ----------------------------------------------------------------------------------------------------

    def add_model(self, *, name: str, **facts: Any) -> Model:
        """Add a model.

        Raises:
            FieldErrors: The tenant has one of that name.
        """
        self.check_name(name)
        model = Model(id=self.new_id(), name=name, created=self.now(), **facts)
        self.models[model.id] = model
        return model

    def check_name(self, name: str) -> None:
        """Refuse a model's name that is taken."""
        if any(model.name == name for model in self.models.values()):
            raise FieldErrors(name="model with this name already exists.")

    # -- ground truth ----------------------------------------------------------------------------------------------

    def add_dataset(self, name: str, description: str = "") -> Dataset:
        """Add a ground truth dataset with a project whose approved tasks become its ground truth."""
        dataset = Dataset(id=self.new_id(), name=name, created=self.now(), description=description)
        project = Project(id=self.new_id(), name=name, dataset=dataset.id)
        dataset.project = project.id
        self.datasets[dataset.id], self.projects[project.id] = dataset, project
        return dataset

    def add_unit(
        self, files: dict[str, Stored], meta: Json | None = None, *, collection: int = 0, sizes: Json | None = None
    ) -> DataUnit:
        """Add a piece of data. `sizes` are what the platform has found out of its files: width, height, frames."""
        unit = DataUnit(id=self.new_id(), collection=collection, files=files, meta=meta or {}, file_meta=sizes or {})
        self.units[unit.id] = unit
        return unit

    def add_truth(self, dataset: int, unit: DataUnit, data: Json, category: str = "train") -> Truth:
        """Add a ground truth, as the approval of a reviewed task does. One of the unit gets a new event."""
        listed = self._listed.setdefault(dataset, {})
        held = listed.get(unit.id)
        event = Event(
            id=self.new_id(),
            truth=held.id if held else self.new_id(),
            dataset=dataset,
            unit=unit,
            category=category,
            data=data,
            annotations=self.media.add("data_meta_1.json", msgspec.json.encode(data)),
            created=self.now(),
        )
        if held is None:
            held = Truth(id=event.truth, dataset=dataset, latest=event)
            self.truths[held.id] = listed[unit.id] = held
        held.latest = event
        return held

    def truths_of(self, dataset: int) -> list[Truth]:
        """Return the ground truths of a dataset, oldest first."""
        return list(self._listed.get(dataset, {}).values())

    def add_version(self, dataset: int, version: str, description: str = "") -> DatasetVersion:
        """Freeze a dataset as it is."""
        made = DatasetVersion(
            id=self.new_id(), dataset=dataset, version=version, created=self.now(), description=description
        )
        made.events = [truth.latest for truth in self.truths_of(dataset)]
        for event in made.events:
            event.versions.append(made.id)
        self.versions[made.id] = made
        return made

    def versions_of(self, dataset: int) -> list[DatasetVersion]:
        """Return the versions of a dataset, oldest first."""
        return [version for version in self.versions.values() if version.dataset == dataset]

    def forget_dataset(self, dataset: Dataset) -> None:
        """Delete a dataset with its versions and ground truths."""
        del self.datasets[dataset.id]
        for version in self.versions_of(dataset.id):
            del self.versions[version.id]
        for truth in self.truths_of(dataset.id):
            del self.truths[truth.id]
        self._listed.pop(dataset.id, None)

    def expired(self, created: datetime) -> bool:
        """Return whether an upload begun then is gone by now."""
        return self.clock.now() - created > timedelta(seconds=self.upload_seconds)


def classes_of(data: Json) -> list[str]:
    """Return the class names in an annotation document of the first form; one of another form has none to speak of."""
    annotations = data.get("annotations")
    listed = annotations.values() if isinstance(annotations, dict) else ()
    names = {(one.get("classification") or {}).get("class") for made in listed for one in made}
    return sorted(name for name in names if name)


def _found(held: dict[int, T], key: str | int) -> T:
    try:
        return held[int(key)]
    except (KeyError, ValueError):
        raise ApiError(404, "Not found.") from None
