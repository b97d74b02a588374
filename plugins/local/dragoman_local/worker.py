"""The training worker: one process, one training. Run as `python -m dragoman_local.worker ROOT TRAINING`.

It reads its job from the state, trains, writes the weights and then the version. Standard output and standard error
are the job's log. Whatever goes wrong becomes the job's error.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman.errors import DragomanError
from dragoman.schema import Item, Progress, Status, Version
from dragoman_local.errors import ERRORS
from dragoman_local.home import Home
from dragoman_local.parameters import train_config
from dragoman_local.samples import TRAIN, VALIDATION, every, read_targets, samples_of

if TYPE_CHECKING:
    from dragoman_local.engine import config
    from dragoman_local.engine.train import TrainResult
    from dragoman_local.state import Job

REPORT_SECONDS = 0.25
"""Least time between two writes of the progress. Each also asks whether to stop."""
LOG_SECONDS = 2.0

logger = logging.getLogger("dragoman_local.worker")


class Reporter:
    """Carries the engine's progress to the state, and the wish to stop back, a few times a second at most."""

    def __init__(self, home: Home, training: str) -> None:
        self._home = home
        self._training = training
        self._latest = Progress()
        self._stop = False
        self._reported = self._logged = 0.0

    def on_progress(self, progress: config.Progress) -> None:
        """Take the engine's progress."""
        self._latest = Progress(
            step=progress.step,
            steps=progress.steps,
            epoch=progress.epoch,
            loss=progress.loss,
            images_per_second=progress.images_per_second,
            seconds_left=progress.eta_s,
            metrics=dict(progress.metrics),
        )
        if progress.step == progress.steps or time.monotonic() - self._logged >= LOG_SECONDS:
            self._logged = time.monotonic()
            logger.info(
                "step %d of %d, epoch %d, loss %.4f, %.0f images per second",
                progress.step,
                progress.steps,
                progress.epoch,
                progress.loss,
                progress.images_per_second,
            )

    def should_stop(self) -> bool:
        """Return whether the job was cancelled."""
        if not self._stop and time.monotonic() - self._reported >= REPORT_SECONDS:
            self.flush()
        return self._stop

    def flush(self) -> None:
        """Write the latest progress now."""
        self._stop = self._home.jobs.report(self._training, self._latest)
        self._reported = time.monotonic()


def run(home: Home, training: str) -> Status:
    """Carry out a training and return how it ended; its result or error is in the state then."""
    try:
        ended = _train(home, training)
    except Exception as cause:
        logger.exception("The training failed.")
        error = bind(cause, ERRORS, Scrubber(()))
        home.jobs.end(training, Status.FAILED, _said(error))
        return Status.FAILED
    logger.info("The training has %s.", "succeeded" if ended is Status.SUCCEEDED else "been cancelled")
    return ended


def _train(home: Home, training: str) -> Status:
    # The job is queued while torch is loaded, which lasts seconds.
    from dragoman_local.engine.train import train
    from dragoman_local.engine.weights import save

    job = home.jobs.start(training)
    if job.cancelled or job.training.status.ended:
        home.jobs.end(training, Status.CANCELLED)
        return Status.CANCELLED
    settings, samples, validation = _prepare(home, job)
    logger.info("training on %d items, validating on %d", len(samples), len(validation))
    reporter = Reporter(home, training)
    result = train(settings, samples, validation, on_progress=reporter.on_progress, should_stop=reporter.should_stop)
    reporter.flush()
    if result.stopped:
        home.jobs.end(training, Status.CANCELLED)
        return Status.CANCELLED
    version = _version(job, result)
    path = home.weights_path(version.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The file before the row: a version in the state always has its weights.
    save(result.network, settings.features, path)
    if not home.jobs.succeed(training, version):
        home.remove_weights(version.id)
        return Status.CANCELLED
    return Status.SUCCEEDED


def _prepare(home: Home, job: Job) -> tuple[config.TrainConfig, list[config.Sample], list[config.Sample]]:
    request = job.request
    model = home.catalog.model(request.model)
    start = home.weights(request.pretrained) if request.pretrained is not None else None
    items: dict[str, Item] = {
        item.key: item for item in every(lambda cursor, size: home.jobs.items(job.training.id, cursor, size))
    }
    labels = every(lambda cursor, size: home.labels.read((request.dataset,), None, cursor, size))
    targets = read_targets(labels, items, model, request.features)
    train, validation = (samples_of(items.values(), targets, split) for split in (TRAIN, VALIDATION))
    return train_config(model, request.parameters, start), train, validation


def _version(job: Job, result: TrainResult) -> Version:
    config = result.config.model_dump(mode="json", exclude={"task", "features"})
    if job.request.pretrained is not None:
        # The id of the version means the same everywhere, the path of its file does not.
        config["pretrained"] = job.request.pretrained
    return Version(
        id=str(uuid4()),
        model=job.request.model,
        name=f"training-{job.training.id[:8]}",
        status=Status.SUCCEEDED,
        dataset=job.request.dataset,
        training=job.training.id,
        config=config,
        metrics=dict(result.metrics),
    )


def _said(error: DragomanError) -> str:
    return f"{error.message} {error.hint}" if error.hint else error.message


def main(arguments: list[str]) -> int:
    """Run the training named on the command line; the exit status is 0 unless it failed."""
    root, training = arguments
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s")
    logger.info("worker %d for training %s", os.getpid(), training)
    home = Home(Path(root))
    try:
        return int(run(home, training) is Status.FAILED)
    finally:
        home.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
