"""The part of a job that computes: everything it needs in one value, so that it may be done on another machine.

It opens no state: SQLite's log is for one machine. Images, checkpoint and weights are files below paths that all
machines share. What comes before and after it is in `job`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.errors import Conflict
from dragoman_local.engine.config import Progress, TrainConfig
from dragoman_local.engine.targets import Sample

if TYPE_CHECKING:
    from dragoman_local.engine.train import TrainResult

logger = logging.getLogger("dragoman_local.job")


@dataclass(frozen=True)
class Work:
    """A training to carry out.

    Args:
        config: Its settings.
        samples: What to learn from.
        validation: What to measure on.
        checkpoint: Where it keeps what it needs to go on; if the file is there, it goes on from it.
        weights: Where the weights belong when it has ended.
    """

    config: TrainConfig
    samples: list[Sample]
    validation: list[Sample]
    checkpoint: Path
    weights: Path


@dataclass(frozen=True)
class Done:
    """What came of it: `config` with all defaults filled in; `stopped` before its end, so that there are no weights."""

    config: TrainConfig
    metrics: Mapping[str, float]
    stopped: bool


def carry_out(work: Work, on_progress: Callable[[Progress], None], should_stop: Callable[[], bool]) -> Done | None:
    """Train, alone or with the processes that the environment names, and write the weights.

    Args:
        work: What to do.
        on_progress: Told every few steps, in the leading process.
        should_stop: Asked before each step, in the leading process.

    Returns:
        What came of it; None in a process that does not lead.

    Raises:
        DragomanError: As `dragoman_local.engine.train.train` says.
    """
    # Loading torch lasts seconds.
    from dragoman_local.engine.team import joined
    from dragoman_local.engine.train import train
    from dragoman_local.engine.weights import save

    def trained() -> TrainResult:
        return train(
            work.config,
            work.samples,
            work.validation,
            on_progress=on_progress,
            should_stop=should_stop,
            checkpoint=work.checkpoint,
            team=team,
        )

    with joined() as team:
        try:
            result = trained()
        except Conflict as conflict:
            # The labels were changed since; what was learned of the old ones is not to be mixed with the new ones.
            logger.info("%s It is removed, and the training starts anew.", conflict.message)
            work.checkpoint.unlink(missing_ok=True)
            result = trained()
        if not team.leads:
            return None
        if not result.stopped:
            work.weights.parent.mkdir(parents=True, exist_ok=True)
            save(result.network, work.config.features, work.weights)
        return Done(result.config, dict(result.metrics), result.stopped)
