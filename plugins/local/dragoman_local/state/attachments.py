"""The attachments: which model serves which dataset, with which features and versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from dragoman.calls.pipeline import Page
from dragoman.errors import InvalidData
from dragoman.schema import Attachment, Model, Version
from dragoman_local.state.catalog import load_control
from dragoman_local.state.database import Database, page_of, seq_of


class Attachments:
    """Keeps attachments; a dataset is what they call a project."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, attachment: Attachment) -> Attachment:
        """Keep a new attachment and return it with its id.

        Raises:
            NotFound: There is no such model, dataset or version.
            InvalidData: The mapping or the versions do not belong to the model.
        """
        made = attachment.model_copy(update={"id": str(uuid4())})
        with self._database.write() as connection:
            _check(connection, made)
            connection.execute(
                "INSERT INTO attachments (id, model, dataset, body) VALUES (?, ?, ?, ?)",
                (
                    made.id,
                    seq_of(connection, "models", made.model),
                    seq_of(connection, "datasets", made.project),
                    made.model_dump_json(),
                ),
            )
        return made

    def of_dataset(self, dataset: str, cursor: str | None, size: int) -> Page[Attachment]:
        """Return a page of a dataset's attachments, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT seq, body FROM attachments WHERE dataset = ? AND seq > ? ORDER BY seq LIMIT ?",
                (seq_of(connection, "datasets", dataset), int(cursor or 0), size + 1),
            ).fetchall()
        return page_of(rows, size, lambda row: Attachment.model_validate_json(row["body"]))

    def get(self, id: str) -> Attachment:
        """Return an attachment."""
        with self._database.read() as connection:
            return load_control(connection, "attachments", id, Attachment)

    def change(self, id: str, changes: Mapping[str, Any]) -> Attachment:
        """Change fields of an attachment and return it. Raises as `add` does."""
        with self._database.write() as connection:
            before = load_control(connection, "attachments", id, Attachment)
            changed = Attachment.model_validate({**before.model_dump(), **changes})
            _check(connection, changed)
            connection.execute("UPDATE attachments SET body = ? WHERE id = ?", (changed.model_dump_json(), id))
        return changed

    def drop(self, id: str) -> None:
        """Delete an attachment."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM attachments WHERE seq = ?", (seq_of(connection, "attachments", id),))


def _check(connection: sqlite3.Connection, attachment: Attachment) -> None:
    model = load_control(connection, "models", attachment.model, Model)
    for feature in attachment.features:
        if feature not in model.features:
            raise InvalidData(
                f"The model knows no feature {feature!r}.",
                hint=f"It knows: {', '.join(model.features)}.",
                field="features",
            )
    if isinstance(attachment.versions, tuple):
        for id in attachment.versions:
            if load_control(connection, "versions", id, Version).model != model.id:
                raise InvalidData(f"Version {id} is of another model.", field="versions")
