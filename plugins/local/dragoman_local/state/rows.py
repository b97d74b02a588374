"""What comes in bulk: items, labels and predictions, one JSON value per row.

A batch is one transaction. A row that cannot be kept is an outcome of its own and does not hinder the others.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.errors import NotFound
from dragoman.schema import CREATED, IGNORED, UPDATED, Item, Label, Prediction, RowResult, derive_id
from dragoman_local.state.database import Database, page_of, seq_of

_encode = msgspec.json.Encoder().encode

Row = TypeVar("Row", bound=Label)


class Items:
    """The items of all datasets."""

    _UPSERT = (
        "INSERT INTO items (dataset, key, split, body) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (dataset, key) DO UPDATE SET split = excluded.split, body = excluded.body"
    )

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decode = msgspec.json.Decoder(Item).decode

    def write(
        self, dataset: str, items: Sequence[Item], update: bool, prepare: Callable[[Item], Item | str]
    ) -> list[RowResult]:
        """Keep items and return each row's outcome.

        Args:
            dataset: Id of the dataset.
            items: The items.
            update: Overwrite an item of the same key; else it is left as it is.
            prepare: Makes the item that is kept of a given one, or says why it is refused.
        """
        known = self._known(dataset, items)
        # Looking at files may last; no other process should wait for the write lock meanwhile.
        prepared = [IGNORED if item.key in known and not update else prepare(item) for item in items]
        with self._database.write() as connection:
            owner = seq_of(connection, "datasets", dataset)
            present = set(_item_seqs(connection, owner, [item.key for item in items]))
            results, values = [], []
            for ready in prepared:
                if isinstance(ready, RowResult):
                    results.append(ready)
                elif isinstance(ready, str):
                    results.append(RowResult("rejected", reason=ready))
                elif ready.key in present and not update:
                    results.append(IGNORED)
                else:
                    id = derive_id("local", dataset, ready.key)
                    kept = msgspec.structs.replace(ready, id=id)
                    values.append((owner, kept.key, kept.split or "", _encode(kept)))
                    results.append(RowResult("updated" if ready.key in present else "created", id=id))
                    present.add(ready.key)
            connection.executemany(self._UPSERT, values)
        return results

    def read(self, dataset: str, cursor: str | None, size: int) -> Page[Item]:
        """Return a page of a dataset's items, in the order in which they were added."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT seq, body FROM items WHERE dataset = ? AND seq > ? ORDER BY seq LIMIT ?",
                (seq_of(connection, "datasets", dataset), int(cursor or 0), size + 1),
            ).fetchall()
        return page_of(rows, size, lambda row: self._decode(row["body"]))

    def splits(self, dataset: str) -> dict[str, int]:
        """Return the number of items of each split; the empty name is for items without one."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT split, COUNT(*) AS items FROM items WHERE dataset = ? GROUP BY split ORDER BY split",
                (seq_of(connection, "datasets", dataset),),
            ).fetchall()
        return {row["split"]: row["items"] for row in rows}

    def _known(self, dataset: str, items: Iterable[Item]) -> Collection[str]:
        with self._database.read() as connection:
            owner = seq_of(connection, "datasets", dataset)
            return _item_seqs(connection, owner, [item.key for item in items])


class Annotations(Generic[Row]):
    """Rows that lie on items: labels, or predictions.

    Args:
        database: Where they are kept.
        kind: `Label` or `Prediction`.
        table: Name of their table.
        owners: Column to table of the things that they belong to; the last is the dataset.
    """

    def __init__(self, database: Database, kind: type[Row], table: str, owners: dict[str, str]) -> None:
        self._database = database
        self._decode: Callable[[bytes], Row] = msgspec.json.Decoder(kind).decode
        self._table = table
        self._owners = owners
        self._mine = " AND ".join(f"{column} = ?" for column in owners)
        columns = ", ".join(owners)
        self._upsert = (
            f"INSERT INTO {table} ({columns}, item, id, body) VALUES ({'?, ' * len(owners)}?, ?, ?) "
            f"ON CONFLICT ({columns}, id) DO UPDATE SET item = excluded.item, body = excluded.body"
        )

    def write(self, owners: Sequence[str], rows: Sequence[Row], update: bool) -> list[RowResult]:
        """Keep rows and return each row's outcome.

        Args:
            owners: Ids of what they belong to: (dataset) for labels, (version, dataset) for predictions.
            rows: The rows.
            update: Overwrite a row of the same id; else it is left as it is.
        """
        with self._database.write() as connection:
            seqs = self._seqs(connection, owners)
            items = _item_seqs(connection, seqs[-1], {row.item for row in rows})
            present = self._present(connection, seqs, [row.id for row in rows])
            results, values = [], []
            for row in rows:
                if row.item not in items:
                    results.append(RowResult("rejected", reason=f"The dataset has no item with the key {row.item!r}."))
                elif reason := unstorable(row):
                    results.append(RowResult("rejected", reason=reason))
                elif row.id in present and not update:
                    results.append(IGNORED)
                else:
                    values.append((*seqs, items[row.item], row.id, _encode(row)))
                    results.append(UPDATED if row.id in present else CREATED)
                    present.add(row.id)
            connection.executemany(self._upsert, values)
        return results

    def read(self, owners: Sequence[str], keys: Sequence[str] | None, cursor: str | None, size: int) -> Page[Row]:
        """Return a page of the rows, or of those on the items with these keys, in the order in which they were added.

        Raises:
            NotFound: A key is unknown.
        """
        with self._database.read() as connection:
            seqs = self._seqs(connection, owners)
            condition = index = ""
            values: list[int | str] = [*seqs, int(cursor or 0)]
            if keys is not None:
                # Left to itself SQLite walks through the whole dataset, because that gives the order for nothing.
                index = f"INDEXED BY {self._table}_of_item"
                condition = "AND item IN (SELECT value FROM json_each(?))"
                values.append(json.dumps(_all_items(connection, seqs[-1], keys)))
            rows = connection.execute(
                f"SELECT seq, body FROM {self._table} {index} WHERE {self._mine} AND seq > ? {condition} "
                "ORDER BY seq LIMIT ?",
                (*values, size + 1),
            ).fetchall()
        return page_of(rows, size, lambda row: self._decode(row["body"]))

    def delete(self, owners: Sequence[str], ids: Sequence[str] | None) -> None:
        """Delete all rows, or those of these ids."""
        with self._database.write() as connection:
            condition = ""
            values: list[int | str] = [*self._seqs(connection, owners)]
            if ids is not None:
                condition = "AND id IN (SELECT value FROM json_each(?))"
                values.append(json.dumps(list(ids)))
            connection.execute(f"DELETE FROM {self._table} WHERE {self._mine} {condition}", values)

    def _seqs(self, connection: sqlite3.Connection, owners: Sequence[str]) -> tuple[int, ...]:
        return tuple(seq_of(connection, table, id) for table, id in zip(self._owners.values(), owners, strict=True))

    def _present(self, connection: sqlite3.Connection, seqs: tuple[int, ...], ids: Sequence[str]) -> set[str]:
        found = connection.execute(
            f"SELECT id FROM {self._table} WHERE {self._mine} AND id IN (SELECT value FROM json_each(?))",
            (*seqs, json.dumps(ids)),
        )
        return {row["id"] for row in found}


def label_rows(database: Database) -> Annotations[Label]:
    """Return the labels; their owner is the dataset."""
    return Annotations(database, Label, "labels", {"dataset": "datasets"})


def prediction_rows(database: Database) -> Annotations[Prediction]:
    """Return the predictions; their owners are version and dataset."""
    return Annotations(database, Prediction, "predictions", {"version": "versions", "dataset": "datasets"})


def unstorable(row: Item | Label | Prediction) -> str | None:
    """Say why the free fields of a row cannot be kept, or None: msgspec would write NaN as null and dates as text."""
    free = (row.metadata,) if isinstance(row, Item) else (row.metadata, row.attributes)
    for values in free:
        if values:
            try:
                json.dumps(values, allow_nan=False)
            except (TypeError, ValueError) as error:
                return f"Its metadata or attributes hold a value that JSON cannot: {error}."
    return None


def _item_seqs(connection: sqlite3.Connection, dataset: int, keys: Collection[str]) -> dict[str, int]:
    found = connection.execute(
        "SELECT key, seq FROM items WHERE dataset = ? AND key IN (SELECT value FROM json_each(?))",
        (dataset, json.dumps(list(keys))),
    )
    return {row["key"]: row["seq"] for row in found}


def _all_items(connection: sqlite3.Connection, dataset: int, keys: Sequence[str]) -> list[int]:
    found = _item_seqs(connection, dataset, keys)
    for key in keys:
        if key not in found:
            raise NotFound(f"The dataset has no item with the key {key!r}.", field="items")
    return list(found.values())
