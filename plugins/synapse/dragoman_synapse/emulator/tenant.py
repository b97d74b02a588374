"""Everything of one tenant of an emulated Synapse, and what changes it. The things themselves are in `records`.

All changes happen on the one loop of the server. Look-ups raise the refusal that a client gets.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import secrets
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from dragoman.emulate.app import ApiError
from dragoman.emulate.clock import Clock
from dragoman.emulate.emulation import Settings
from dragoman_synapse.emulator.answers import FieldErrors
from dragoman_synapse.emulator.jobs import Agent, Job, Plugin, Release, ServeApplication
from dragoman_synapse.emulator.media import Media, Stored
from dragoman_synapse.emulator.records import (
    Assignment,
    Collection,
    Dataset,
    DatasetVersion,
    DataUnit,
    Event,
    Model,
    Project,
    Storage,
    Tag,
    Task,
    Truth,
)

T = TypeVar("T")
Json = dict[str, Any]

S3 = {"bucket_name": "default", "access_key": "emulated", "secret_key": "emulated"}
KEY = "synapse.tenant"
"""Where the tenant stands in the scope of a request."""


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
    part_bytes = 100 * 1024 * 1024
    """Bytes of a file that is sent to the storage in one part; a larger one is sent in parts of so many."""

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
        self.collections: dict[int, Collection] = {}
        self.units: dict[int, DataUnit] = {}
        self.projects: dict[int, Project] = {}
        self.tasks: dict[int, Task] = {}
        self.tags: dict[int, Tag] = {}
        self.assignments: dict[int, Assignment] = {}
        self.jobs: dict[str, Job] = {}
        self.applications: dict[int, ServeApplication] = {}
        agent = Agent(id=self.new_id(), name="agent", token=secrets.token_hex(20))
        self.agents: dict[int, Agent] = {agent.id: agent}
        self.plugins: dict[str, Plugin] = {}
        self.add_release(self.add_plugin("detector"), "1.0.0")
        storage = Storage(id=self.new_id(), name="default", is_default=True, configuration=S3)
        self.storages: dict[int, Storage] = {storage.id: storage}
        self.logs: list[Json] = []

    def new_id(self) -> int:
        """Return the next id; all things of a tenant are counted together, so that ids of two kinds never agree."""
        return next(self._numbers)

    def now(self) -> datetime:
        """Return the time on the clock."""
        return self.clock.now()

    def copy(self) -> Tenant:
        """Return all that it has once more, to see what becomes of it; files, clock, ids and switches are the same."""
        shared = (self.settings, self.clock, self.media, self._numbers)
        return copy.deepcopy(self, {id(one): one for one in shared})

    # -- look-ups --------------------------------------------------------------------------------------------------

    def model(self, key: str | int) -> Model:
        return _found(self.models, key)

    def dataset(self, key: str | int) -> Dataset:
        return _found(self.datasets, key)

    def truth(self, key: str | int) -> Truth:
        return _found(self.truths, key)

    def version(self, key: str | int) -> DatasetVersion:
        return _found(self.versions, key)

    def project(self, key: str | int) -> Project:
        return _found(self.projects, key)

    def collection(self, key: str | int) -> Collection:
        return _found(self.collections, key)

    def unit(self, key: str | int) -> DataUnit:
        return _found(self.units, key)

    def task(self, key: str | int) -> Task:
        return _found(self.tasks, key)

    def tag(self, key: str | int) -> Tag:
        return _found(self.tags, key)

    def assignment(self, key: str | int) -> Assignment:
        return _found(self.assignments, key)

    def storage(self, key: str | int) -> Storage:
        return _found(self.storages, key)

    def job(self, key: str) -> Job:
        if key not in self.jobs:
            raise ApiError(404, "Not found.")
        return self.jobs[key]

    def plugin(self, key: str) -> Plugin:
        found = self.plugins.get(key) or next((held for held in self.plugins.values() if str(held.id) == key), None)
        if found is None:
            raise ApiError(404, "Not found.")
        return found

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

    # -- plugins ---------------------------------------------------------------------------------------------------

    def add_plugin(self, code: str, *, name: str = "", category: str = "neural_net", description: str = "") -> Plugin:
        """Add a plugin without a release."""
        made = Plugin(
            id=self.new_id(),
            code=code,
            name=name or code,
            category=category,
            description=description,
            created=self.now(),
        )
        self.plugins[code] = made
        return made

    def add_release(self, plugin: Plugin, version: str, **facts: Any) -> Release:
        """Publish a version of a plugin; what is run is the latest one."""
        made = Release(id=self.new_id(), version=version, created=self.now(), **facts)
        plugin.releases.append(made)
        return made

    # -- annotation ------------------------------------------------------------------------------------------------

    def add_task(self, project: int, unit: DataUnit) -> Task:
        """Add the task to annotate a data unit."""
        made = Task(id=self.new_id(), project=project, unit=unit, created=self.now())
        self.tasks[made.id] = made
        return made

    def forget_task(self, task: Task) -> None:
        """Delete a task with its assignments."""
        del self.tasks[task.id]
        for held in [held for held in self.assignments.values() if held.task is task]:
            del self.assignments[held.id]

    def add_tag(self, name: str, project: int | None = None) -> Tag:
        """Add a tag, as people do who manage a project."""
        made = Tag(id=self.new_id(), name=name, project=project)
        self.tags[made.id] = made
        return made

    def add_assignment(self, task: Task, user: int = 1, **facts: Any) -> Assignment:
        """Give a task to an annotator, as the distribution of a project's work does."""
        made = Assignment(id=self.new_id(), task=task, user=user, created=self.now(), **facts)
        self.assignments[made.id] = made
        return made

    # -- ground truth ----------------------------------------------------------------------------------------------

    def add_dataset(self, name: str, description: str = "") -> Dataset:
        """Add a ground truth dataset with a project whose approved tasks become its ground truth."""
        dataset = Dataset(id=self.new_id(), name=name, created=self.now(), description=description)
        project = Project(id=self.new_id(), name=name, dataset=dataset.id, created=self.now())
        dataset.project = project.id
        self.datasets[dataset.id], self.projects[project.id] = dataset, project
        return dataset

    def add_file(self, stored: Stored, content: bytes) -> tuple[int, str]:
        """Keep a data file, which can then be named by its MD5 or its SHA-1, and return its id and its MD5."""
        checksum = hashlib.md5(content).hexdigest()
        self.data_files[checksum] = self.data_files[hashlib.sha1(content).hexdigest()] = stored
        return self.new_id(), checksum

    def add_unit(
        self,
        files: dict[str, Stored],
        meta: Json | None = None,
        *,
        collection: int = 0,
        sizes: Json | None = None,
        groups: list[str] | None = None,
    ) -> DataUnit:
        """Add a piece of data. `sizes` are what the platform has found out of its files: width, height, frames."""
        unit = DataUnit(
            id=self.new_id(),
            collection=collection,
            files=files,
            meta=meta or {},
            file_meta=sizes or {},
            groups=groups or [],
            created=self.now(),
        )
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
        """Delete a dataset with its versions and ground truths; tasks of its project then become none."""
        del self.datasets[dataset.id]
        for project in self.projects.values():
            if project.dataset == dataset.id:
                project.dataset = None
        for version in self.versions_of(dataset.id):
            del self.versions[version.id]
        for truth in self.truths_of(dataset.id):
            del self.truths[truth.id]
        self._listed.pop(dataset.id, None)

    def expired(self, created: datetime) -> bool:
        """Return whether an upload begun then is gone by now."""
        return self.clock.now() - created > timedelta(seconds=self.upload_seconds)


def tenant_of(request: Request) -> Tenant:
    """Return the tenant of a request that was let in."""
    tenant: Tenant = request.scope[KEY]
    return tenant


def _found(held: dict[int, T], key: str | int) -> T:
    try:
        return held[int(key)]
    except (KeyError, ValueError, TypeError, OverflowError):
        raise ApiError(404, "Not found.") from None
