"""The folder of a local backend: its state, its weight files, and the logs and checkpoints of its trainings.

The facets, the workers and the processes that train share it. Nothing is touched on disk before it is used.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from dragoman.errors import NotFound
from dragoman.interface import Facet
from dragoman.schema import Label, Prediction
from dragoman_local.starts import Starts
from dragoman_local.state import (
    Annotations,
    Attachments,
    Catalog,
    Database,
    Evaluations,
    Items,
    Jobs,
    label_rows,
    prediction_rows,
)

if TYPE_CHECKING:
    from dragoman_local.settings import LocalSettings


class Home:
    """What is kept under `root`.

    Args:
        root: The folder: `state.sqlite3`, `weights/VERSION.safetensors`, `trainings/ID/`, `workers/`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._database = Database(root / "state.sqlite3")
        self.catalog = Catalog(self._database)
        self.items = Items(self._database)
        self.labels: Annotations[Label] = label_rows(self._database)
        self.predictions: Annotations[Prediction] = prediction_rows(self._database)
        self.attachments = Attachments(self._database)
        self.evaluations = Evaluations(self._database)
        self.jobs = Jobs(self._database)
        self.starts = Starts(root / "workers")

    def weights_path(self, version: str) -> Path:
        """Return where the weights of a version belong; the file need not exist."""
        return self.root / "weights" / f"{version}.safetensors"

    def weights(self, version: str) -> Path:
        """Return the weight file of a version.

        Raises:
            NotFound: There is no such version, or it has no weights.
        """
        path = self.weights_path(self.catalog.version(version).id)
        if not path.is_file():
            raise NotFound(
                f"Version {version} has no weights.", hint="Train the model, or give it some with upload_weights."
            )
        return path

    def training_folder(self, training: str) -> Path:
        """Return the folder of a training: its log, its lock and its checkpoint."""
        return self.root / "trainings" / training

    def log(self, training: str) -> Path:
        """Return the log of a training."""
        return self.training_folder(training) / "log.txt"

    def lock(self, training: str) -> Path:
        """Return the file that is locked while a training has a process."""
        return self.training_folder(training) / "lock"

    def checkpoint(self, training: str) -> Path:
        """Return where a training keeps what it needs to go on after it was killed."""
        return self.training_folder(training) / "checkpoint.safetensors"

    def slot(self, number: int) -> Path:
        """Return the file that the worker in a slot locks."""
        return self.root / "workers" / f"{number}.lock"

    def remove_weights(self, version: str) -> None:
        """Remove the weight file of a version that is deleted."""
        self.weights_path(version).unlink(missing_ok=True)

    def remove_training(self, training: str) -> None:
        """Remove the folder of a training that is deleted."""
        folder = self.training_folder(training)
        if folder.exists():
            shutil.rmtree(folder)

    def close(self) -> None:
        """Close the state."""
        self._database.close()


class _Backend(Protocol):
    """What facets need of their adapter."""

    home: Home
    settings: LocalSettings


def home_of(facet: Facet) -> Home:
    """Return the folder of the backend that a facet belongs to."""
    return cast(_Backend, facet._adapter).home


def settings_of(facet: Facet) -> LocalSettings:
    """Return the settings of the backend that a facet belongs to."""
    return cast(_Backend, facet._adapter).settings
