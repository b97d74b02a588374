"""The trainings: what was asked, how far each is, and the items that each is trained on.

Caller and worker change one row from two processes. Every change of the status names the status it starts from, so a
job ends once, and only in one way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.errors import Conflict
from dragoman.schema import Item, Progress, Status, Training, Version
from dragoman_local.state.catalog import forget_unused_items, insert_version
from dragoman_local.state.database import Database, page_of, seq_of

_OPEN = "status IN ('queued', 'running')"


class JobRequest(msgspec.Struct, frozen=True):
    """What a training was asked for.

    Args:
        model: Id of the model.
        dataset: Id of the dataset.
        features: Label feature to model feature, where the names differ.
        pretrained: Id of the version to start from.
        parameters: Hyper-parameters, checked, as JSON values.
    """

    model: str
    dataset: str
    features: dict[str, str]
    pretrained: str | None
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """A training with what only its two processes need: whether it was cancelled, and the worker's process id."""

    training: Training
    request: JobRequest
    cancelled: bool
    pid: int | None


class Jobs:
    """Keeps trainings. Every method that takes an id raises `NotFound` when there is no such training."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decode_item = msgspec.json.Decoder(Item).decode

    def add(self, id: str, request: JobRequest, splits: Mapping[str, str]) -> None:
        """Queue a training of that id; `splits` is item key to split of the items that it is trained on."""
        body = msgspec.json.encode(request).decode()
        now = datetime.now(UTC).isoformat()
        with self._database.write() as connection:
            model = seq_of(connection, "models", request.model)
            dataset = seq_of(connection, "datasets", request.dataset)
            connection.execute(
                "INSERT INTO trainings (id, model, status, request, progress, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                (id, model, Status.QUEUED, body, Progress().model_dump_json(), now),
            )
            connection.executemany(
                "INSERT INTO training_items (training, item, split) "
                "SELECT ?, seq, ? FROM items WHERE dataset = ? AND key = ?",
                ((id, split, dataset, key) for key, split in splits.items()),
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

    def open_ids(self) -> tuple[str, ...]:
        """Return the ids of the trainings that have not ended."""
        with self._database.read() as connection:
            return tuple(row["id"] for row in connection.execute(f"SELECT id FROM trainings WHERE {_OPEN}"))

    def note_worker(self, id: str, pid: int) -> None:
        """Keep the process id of a job's worker."""
        with self._database.write() as connection:
            connection.execute("UPDATE trainings SET pid = ? WHERE id = ?", (pid, id))

    def start(self, id: str) -> Job:
        """Return a job that its worker begins now: it is running then, unless it has ended before it could."""
        with self._database.write() as connection:
            connection.execute("UPDATE trainings SET status = 'running' WHERE id = ? AND status = 'queued'", (id,))
            return _load(connection, id)

    def report(self, id: str, progress: Progress) -> bool:
        """Keep how far a job is, and return whether it should stop: it was cancelled, or has ended or is gone."""
        with self._database.write() as connection:
            row = connection.execute(
                f"UPDATE trainings SET progress = ? WHERE id = ? AND {_OPEN} RETURNING cancel",
                (progress.model_dump_json(), id),
            ).fetchone()
        return row is None or bool(row["cancel"])

    def ask_to_stop(self, id: str) -> None:
        """Ask a job to stop."""
        with self._database.write() as connection:
            connection.execute("UPDATE trainings SET cancel = 1 WHERE id = ?", (id,))

    def end(self, id: str, status: Status, error: str | None = None) -> None:
        """Note how a job ended, if nothing noted it before."""
        with self._database.write() as connection:
            _end(connection, id, status, error=error)

    def succeed(self, id: str, version: Version) -> bool:
        """Add the version that a job made and end the job, both or neither; return False if it had ended before."""
        with self._database.write() as connection:
            if not _end(connection, id, Status.SUCCEEDED, version=version.id):
                return False
            insert_version(connection, version.model_copy(update={"created_at": datetime.now(UTC)}))
        return True

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
        config={name: value for name, value in msgspec.to_builtins(request).items() if name != "model"},
        created_at=row["created_at"],
        ended_at=row["ended_at"],
    )
    return Job(training, request, bool(row["cancel"]), row["pid"])


def _end(
    connection: sqlite3.Connection, id: str, status: Status, *, version: str | None = None, error: str | None = None
) -> bool:
    changed = connection.execute(
        f"UPDATE trainings SET status = ?, version = ?, error = ?, ended_at = ? WHERE id = ? AND {_OPEN}",
        (status, version, error, datetime.now(UTC).isoformat(), id),
    )
    return changed.rowcount == 1
