"""The named things: models, versions, datasets and ontologies, kept whole as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import BaseModel

from dragoman.calls.pipeline import Page
from dragoman.errors import Conflict, InvalidData, NotFound
from dragoman.schema import Dataset, Model, Ontology, Status, Version, derive_id
from dragoman_local.state.database import Database, page_of, seq_of

C = TypeVar("C", bound=BaseModel)

_MODEL_ORDERS = {None: "seq", "name": "name", "created_at": "created_at"}


class Catalog:
    """Creates, finds, changes and deletes named things.

    Every method that takes an id raises `NotFound` when there is nothing of that id.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # -- models -----------------------------------------------------------------------------------------------------

    def add_model(self, model: Model) -> Model:
        """Keep a new model and return it with id and time.

        Raises:
            Conflict: There is a model of that key.
        """
        model = model.model_copy(update={"id": str(uuid4()), "created_at": datetime.now(UTC)})
        values = (model.id, model.key, model.name, model.name.casefold(), str(model.created_at), _json(model))
        with self._database.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO models (id, key, name, folded, created_at, body) VALUES (?, ?, ?, ?, ?, ?)", values
                )
            except sqlite3.IntegrityError as error:
                raise Conflict(
                    f"There is a model with the key {model.key!r} already.", hint="Choose another key.", field="key"
                ) from error
        return model

    def model(self, id: str) -> Model:
        """Return a model."""
        with self._database.read() as connection:
            return load_control(connection, "models", id, Model)

    def models(self, query: str | None, order: str | None, cursor: str | None, size: int) -> Page[Model]:
        """Return a page of the models whose name contains `query`, sorted by a field or else by age."""
        column = _MODEL_ORDERS[order]
        # An empty text is in every name. The cursor is the sorted value of the last row and its number.
        condition, values = "instr(folded, ?)", [(query or "").casefold()]
        if cursor is not None:
            condition += f" AND ({column}, seq) > (?, ?)"
            values += json.loads(cursor)
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT seq, {column} AS sorted, body FROM models WHERE {condition} ORDER BY {column}, seq LIMIT ?",
                (*values, size + 1),
            ).fetchall()
        last = rows[size - 1] if len(rows) > size else None
        items = [Model.model_validate_json(row["body"]) for row in rows[:size]]
        return Page(items, json.dumps([last["sorted"], last["seq"]]) if last else None)

    def change_model(self, id: str, changes: Mapping[str, Any]) -> Model:
        """Change fields of a model and return it."""
        with self._database.write() as connection:
            model = _changed(load_control(connection, "models", id, Model), changes)
            connection.execute(
                "UPDATE models SET name = ?, folded = ?, body = ? WHERE id = ?",
                (model.name, model.name.casefold(), _json(model), id),
            )
        return model

    def drop_model(self, id: str) -> tuple[list[str], list[str]]:
        """Delete a model with all that belongs to it, and return the ids of its versions and of its trainings.

        Raises:
            Conflict: One of its trainings has not ended.
        """
        with self._database.write() as connection:
            seq = seq_of(connection, "models", id)
            running = connection.execute(
                "SELECT id FROM trainings WHERE model = ? AND status IN (?, ?)", (seq, Status.QUEUED, Status.RUNNING)
            ).fetchone()
            if running is not None:
                raise Conflict(f"Training {running['id']} of the model has not ended.", hint="Cancel it first.")
            versions, trainings = (
                [row["id"] for row in connection.execute(f"SELECT id FROM {table} WHERE model = ?", (seq,))]
                for table in ("versions", "trainings")
            )
            connection.execute("DELETE FROM models WHERE seq = ?", (seq,))
            forget_unused_items(connection)
        return versions, trainings

    # -- versions ---------------------------------------------------------------------------------------------------

    def add_version(self, version: Version) -> Version:
        """Keep a new version and return it with id and time."""
        version = version.model_copy(update={"id": version.id or str(uuid4()), "created_at": datetime.now(UTC)})
        with self._database.write() as connection:
            insert_version(connection, version)
        return version

    def version(self, id: str) -> Version:
        """Return a version."""
        with self._database.read() as connection:
            return load_control(connection, "versions", id, Version)

    def versions(self, model: str, cursor: str | None, size: int) -> Page[Version]:
        """Return a page of a model's versions, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT seq, body FROM versions WHERE model = ? AND seq > ? ORDER BY seq LIMIT ?",
                (seq_of(connection, "models", model), int(cursor or 0), size + 1),
            ).fetchall()
        return page_of(rows, size, lambda row: Version.model_validate_json(row["body"]))

    def change_version(self, id: str, changes: Mapping[str, Any]) -> Version:
        """Change fields of a version and return it."""
        with self._database.write() as connection:
            version = _changed(load_control(connection, "versions", id, Version), changes)
            connection.execute("UPDATE versions SET body = ? WHERE id = ?", (_json(version), id))
        return version

    def drop_version(self, id: str) -> None:
        """Delete a version and its predictions."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM versions WHERE seq = ?", (seq_of(connection, "versions", id),))
            forget_unused_items(connection)

    # -- datasets and their ontologies --------------------------------------------------------------------------------

    def add_dataset(self, dataset: Dataset) -> Dataset:
        """Keep a new dataset and return it with id and time.

        Raises:
            Conflict: There is a dataset of that name.
        """
        dataset = dataset.model_copy(update={"id": str(uuid4()), "created_at": datetime.now(UTC)})
        with self._database.write() as connection:
            try:
                connection.execute(
                    "INSERT INTO datasets (id, name, body) VALUES (?, ?, ?)",
                    (dataset.id, dataset.name, _json(dataset)),
                )
            except sqlite3.IntegrityError as error:
                raise Conflict(
                    f"There is a dataset named {dataset.name!r} already.", hint="Choose another name.", field="name"
                ) from error
        return dataset.model_copy(update={"items": 0})

    def dataset(self, id: str) -> Dataset:
        """Return a dataset with its number of items."""
        with self._database.read() as connection:
            dataset = load_control(connection, "datasets", id, Dataset)
            return dataset.model_copy(update={"items": _count_items(connection, seq_of(connection, "datasets", id))})

    def datasets(self, cursor: str | None, size: int) -> Page[Dataset]:
        """Return a page of the datasets, the oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT seq, body FROM datasets WHERE seq > ? ORDER BY seq LIMIT ?", (int(cursor or 0), size + 1)
            ).fetchall()
            counts = {row["seq"]: _count_items(connection, row["seq"]) for row in rows}
        return page_of(
            rows,
            size,
            lambda row: Dataset.model_validate_json(row["body"]).model_copy(update={"items": counts[row["seq"]]}),
        )

    def drop_dataset(self, id: str) -> None:
        """Delete a dataset with its items, labels and predictions."""
        with self._database.write() as connection:
            connection.execute("DELETE FROM datasets WHERE seq = ?", (seq_of(connection, "datasets", id),))

    def set_ontology(self, ontology: Ontology, dataset: str) -> Ontology:
        """Give a dataset its ontology, in place of the one it has."""
        ontology = ontology.model_copy(update={"id": derive_id("local", "ontology", dataset, ontology.name)})
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO ontologies (dataset, body) VALUES (?, ?)",
                (seq_of(connection, "datasets", dataset), _json(ontology)),
            )
        return ontology

    def ontology(self, dataset: str) -> Ontology:
        """Return the ontology of a dataset.

        Raises:
            NotFound: There is no such dataset, or it has no ontology.
        """
        with self._database.read() as connection:
            seq = seq_of(connection, "datasets", dataset)
            row = connection.execute("SELECT body FROM ontologies WHERE dataset = ?", (seq,)).fetchone()
        if row is None:
            raise NotFound(f"The dataset {dataset!r} has no ontology.")
        return Ontology.model_validate_json(row["body"])


def insert_version(connection: sqlite3.Connection, version: Version) -> None:
    """Add a version in a transaction that is open."""
    connection.execute(
        "INSERT INTO versions (id, model, training, body) VALUES (?, ?, ?, ?)",
        (version.id, seq_of(connection, "models", version.model), version.training, _json(version)),
    )


def forget_unused_items(connection: sqlite3.Connection) -> None:
    """Drop the lists of trained items to which neither a training nor a version refers any more."""
    connection.execute(
        "DELETE FROM training_items WHERE training NOT IN (SELECT id FROM trainings) "
        "AND training NOT IN (SELECT training FROM versions WHERE training IS NOT NULL)"
    )


def load_control(connection: sqlite3.Connection, table: str, id: str, kind: type[C]) -> C:
    """Return a named thing in a transaction that is open. Raises `NotFound` when there is none of that id."""
    seq = seq_of(connection, table, id)
    row = connection.execute(f"SELECT body FROM {table} WHERE seq = ?", (seq,)).fetchone()
    return kind.model_validate_json(row["body"])


def _changed(thing: C, changes: Mapping[str, Any]) -> C:
    # `model_copy(update=...)` would let bad values in.
    return type(thing).model_validate({**thing.model_dump(), **changes})


def _json(thing: BaseModel) -> str:
    """Return the JSON to keep.

    Raises:
        InvalidData: JSON cannot hold a value as it is (pydantic would write NaN as null); the error names the field.
    """
    for name, value in thing.model_dump(exclude={"created_at"}).items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidData(f"JSON cannot hold a value: {error}.", field=name) from error
    return thing.model_dump_json()


def _count_items(connection: sqlite3.Connection, dataset: int) -> int:
    count: int = connection.execute("SELECT COUNT(*) FROM items WHERE dataset = ?", (dataset,)).fetchone()[0]
    return count
