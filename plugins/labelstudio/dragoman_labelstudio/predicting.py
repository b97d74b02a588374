"""Predictions for tasks: their media fetched, a version run over them, and its rows as results of the project."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import msgspec

from dragoman.adapter import Adapter
from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman.errors import InvalidData
from dragoman.formats.labelstudio.config import Config, read_config
from dragoman.formats.labelstudio.records import Task
from dragoman.formats.labelstudio.tasks import item_of, medium_of
from dragoman.links import REMOTE, as_files
from dragoman.media import item_from_file
from dragoman.schema import Item, Model, Prediction, Version
from dragoman.serving import newest
from dragoman_labelstudio.client import LabelStudioClient, LabelStudioRefused
from dragoman_labelstudio.codec import Encoder, score_of
from dragoman_labelstudio.errors import ERRORS
from dragoman_labelstudio.settings import LabelStudioSettings
from dragoman_labelstudio.uploads import UPLOADED, fetch

logger = logging.getLogger("dragoman.labelstudio")


@dataclass(frozen=True, slots=True)
class Studio:
    """The Label Studio that has introduced itself, and what trainings for its project are given.

    The token, which opens all that its user may, is in no repr.
    """

    endpoint: str
    token: str = field(repr=False)
    parameters: dict[str, Any] = field(default_factory=dict)

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return what to connect to it with."""
        return {"endpoint": self.endpoint, "token": self.token, **more}


class AskedTask(msgspec.Struct):
    """A task; what was said of it is not looked at."""

    id: int
    data: dict[str, Any]
    meta: dict[str, Any] | None = None

    @property
    def read(self) -> Task:
        """The task as the format reads it."""
        return Task(self.data, self.id, self.meta)


class Asked(msgspec.Struct):
    """What Label Studio asks for: predictions of tasks."""

    tasks: list[AskedTask]
    project: str = ""
    label_config: str = ""


class Predicting:
    """Runs a model over tasks.

    Args:
        backend: The open backend.
        model: The model.
        version: The version to run; the newest at any time if None.
    """

    def __init__(self, backend: Adapter, model: Model, version: Version | None) -> None:
        self._backend = backend
        self._model = model
        self._pinned = version

    def versions(self) -> list[str]:
        """Return the names of what can be run."""
        if self._pinned is not None:
            return [_name(self._pinned)]
        return [_name(version) for version in self._backend.versions.list(self._model)]

    def name(self) -> str:
        """Return the name of the version that is run now; an empty one before the first is trained."""
        return next(reversed(self.versions()), "")

    def predict(self, asked: Asked, studio: Studio | None) -> list[dict[str, Any]]:
        """Return a prediction for each task, in their order.

        Args:
            asked: The tasks, with the project's configuration.
            studio: Where media are that were uploaded; None if it has not introduced itself.

        Raises:
            InvalidData: A task has no medium that can be fetched.
            DragomanError: Fetching it, or the backend, failed.
        """
        config = read_config(asked.label_config.encode())
        version = self._version()
        with TemporaryDirectory(prefix="dragoman-labelstudio-") as folder:
            with _media_of(studio, Path(folder)) as media:
                items = media.items(asked.tasks, config)
            found: dict[str, list[Prediction]] = {item.key: [] for item in items}
            for row in self._backend.inference.predict(version, items):
                found[row.item].append(row)
        encoder = Encoder(config, _name(version))
        return [_prediction(item, found[item.key], encoder, _name(version)) for item in items]

    def _version(self) -> Version:
        return self._pinned or newest(self._backend, self._model)


def _name(version: Version) -> str:
    return version.name or version.id


def _prediction(item: Item, rows: Iterable[Prediction], encoder: Encoder, name: str) -> dict[str, Any]:
    """Return the prediction of one task, without rows that the project has no place for: it may label less."""
    shown: list[Prediction] = []
    results: list[dict[str, Any]] = []
    for row in rows:
        try:
            results += encoder.results(item, [row], set())
        except InvalidData as error:
            logger.info("task %s: left out: %s", item.key, error.message)
            continue
        shown.append(row)
    return {"model_version": name, "score": score_of(shown), "result": results}


def _pictured(file: Path, item: Item) -> Item:
    try:
        return item_from_file(file, key=item.key)
    except InvalidData as error:
        # What is said there names the file, which is none of Label Studio's.
        raise InvalidData(f"What is at {item.uri!r} is no image that can be read.", field="data") from error


@contextmanager
def _media_of(studio: Studio | None, folder: Path) -> Iterator[Media]:
    """Give what fetches the media of one request."""
    client = LabelStudioClient(LabelStudioSettings(**studio.settings())) if studio else None
    try:
        yield Media(client, folder)
    except (LabelStudioRefused, httpx.HTTPError, httpx.InvalidURL) as error:
        raise bind(error, ERRORS, Scrubber([studio.token] if studio else [])) from error
    finally:
        if client is not None:
            client.close()


@dataclass(frozen=True, slots=True)
class Media:
    """Fetches media into a folder.

    Args:
        client: Of the Label Studio that asks; None if it has not introduced itself.
        folder: The folder.
    """

    client: LabelStudioClient | None
    folder: Path

    def items(self, tasks: Sequence[AskedTask], config: Config) -> list[Item]:
        """Return the items of tasks, named by their tasks' numbers, with their media as files.

        Raises:
            InvalidData: A task has no medium that can be fetched.
        """
        items = []
        for task in tasks:
            try:
                items.append(self._item(task, config))
            except InvalidData as error:
                raise InvalidData(f"Task {task.id}: {error.message}", hint=error.hint, field=error.field) from error
        return items

    def _item(self, task: AskedTask, config: Config) -> Item:
        described = item_of(task.read, config)
        item = msgspec.structs.replace(described, key=str(task.id), uri=medium_of(task.read, config)[1])
        file = self._file(item)
        if item.media == "image":
            return _pictured(file, item)
        return msgspec.structs.replace(item, uri=str(file))

    def _file(self, item: Item) -> Path:
        """Return the file of an item. A path that a task names is never opened: it would be one of this machine."""
        uri = item.uri or ""
        if uri.startswith(REMOTE):
            (fetched,) = as_files([item], self.folder)
            return Path(fetched.uri or "")
        if not uri.startswith(UPLOADED):
            raise InvalidData(f"{uri!r} is no address that media are fetched from.", field="data")
        if self.client is None:
            raise InvalidData(
                "The medium is on the Label Studio that asks, which has not introduced itself.",
                hint="Save the connection in the project's settings again.",
                field="data",
            )
        return fetch(self.client, uri, self.folder)
