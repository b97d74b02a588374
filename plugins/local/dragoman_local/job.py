"""The process that trains: one job. Run as `python -m dragoman_local.job ROOT TRAINING ATTEMPT`, or so by torchrun.

It reads its job from the state, has it carried out (`work`) by itself or by a cluster (`cluster.training`), and writes
the version. Standard output and standard error are the job's log. Whatever goes wrong becomes the job's error. Started
again after a kill, it goes on from the checkpoint.
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
from dragoman.errors import DragomanError
from dragoman.schema import Model, Status, Version
from dragoman_local.cluster.connection import Lost
from dragoman_local.errors import ERRORS
from dragoman_local.home import Home
from dragoman_local.parameters import train_config
from dragoman_local.reporter import Reporter
from dragoman_local.samples import TRAIN, VALIDATION, Example, engine_samples, examples, unseen_features
from dragoman_local.workers import LOST

if TYPE_CHECKING:
    from dragoman_local.state import Job
    from dragoman_local.work import Done, Work

logger = logging.getLogger("dragoman_local.job")


def run(home: Home, training: str, attempt: int) -> int:
    """Carry out an attempt at a training and return the exit status; its result or error is in the state then."""
    try:
        _train(home, training, attempt)
    except Lost as lost:
        logger.error("%s", lost)
        return LOST
    except Exception as cause:
        logger.exception("The training failed.")
        home.jobs.end(training, Status.FAILED, _said(bind(cause, ERRORS, Scrubber(()))))
        return 1
    return 0


def _train(home: Home, training: str, attempt: int) -> None:
    job = home.jobs.get(training)
    if job.cancelled or job.training.status.ended:
        _cancelled(home, training)
        return
    model = home.catalog.model(job.request.model)
    found = examples(home, model, job.request.training_sources(), home.jobs.splits(training))
    id = str(uuid4())
    reporter = Reporter(home, training, attempt)
    done = _carried_out(job, _work(home, job, model, found, id), reporter)
    if done is None:
        return
    reporter.flush()
    if done.stopped:
        _cancelled(home, training)
        return
    # The log is whole before the state says that the job has ended. The weights are there before their version is.
    logger.info("The training has succeeded.")
    if home.jobs.succeed(training, attempt, _version(id, job, done, found)):
        home.checkpoint(training).unlink(missing_ok=True)
    else:
        home.remove_weights(id)


def _cancelled(home: Home, training: str) -> None:
    logger.info("The training has been cancelled.")
    home.jobs.end(training, Status.CANCELLED)


def _work(home: Home, job: Job, model: Model, found: list[Example], version: str) -> Work:
    from dragoman_local.work import Work

    start = home.weights(job.request.pretrained) if job.request.pretrained is not None else None
    work = Work(
        train_config(model, job.request.parameters, start),
        engine_samples(found, TRAIN),
        engine_samples(found, VALIDATION),
        home.checkpoint(job.training.id),
        home.weights_path(version),
    )
    count = job.request.processes
    how = f" by {count} processes" * (count > 1) + ", going on from the checkpoint" * work.checkpoint.exists()
    logger.info("training on %d samples, validating on %d%s", len(work.samples), len(work.validation), how)
    if unseen := unseen_features(found, model):
        logger.warning("nothing to train on has these features, which are not learned: %s", ", ".join(unseen))
    return work


def _carried_out(job: Job, work: Work, reporter: Reporter) -> Done | None:
    """Return what came of the work; None if another of torchrun's processes leads."""
    if job.request.engine == "ray":
        from dragoman_local.cluster.training import carry_out_on_cluster

        return carry_out_on_cluster(work, job.request, reporter)
    from dragoman_local.work import carry_out

    return carry_out(work, reporter.on_progress, reporter.should_stop)


def _version(id: str, job: Job, done: Done, found: list[Example]) -> Version:
    config = done.config.model_dump(mode="json", exclude={"task", "features"})
    if job.request.pretrained is not None:
        # The id of the version means the same everywhere, the path of its file does not.
        config["pretrained"] = job.request.pretrained
    datasets = [source.dataset for source in job.request.training_sources()]
    return Version(
        id=id,
        model=job.request.model,
        name=f"training-{job.training.id[:8]}",
        status=Status.SUCCEEDED,
        dataset=datasets[0] if len(datasets) == 1 else None,
        training=job.training.id,
        config=config,
        metrics=dict(done.metrics),
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
    """Run the attempt that the command line names and return the exit status."""
    root, training, attempt = arguments
    # Of several processes one is enough to read of.
    level = logging.INFO if os.environ.get("RANK", "0") == "0" else logging.ERROR
    logging.basicConfig(stream=sys.stdout, level=level, format="%(asctime)s %(message)s")
    logger.info("process %d for training %s, attempt %s", os.getpid(), training, attempt)
    home = Home(Path(root))
    try:
        return run(home, training, int(attempt))
    finally:
        home.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
