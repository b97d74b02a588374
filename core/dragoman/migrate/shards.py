"""Migrations in shards: each takes the items whose keys fall to it and what is on them, with a ledger of its own.

The coordinator checks the plan and makes the things, the shards carry rows, and their ledgers are merged into the one
beside the plan. Where the shards run is an engine's affair: processes of this machine, or Ray tasks on many. The
ledgers of the shards lie beside the main one, on a disk that all of them reach. A run that broke off is begun again
with as many shards; each goes on where it was.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Literal

from dragoman.adapter import Adapter
from dragoman.connecting import connect
from dragoman.errors import PlatformError, Unsupported
from dragoman.migrate.applied import Applied, report_of
from dragoman.migrate.files import open_file
from dragoman.migrate.ledger import Ledger
from dragoman.migrate.migration import Migration
from dragoman.migrate.plan import Plan
from dragoman.migrate.reading import Shard
from dragoman.plugins import installed

Engine = Literal["processes", "ray"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to connect to a side, for processes that do it themselves.

    Args:
        name: Name of the backend, or `FORMAT:PATH` of a file.
        profile: Profile of its settings.
        settings: Settings; what is secret is better left to the environment or the profile of the workers.
    """

    name: str
    profile: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    def open(self) -> Adapter:
        """Connect."""
        form, colon, path = self.name.partition(":")
        if colon:
            return open_file(form, Path(path), installed().hooks.hook)
        return connect(self.name, profile=self.profile, **self.settings)


@dataclass(frozen=True, slots=True)
class Job:
    """What one shard does."""

    source: Endpoint
    target: Endpoint
    plan: str
    ledger: Path
    shard: Shard
    in_flight: int | None
    media: Path | None


def run_job(job: Job) -> Path:
    """Carry one shard and return its ledger. It may be called again after it broke off."""
    plan = Plan.model_validate_json(job.plan)
    with job.source.open() as source, job.target.open() as target, closing(Ledger(job.ledger)) as ledger:
        migration = Migration(source, target, plan.scope, in_flight=job.in_flight, media=job.media, shard=job.shard)
        migration.apply(plan, ledger=ledger, recheck=False)
    return job.ledger


def apply_sharded(
    source: Endpoint,
    target: Endpoint,
    plan: Plan,
    *,
    ledger: Path,
    shards: int,
    engine: Engine = "processes",
    in_flight: int | None = None,
    media: Path | None = None,
    recheck: bool = True,
) -> Applied:
    """Carry out a plan in shards and return every row's outcome.

    Rows that the target has under another id are not looked for; those that it has under theirs are `ignored`.

    Args:
        source: Where the data is.
        target: Where it goes.
        plan: What to do.
        ledger: The main ledger; those of the shards lie beside it.
        shards: How many.
        engine: Where they run.
        in_flight: Most requests to the target at once, of each shard.
        media: As in `Migration`.
        recheck: As in `Migration.apply`.

    Raises:
        Conflict: The plan is stale, or another run is at the ledger.
        WouldLose: The plan has losses that were not chosen.
        Unsupported: Ray is not installed, or the target is a file.
    """
    if ":" in target.name:
        raise Unsupported("A file is written by one process.", hint="Apply without shards.")
    with source.open() as here, target.open() as there, closing(Ledger(ledger)) as book:
        migration = Migration(here, there, plan.scope)
        with book.locked(plan.identity):
            ids = migration.prepare(plan, book, recheck=recheck)
            jobs = [
                Job(source, target, plan.model_dump_json(), _beside(ledger, shard), shard, in_flight, media)
                for shard in (Shard(number, shards) for number in range(shards))
            ]
            book.merge(_ENGINES[engine](jobs))
            book.finish()
            reports = {kind: report_of(book, kind) for kind in book.counts()}
    return Applied(reports, ids)


def _beside(ledger: Path, shard: Shard) -> Path:
    return ledger.with_name(f"{ledger.name}.shard-{shard.number + 1}-of-{shard.count}")


def _in_processes(jobs: Sequence[Job]) -> list[Path]:
    with ProcessPoolExecutor(len(jobs), mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        try:
            return list(pool.map(run_job, jobs))
        except BrokenProcessPool as error:
            raise PlatformError(
                "A process that carried a shard has died.", hint="Apply again: every shard goes on where it was."
            ) from error


def _end_with_parent() -> None:
    """Let a worker go at once when it is interrupted, and when the process that it works for is gone.

    Its ledger knows what was under way. Left alone, it would wait for work for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _on_ray(jobs: Sequence[Job]) -> list[Path]:
    try:
        import ray
    except ImportError as error:
        raise Unsupported("Ray is not installed.", hint="Install dragoman[ray].") from error
    ours = not ray.is_initialized()
    if ours:
        ray.init(include_dashboard=False, log_to_driver=False)
    try:
        # A task that is lost with its machine runs again elsewhere, and goes on by its ledger.
        task = ray.remote(max_retries=3)(run_job)
        done: list[Path] = ray.get([task.remote(job) for job in jobs])
        return done
    finally:
        if ours:
            ray.shutdown()


_ENGINES: dict[Engine, Callable[[Sequence[Job]], list[Path]]] = {"processes": _in_processes, "ray": _on_ray}
