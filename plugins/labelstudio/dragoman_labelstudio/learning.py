"""Training on what a project's annotators have said: their labels moved to the backend, and a job submitted there."""

from __future__ import annotations

import logging
import os
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dragoman.adapter import Adapter
from dragoman.connecting import connect
from dragoman.errors import InvalidData
from dragoman.links import as_files
from dragoman.schema import Dataset, Model, Training
from dragoman_labelstudio.predicting import Studio

logger = logging.getLogger("dragoman.labelstudio")


class Learning:
    """Submits trainings, one after the other, in a thread: Label Studio does not wait for their end.

    Args:
        backend: The open backend.
        model: The model that learns.
    """

    def __init__(self, backend: Adapter, model: Model) -> None:
        self._backend = backend
        self._model = model
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dragoman-labelstudio-learning")

    def start(self, project: str, studio: Studio | None) -> Future[Training]:
        """Begin to move a project's labels, and submit a training when they are there.

        Args:
            project: The project's number.
            studio: Where it is.

        Raises:
            InvalidData: Label Studio has not introduced itself, so that its labels cannot be read.
            Unsupported: The backend trains nothing.
        """
        if studio is None:
            raise InvalidData(
                f"Label Studio has not introduced itself for project {project}, so its labels cannot be read.",
                hint="Save the connection in the project's settings again.",
            )
        self._backend.training._translation("submit")
        done = self._thread.submit(self._learn, project, studio)
        done.add_done_callback(lambda ended: _log(project, ended))
        return done

    def close(self) -> None:
        """End the thread; a job that was submitted goes on."""
        self._thread.shutdown(cancel_futures=True)

    def _learn(self, project: str, studio: Studio) -> Training:
        folder = media_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with connect("labelstudio", **studio.settings(folder=folder)) as source:
            dataset = self._moved(source, project, folder)
        return self._backend.training.submit(self._model, dataset=dataset, parameters=studio.parameters)

    def _moved(self, source: Any, project: str, folder: Path) -> Dataset:
        """Write the project as a new dataset of the backend: what was taken back there must not be learnt from."""
        target, known = self._backend, set(self._model.features)
        made = target.datasets.create(f"labelstudio-{project} {datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}")
        items = as_files(list(source.datasets.read_items(project)), folder)
        target.datasets.write_items(items, dataset=made).raise_for_problems()
        labels = (label for label in source.labels.read(project) if label.feature in known)
        target.labels.write(labels, dataset=made, on_loss="drop").raise_for_problems()
        return made


def media_folder() -> Path:
    """Return where media are kept that a backend was trained on: it may only remember where they are."""
    chosen = os.environ.get("DRAGOMAN_LABELSTUDIO_FOLDER")
    return Path(chosen) if chosen else Path.home() / ".cache" / "dragoman" / "labelstudio"


def _log(project: str, ended: Future[Training]) -> None:
    if ended.cancelled():
        return
    if error := ended.exception():
        logger.error("project %s: the training was not submitted: %s", project, error)
    else:
        logger.info("project %s: training %s was submitted", project, ended.result().id)
