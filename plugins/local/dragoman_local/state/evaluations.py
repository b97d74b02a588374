"""The evaluations: what was measured, as it was when it was measured. They go with their version and their dataset."""

from __future__ import annotations

from uuid import uuid4

from dragoman.schema import Evaluation
from dragoman_local.state.catalog import load_control
from dragoman_local.state.database import Database, seq_of


class Evaluations:
    """Keeps evaluations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, evaluation: Evaluation) -> Evaluation:
        """Keep a new evaluation and return it with its id.

        Raises:
            NotFound: There is no such version or dataset.
        """
        made = evaluation.model_copy(update={"id": str(uuid4())})
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO evaluations (id, version, dataset, body) VALUES (?, ?, ?, ?)",
                (
                    made.id,
                    seq_of(connection, "versions", made.version),
                    seq_of(connection, "datasets", made.dataset),
                    made.model_dump_json(),
                ),
            )
        return made

    def get(self, id: str) -> Evaluation:
        """Return an evaluation. Raises `NotFound` when there is none of that id."""
        with self._database.read() as connection:
            return load_control(connection, "evaluations", id, Evaluation)
