"""The trainings: what was asked, how far each is, and the items that each is trained on.

Callers, workers and the processes that train change one row from several processes. Every change of the status names
the status it starts from, so a job ends once, and only in one way. A process that trains names its attempt with all
that it writes: when the job was given to another process meanwhile, nothing is written, and it is told to stop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.errors import Conflict
from dragoman.schema import Item, Progress, Status, Training, TrainingSource, Version
from dragoman_local.state.catalog import forget_unused_items, insert_version
from dragoman_local.state.database import Database, page_of, seq_of

_OPEN = "status IN ('queued', 'running')"

Engine = Literal["processes", "ray"]
"""What carries out a training: processes of this machine, or a cluster through Ray."""

Splits = Mapping[str, Mapping[str, str]]
"""Dataset id to item key to the part that the item has in a training."""


class JobRequest(msgspec.Struct, frozen=True):
    """What a training was asked for.

    Args:
        model: Id of the model.
        sources: What it learns from, as the JSON values of `TrainingSource`.
        pretrained: Id of the version to start from.
        parameters: Hyper-parameters, checked, as JSON values.
        processes: Processes that share the training.
        engine: What starts them: torchrun on this machine, or Ray on its cluster.
        ray_address: Where that cluster is, if the environment does not say it.
    """

    model: str
    sources: tuple[dict[str, Any], ...]
    pretrained: str | None
    parameters: dict[str, Any]
    processes: int = 1
    engine: Engine = "processes"
    ray_address: str | None = None

    def training_sources(self) -> tuple[TrainingSource, ...]:
        """Return the sources as schema objects."""
        return tuple(TrainingSource.model_validate(source) for source in self.sources)

    def shown(self) -> dict[str, Any]:
        """Return what a `Training` shows of it: chosen items and labels are counted, not listed."""
        sources = [
            {name: len(value) if name in ("items", "labels") else value for name, value in source.items() if value}
            for source in self.sources
        ]
        return {
            "sources": sources,
            "pretrained": self.pretrained,
            "parameters": self.parameters,
            "processes": self.processes,
            "engine": self.engine,
        }


@dataclass(frozen=True, slots=True)
class Job:
    """A training with what only its processes need.

    `attempt` counts the processes that were given the job, `deaths` those that died since it last got any further, and
    `pid` is the process id of the latest.
    """

    training: Training
    request: JobRequest
    cancelled: bool
    attempt: int
    deaths: int
    pid: int | None


class Jobs:
    """Keeps trainings. Every method that takes an id raises `NotFound` when there is no such training."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decode_item = msgspec.json.Decoder(Item).decode

    # -- callers ------------------------------------------------------------------------------------------------------

    def add(self, id: str, request: JobRequest, splits: Splits) -> None:
        """Queue a training of that id; `splits` says which items it is trained on."""
        body = msgspec.json.encode(request).decode()
        now = datetime.now(UTC).isoformat()
        with self._database.write() as connection:
            model = seq_of(connection, "models", request.model)
            connection.execute(
                "INSERT INTO trainings (id, model, status, request, progress, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                (id, model, Status.QUEUED, body, Progress().model_dump_json(), now),
            )
            for dataset, parts in splits.items():
                owner = seq_of(connection, "datasets", dataset)
                connection.executemany(
                    "INSERT OR IGNORE INTO training_items (training, item, split) "
                    "SELECT ?, seq, ? FROM items WHERE dataset = ? AND key = ?",
                    ((id, split, owner, key) for key, split in parts.items()),
                )

    def get(self, id: str) -> Job:
        """Return a training."""
        with self._database.read() as connection:
            return _load(connection, id)

    def list(self, status: Status | None, cursor: str | None, size: int) -> Page[Training]:
        """Return a page of the trainings, the newest first."""
        conditions, values = [], []
        for condition, value in (("status = ?", status), ("seq < ?", cursor and int(cursor))):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT * FROM trainings {where} ORDER BY seq DESC LIMIT ?", (*values, size + 1)
            ).fetchall()
        return page_of(rows, size, lambda row: _job(row).training)

    def in_status(self, status: Status) -> tuple[str, ...]:
        """Return the ids of the trainings in a status, the oldest first."""
        with self._database.read() as connection:
            found = connection.execute("SELECT id FROM trainings WHERE status = ? ORDER BY seq", (status,))
            return tuple(row["id"] for row in found)

    def cancel(self, id: str) -> None:
        """End a job that waits, at once, and ask one that runs to stop."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE trainings SET status = 'cancelled', ended_at = ? WHERE id = ? AND status = 'queued'",
                (datetime.now(UTC).isoformat(), id),
            )
            connection.execute("UPDATE trainings SET cancel = 1 WHERE id = ?", (id,))

    def delete(self, id: str) -> None:
        """Delete a job; its version stays, and keeps the list of its items.

        Raises:
            Conflict: The job has not ended.
        """
        with self._database.write() as connection:
            job = _load(connection, id)
            if not job.training.status.ended:
                raise Conflict(f"Training {id} is {job.training.status}.", hint="Cancel it first.")
            connection.execute("DELETE FROM trainings WHERE id = ?", (id,))
            forget_unused_items(connection)

    def items(self, id: str, cursor: str | None, size: int) -> Page[Item]:
        """Return a page of the items that a training, which may be deleted already, is trained on."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT items.seq AS seq, training_items.split AS split, body FROM training_items "
                "JOIN items ON items.seq = training_items.item WHERE training = ? AND item > ? ORDER BY item LIMIT ?",
                (id, int(cursor or 0), size + 1),
            ).fetchall()
        return page_of(
            rows, size, lambda row: msgspec.structs.replace(self._decode_item(row["body"]), split=row["split"])
        )

    # -- workers ------------------------------------------------------------------------------------------------------

    def claim(self, id: str) -> bool:
        """Make a waiting job a running one, and return whether it was still waiting."""
        with self._database.write() as connection:
            changed = connection.execute(
                "UPDATE trainings SET status = 'running', attempt = attempt + 1, pid = NULL "
                "WHERE id = ? AND status = 'queued'",
                (id,),
            )
            return changed.rowcount == 1

    def note_process(self, id: str, pid: int) -> None:
        """Keep the id of the process that trains."""
        with self._database.write() as connection:
            connection.execute("UPDATE trainings SET pid = ? WHERE id = ?", (pid, id))

    def requeue(self, id: str, deaths: int) -> None:
        """Put a running job, whose process died, back to its place in the queue."""
        with self._database.write() as connection:
            connection.execute(
                "UPDATE trainings SET status = 'queued', deaths = ? WHERE id = ? AND status = 'running'", (deaths, id)
            )

    def end(self, id: str, status: Status, error: str | None = None) -> None:
        """Note how a job ended, if nothing noted it before."""
        with self._database.write() as connection:
            _end(connection, id, status, error=error)

    # -- the process that trains --------------------------------------------------------------------------------------

    def splits(self, id: str) -> dict[str, dict[str, str]]:
        """Return which items a training is trained on, by dataset."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT datasets.id AS dataset, items.key AS key, training_items.split AS split FROM training_items "
                "JOIN items ON items.seq = training_items.item JOIN datasets ON datasets.seq = items.dataset "
                "WHERE training = ? ORDER BY item",
                (id,),
            ).fetchall()
        found: dict[str, dict[str, str]] = {}
        for row in rows:
            found.setdefault(row["dataset"], {})[row["key"]] = row["split"]
        return found

    def report(self, id: str, attempt: int, progress: Progress) -> bool:
        """Keep how far a job is, and return whether to stop: it was cancelled, has ended, is gone or another's."""
        with self._database.write() as connection:
            row = connection.execute(
                "UPDATE trainings SET progress = ? WHERE id = ? AND attempt = ? AND status = 'running' "
                "RETURNING cancel",
                (progress.model_dump_json(), id, attempt),
            ).fetchone()
        return row is None or bool(row["cancel"])

    def succeed(self, id: str, attempt: int, version: Version) -> bool:
        """Add the version that a job made and end the job, both or neither; False if it had ended or is another's."""
        with self._database.write() as connection:
            if _load(connection, id).attempt != attempt or not _end(
                connection, id, Status.SUCCEEDED, version=version.id
            ):
                return False
            insert_version(connection, version.model_copy(update={"created_at": datetime.now(UTC)}))
        return True


def _load(connection: sqlite3.Connection, id: str) -> Job:
    seq = seq_of(connection, "trainings", id)
    return _job(connection.execute("SELECT * FROM trainings WHERE seq = ?", (seq,)).fetchone())


def _job(row: sqlite3.Row) -> Job:
    request = msgspec.json.decode(row["request"], type=JobRequest)
    training = Training(
        id=row["id"],
        model=request.model,
        status=Status(row["status"]),
        progress=Progress.model_validate_json(row["progress"]),
        version=row["version"],
        error=row["error"],
        config=request.shown(),
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )
    return Job(training, request, bool(row["cancel"]), row["attempt"], row["deaths"], row["pid"])


def _end(
    connection: sqlite3.Connection, id: str, status: Status, *, version: str | None = None, error: str | None = None
) -> bool:
    changed = connection.execute(
        f"UPDATE trainings SET status = ?, version = ?, error = ?, ended_at = ? WHERE id = ? AND {_OPEN}",
        (status, version, error, datetime.now(UTC).isoformat(), id),
    )
    return changed.rowcount == 1
