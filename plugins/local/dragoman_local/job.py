"""The process that trains: one job. Run as `python -m dragoman_local.job ROOT TRAINING ATTEMPT`, or so by torchrun.

It reads its job from the state, trains, writes the weights and then the version. Standard output and standard error
are the job's log. Whatever goes wrong becomes the job's error. Started again after a kill, it goes on from the
checkpoint.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from dragoman.calls.binding import bind
from dragoman.calls.scrub import Scrubber
from dragoman.errors import Conflict, DragomanError
from dragoman.schema import Model, Status, Version
from dragoman_local.errors import ERRORS
from dragoman_local.home import Home
from dragoman_local.parameters import train_config
from dragoman_local.reporter import Reporter
from dragoman_local.samples import TRAIN, VALIDATION, Example, engine_samples, examples

if TYPE_CHECKING:
    from dragoman_local.engine.team import Team
    from dragoman_local.engine.train import TrainResult
    from dragoman_local.state import Job

logger = logging.getLogger("dragoman_local.job")


def run(home: Home, training: str, attempt: int) -> Status:
    """Carry out an attempt at a training and return how it ended; its result or error is in the state then."""
    try:
        # Loading torch lasts seconds.
        from dragoman_local.engine.team import joined

        with joined() as team:
            return _train(home, training, attempt, team)
    except Exception as cause:
        logger.exception("The training failed.")
        home.jobs.end(training, Status.FAILED, _said(bind(cause, ERRORS, Scrubber(()))))
        return Status.FAILED


def _train(home: Home, training: str, attempt: int, team: Team) -> Status:
    from dragoman_local.engine.weights import save

    job = home.jobs.get(training)
    if job.cancelled or job.training.status.ended:
        return _cancelled(home, training)
    model = home.catalog.model(job.request.model)
    found = examples(home, model, job.request.training_sources(), home.jobs.splits(training))
    reporter = Reporter(home, training, attempt)
    result = _result(home, job, model, found, reporter, team)
    if not team.leads:
        return Status.SUCCEEDED
    reporter.flush()
    if result.stopped:
        return _cancelled(home, training)
    version = _version(job, result, found)
    path = home.weights_path(version.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The file before the row: a version in the state always has its weights.
    save(result.network, model.features, path)
    # The log is whole before the state says that the job has ended.
    logger.info("The training has succeeded.")
    if not home.jobs.succeed(training, attempt, version):
        home.remove_weights(version.id)
        return Status.CANCELLED
    home.checkpoint(training).unlink(missing_ok=True)
    return Status.SUCCEEDED


def _cancelled(home: Home, training: str) -> Status:
    logger.info("The training has been cancelled.")
    home.jobs.end(training, Status.CANCELLED)
    return Status.CANCELLED


def _result(home: Home, job: Job, model: Model, found: list[Example], reporter: Reporter, team: Team) -> TrainResult:
    from dragoman_local.engine.train import train

    start = home.weights(job.request.pretrained) if job.request.pretrained is not None else None
    settings = train_config(model, job.request.parameters, start)
    samples, validation = (engine_samples(found, split) for split in (TRAIN, VALIDATION))
    checkpoint = home.checkpoint(job.training.id)
    how = f" by {team.count} processes" * (team.count > 1) + ", going on from the checkpoint" * checkpoint.exists()
    logger.info("training on %d samples, validating on %d%s", len(samples), len(validation), how)
    _warn_of_unseen(found, model)

    def trained() -> TrainResult:
        return train(
            settings,
            samples,
            validation,
            on_progress=reporter.on_progress,
            should_stop=reporter.should_stop,
            checkpoint=checkpoint,
            team=team,
        )

    try:
        return trained()
    except Conflict as conflict:
        # The labels were changed since; what was learned of the old ones is not to be mixed with the new ones.
        logger.info("%s It is removed, and the training starts anew.", conflict.message)
        checkpoint.unlink()
        return trained()


def _warn_of_unseen(found: list[Example], model: Model) -> None:
    seen = {target.feature for example in found if example.split == TRAIN for target in example.targets}
    unseen = [name for index, name in enumerate(model.features) if index not in seen]
    if unseen:
        logger.warning("no sample to train on has these features, which will not be learned: %s", ", ".join(unseen))


def _version(job: Job, result: TrainResult, found: list[Example]) -> Version:
    config = result.config.model_dump(mode="json", exclude={"task", "features"})
    if job.request.pretrained is not None:
        # The id of the version means the same everywhere, the path of its file does not.
        config["pretrained"] = job.request.pretrained
    datasets = [source.dataset for source in job.request.training_sources()]
    return Version(
        id=str(uuid4()),
        model=job.request.model,
        name=f"training-{job.training.id[:8]}",
        status=Status.SUCCEEDED,
        dataset=datasets[0] if len(datasets) == 1 else None,
        training=job.training.id,
        config=config,
        metrics=dict(result.metrics),
        metadata={"datasets": datasets, "data": _digest(found)},
    )


def _digest(found: list[Example]) -> str:
    """Return a hash of what was learned: the items' content hashes, their parts and their targets."""
    digest = hashlib.sha256()
    for example in found:
        item = example.item
        digest.update(msgspec.json.encode((item.key, item.content_hash, example.split, example.frame, example.targets)))
    return f"sha256:{digest.hexdigest()}"


def _said(error: DragomanError) -> str:
    return f"{error.message} {error.hint}" if error.hint else error.message


def main(arguments: list[str]) -> int:
    """Run the attempt that the command line names; the exit status is 0 unless it failed."""
    root, training, attempt = arguments
    # Of several processes one is enough to read of.
    level = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.ERROR
    logging.basicConfig(stream=sys.stdout, level=level, format="%(asctime)s %(message)s")
    logger.info("process %d for training %s, attempt %s", os.getpid(), training, attempt)
    home = Home(Path(root))
    try:
        return int(run(home, training, int(attempt)) is Status.FAILED)
    finally:
        home.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
