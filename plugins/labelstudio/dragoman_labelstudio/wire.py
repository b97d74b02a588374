"""The parts of Label Studio's answers that are looked at, as structs; fields that are not named are passed over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from dragoman.formats.labelstudio.records import Annotation, Predicted


class Project(msgspec.Struct, frozen=True):
    """A project. `parsed_label_config` is not looked at: it lacks what is asked about a region."""

    id: int
    title: str | None = None
    description: str | None = None
    label_config: str = ""
    task_number: int | None = None
    created_at: datetime | None = None

    @property
    def name(self) -> str:
        """What it is called: its number where it has no title, as one of spaces becomes."""
        return self.title or str(self.id)


class Projects(msgspec.Struct, frozen=True):
    """A page of projects."""

    results: list[Project]
    next: str | None = None


class StoredAnnotation(msgspec.Struct, frozen=True):
    """An annotation as the server holds it, which takes anything for its result."""

    id: int
    result: Any = None
    completed_by: Any = None
    was_cancelled: bool = False

    @property
    def read(self) -> Annotation:
        """The annotation as the format reads it; what is no list of results has none."""
        return Annotation(_results(self.result), self.id, self.completed_by, self.was_cancelled)


class StoredPrediction(msgspec.Struct, frozen=True):
    """A prediction as the server holds it, which takes anything for its result."""

    id: int
    result: Any = None
    score: float | None = None
    model_version: str | None = None

    @property
    def version(self) -> str:
        """The name of the model version; an empty one where none was given."""
        return self.model_version or ""

    @property
    def read(self) -> Predicted:
        """The prediction as the format reads it; see `StoredAnnotation.read`."""
        return Predicted(_results(self.result), self.score, self.model_version)


class StoredTask(msgspec.Struct, frozen=True):
    """A task as the server holds it, with as much of it as was asked for."""

    id: int
    data: dict[str, Any] = {}
    meta: dict[str, Any] | None = None
    annotations: list[StoredAnnotation] = []
    predictions: list[StoredPrediction] = []


class Tasks(msgspec.Struct, frozen=True):
    """A page of tasks."""

    tasks: list[StoredTask]


class Imported(msgspec.Struct, frozen=True):
    """What became of an import of tasks or files."""

    task_ids: list[int] = []
    file_upload_ids: list[int] = []


class Uploaded(msgspec.Struct, frozen=True):
    """A file that was uploaded; `file` is its path below the server's `/data/`."""

    id: int
    file: str


class Created(msgspec.Struct, frozen=True):
    """How many predictions an import has made. Those that the configuration has no place for are left out silently."""

    created: int


class Account(msgspec.Struct, frozen=True):
    """Who asks."""

    id: int


class Numbered(msgspec.Struct, frozen=True):
    """Anything of which only the id counts."""

    id: int


class Connection(msgspec.Struct, frozen=True):
    """A machine-learning backend that a project is connected to."""

    id: int
    url: str
    project: int
    title: str = ""


class Counted(msgspec.Struct, frozen=True):
    """A model version with how many predictions name it."""

    model_version: str | None
    count: int = 0
    latest: datetime | None = None


class ModelVersions(msgspec.Struct, frozen=True):
    """The model versions of a project."""

    static: list[Counted] = []


def _results(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
