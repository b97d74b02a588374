"""Carries a training's progress to the state and the log, and the wish to stop back, a few times a second at most."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from dragoman.schema import Progress
from dragoman_local.home import Home

if TYPE_CHECKING:
    from dragoman_local.engine import config

REPORT_SECONDS = 0.25
"""Least time between two writes of the progress. Each also asks whether to stop."""
LOG_SECONDS = 2.0

logger = logging.getLogger("dragoman_local.job")


class Reporter:
    """Reports one attempt at a training."""

    def __init__(self, home: Home, training: str, attempt: int) -> None:
        self._home = home
        self._training = training
        self._attempt = attempt
        self._latest = home.jobs.get(training).training.progress
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
        if progress.epoch_ended:
            logger.info("epoch %d: %s", progress.epoch, _listed(progress))
        elif time.monotonic() - self._logged >= LOG_SECONDS:
            logger.info(
                "step %d of %d, loss %.4f, %.0f images per second, %.0f s left",
                progress.step,
                progress.steps,
                progress.loss,
                progress.images_per_second,
                progress.eta_s,
            )
        else:
            return
        self._logged = time.monotonic()

    def should_stop(self) -> bool:
        """Return whether the job was cancelled, or given to another process."""
        if not self._stop and time.monotonic() - self._reported >= REPORT_SECONDS:
            self.flush()
        return self._stop

    def flush(self) -> None:
        """Write the latest progress now."""
        self._stop = self._home.jobs.report(self._training, self._attempt, self._latest)
        self._reported = time.monotonic()


def _listed(progress: config.Progress) -> str:
    rates = f"step {progress.step} of {progress.steps}, {progress.images_per_second:.0f} images per second"
    return ", ".join([rates, *(f"{name} {value:.4f}" for name, value in progress.metrics.items())])
