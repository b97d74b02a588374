"""The rows of the source: those that the scope chooses, as the source has them and as they go to the target."""

from __future__ import annotations

import hashlib
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

import msgspec

from dragoman.adapter import Adapter
from dragoman.errors import InvalidData
from dragoman.migrate.conditions import RowKind, meets
from dragoman.migrate.features import FeatureNames
from dragoman.migrate.hooks import NO_HOOKS, Hooks
from dragoman.migrate.scope import Scope, Selection
from dragoman.schema import Item, Label, Provenance

Row = TypeVar("Row", bound=Label)

ITEMS_AT_ONCE = 200
"""Items whose rows are asked for at once, where not all of them are."""


class KeySet:
    """A set of texts in eight bytes each; one in 10^13 of a million texts is mistaken for another."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._digests = array("Q", sorted(map(_short_digest, texts)))

    def __contains__(self, text: str) -> bool:
        digest = _short_digest(text)
        place = bisect_left(self._digests, digest)
        return place < len(self._digests) and self._digests[place] == digest


def _short_digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a migration: the items whose keys fall to it, and what is on them."""

    number: int
    count: int

    def has(self, key: str) -> bool:
        """Return whether an item falls to it; the same in every process."""
        return zlib.crc32(key.encode()) % self.count == self.number


class Reading:
    """Reads what is to move.

    Args:
        source: Where the data is.
        chosen: The things on it.
        scope: Which rows of them.
        hooks: The caller's.
        shard: The part of it that is to be read; all if not given.
    """

    def __init__(
        self, source: Adapter, chosen: Selection, scope: Scope, hooks: Hooks, shard: Shard | None = None
    ) -> None:
        self._shard = shard
        self._source = source
        self._chosen = chosen
        self._scope = scope
        self._hooks = hooks

    def kinds(self) -> list[RowKind]:
        """Return the kinds of rows that move, in order."""
        kinds: list[RowKind] = [kind for kind in ("items", "labels") if self._scope.moves(kind)]
        if self._chosen.version is not None and self._scope.moves("predictions"):
            kinds.append("predictions")
        return kinds

    def rows(self, kind: RowKind) -> Iterator[Any]:
        """Yield the rows of a kind that the scope chooses, as the source has them."""
        if kind == "items":
            return self._items() if self._shard is None else filter(self._falls_to_shard, self._items())
        return self._on_chosen_items(kind, self._all(kind) if self._shard is None else self._of_shard(kind))

    def ready(self, kind: RowKind, row: Any, names: FeatureNames) -> Any | None:
        """Return a row as it goes to the target: under its features, with its origin, as the hooks change it.

        Returns:
            None if a hook leaves the row behind.

        Raises:
            InvalidData: A hook changed the id or key of the row.
        """
        ready = self._hooks.transform_row(kind, row if kind == "items" else self._carrying(kind, names)(row))
        if ready is not None and key_of(ready) != key_of(row):
            raise InvalidData(f"transform_row made {key_of(ready)!r} of {key_of(row)!r}; the id must stay.", field="id")
        return ready

    def moved(self, kind: RowKind, names: FeatureNames, rows: Iterable[Any] | None = None) -> Iterator[Any]:
        """Yield the rows of a kind as they go to the target; those of the source, or others as the source has them."""
        rows = self.rows(kind) if rows is None else rows
        if self._hooks is NO_HOOKS:
            return iter(rows) if kind == "items" else map(self._carrying(kind, names), rows)
        ready = (self.ready(kind, row, names) for row in rows)
        return (row for row in ready if row is not None)

    def _items(self) -> Iterator[Item]:
        assert self._chosen.dataset is not None
        conditions = self._scope.conditions("items")
        items = self._source.datasets.read_items(self._chosen.dataset)
        return islice((item for item in items if meets(item, conditions)), self._scope.limit)

    def _all(self, kind: RowKind, items: Sequence[str] | None = None) -> Iterator[Label]:
        dataset, version = self._chosen.dataset, self._chosen.version
        assert dataset is not None
        if kind == "labels":
            return self._source.labels.read(dataset, items=items)
        assert version is not None
        return self._source.predictions.read(version, dataset=dataset, items=items)

    def _of_shard(self, kind: RowKind) -> Iterator[Label]:
        """Read only what is on the items of the shard, some items at a time."""
        keys = (item.key for item in self._items() if self._falls_to_shard(item))
        while some := list(islice(keys, ITEMS_AT_ONCE)):
            yield from self._all(kind, some)

    def _falls_to_shard(self, item: Item) -> bool:
        return self._shard is None or self._shard.has(item.key)

    def _on_chosen_items(self, kind: RowKind, rows: Iterator[Label]) -> Iterator[Label]:
        conditions = self._scope.conditions(kind)
        if self._scope.chooses_items:
            rows = (row for row in rows if row.item in self._keys)
        return (row for row in rows if meets(row, conditions)) if conditions else rows

    @cached_property
    def _keys(self) -> KeySet:
        return KeySet(item.key for item in self._items())

    def _carrying(self, kind: RowKind, names: FeatureNames) -> Callable[[Row], Row]:
        """Return what gives a row its features on the target, and its origin unless it came from elsewhere before."""
        version = self._chosen.version.id if kind == "predictions" and self._chosen.version else None
        platform, set_field, seen = self._source.name, msgspec.structs.force_setattr, names.seen

        def carried(row: Row) -> Row:
            if seen.get(row.feature) != row.feature or getattr(row, "class_pdf", None):
                row = names.row(row)
            if row.provenance is None:
                # Rows come by the million: a copy is not checked once more, as a replacement would be.
                row = copy(row)
                set_field(row, "provenance", Provenance(platform, row.id, version=version))
            return row

        return carried


def key_of(row: msgspec.Struct) -> str:
    """Return the name of a row: an item's key, the id of any other."""
    return row.key if isinstance(row, Item) else row.id  # type: ignore[attr-defined]
