"""Rollback: deletes on the target what a migration has put there, and nothing else.

What holds others' rows stays: a dataset, model or version that this migration made is deleted with its rows only if
nothing else has come into it. Where a target cannot delete single rows, they stay, and the result says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import msgspec

from dragoman.errors import Conflict, NotFound
from dragoman.migrate.conditions import ROW_KINDS, RowKind
from dragoman.migrate.gaps import unreadable, unwritable
from dragoman.migrate.ledger import Ledger, now
from dragoman.migrate.planning import held_rows
from dragoman.migrate.reading import key_of
from dragoman.migrate.scope import Kind, Selection
from dragoman.migrate.sides import Sides
from dragoman.migrate.states import Entry, State, Thing
from dragoman.schema import Dataset, Model, Version

AT_ONCE = 1000
"""Rows deleted by one call, and rows looked up at once."""


@dataclass(slots=True)
class RolledBack:
    """What a rollback did.

    Args:
        deleted: How many of each kind were deleted.
        left: What this migration made and that is still there, with the reason.
    """

    deleted: dict[Kind, int] = field(default_factory=dict)
    left: dict[Kind, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing of the migration is left."""
        return not self.left


def roll_back(sides: Sides, ledger: Ledger) -> RolledBack:
    """Delete what the ledger says that this migration has put on the target.

    It can be interrupted and called again.

    Args:
        sides: Where it is.
        ledger: Says what.

    Raises:
        Conflict: Nothing of what the ledger tells of is on the target.
    """
    return _Rollback(sides, ledger).run()


def made_by(ledger: Ledger) -> dict[Kind, int]:
    """Return what a rollback would set about deleting: how many of each kind the migration has put on the target."""
    things: dict[Kind, int] = {thing.kind: 1 for thing in ledger.things() if thing.ours}
    rows: dict[Kind, int] = {kind: ledger.count(kind, State.CONFIRMED) for kind in ROW_KINDS}
    return things | {kind: count for kind, count in rows.items() if count}


class _Rollback:
    def __init__(self, sides: Sides, ledger: Ledger) -> None:
        self._target = sides.target
        self._ledger = ledger
        self._sides = sides
        self._done = RolledBack()

    @cached_property
    def _there(self) -> Selection:
        """What the ledger's things are on the target now, by the ids that it has of them: names may have changed."""
        target = self._target
        return Selection(
            self._find("dataset", target.datasets.get),
            self._find("model", target.models.get),
            self._find("version", target.versions.get),
        )

    def _find(self, kind: Kind, get: Callable[[str], Any]) -> Any:
        thing = self._ledger.thing(kind)
        if thing is None:
            return None
        if thing.state is State.SENT:
            return getattr(self._named, kind)
        try:
            return get(thing.id)
        except NotFound:
            return None

    @cached_property
    def _named(self) -> Selection:
        """What has the source's names on the target: the run ended before the ledger was told an id."""
        return self._sides.counterparts(self._sides.chosen())

    def run(self) -> RolledBack:
        """Go from the inside out, so that what is left over keeps what holds it."""
        # A rollback that was cut off may have deleted everything.
        if not self._ledger.about("rolled back"):
            self._check_target()
        self._ledger.note("rolled back", now())
        target, there = self._target, self._there
        version, model, dataset = there.version, there.model, there.dataset
        self._thing(
            "version", version, lambda: self._others(("predictions",)), target.versions.delete, ("predictions",)
        )
        self._predictions()
        self._thing("model", model, self._other_versions, target.models.delete, ())
        self._thing("dataset", dataset, lambda: self._others(("items", "labels")), target.datasets.delete, ROW_KINDS)
        for kind in ("items", "labels"):
            if self._count(kind):
                self._done.left[kind] = f"{self._target.name} deletes no single {kind}."
        self._ontology()
        return self._done

    def _check_target(self) -> None:
        """Refuse a target that is another: all would seem deleted, and the ledger would forget it."""
        things = [thing for thing in self._ledger.things() if thing.kind in ("dataset", "model", "version")]
        if things and all(getattr(self._there, thing.kind) is None for thing in things):
            raise Conflict(
                f"Nothing of what the ledger tells of is on the target: {', '.join(map(_said, things))}.",
                hint="See that the settings lead to the target of before. What was deleted there needs no rollback.",
                platform=self._target.name,
                operation="migrate.rollback",
            )

    # -- things --------------------------------------------------------------------------------------------------------

    def _thing(
        self,
        kind: Kind,
        there: Dataset | Model | Version | None,
        find_others: Callable[[], str | None],
        delete: Callable[[str], None],
        holds: tuple[RowKind, ...],
    ) -> None:
        """Delete a thing that is ours, with the rows that it holds. One that is gone was deleted before."""
        if self._ours(kind) is None:
            return
        if there is not None:
            capability = self._target.capabilities()[f"{kind}s.delete"]
            reason = find_others() if capability.supported else capability.reason
            if reason is not None:
                self._done.left[kind] = reason
                return
            with suppress(NotFound):
                delete(there.id)
        for row_kind in holds:
            self._forget(row_kind)
        self._ledger.forget_thing(kind)
        if kind == "version":
            self._ledger.forget_thing("weights")
        self._done.deleted[kind] = 1

    def _ontology(self) -> None:
        if self._ours("ontology") is None:
            return
        if self._ledger.thing("dataset") is None:
            self._ledger.forget_thing("ontology")
            self._done.deleted["ontology"] = 1
        else:
            self._done.left["ontology"] = "No call takes an ontology away from a dataset."

    def _ours(self, kind: Kind) -> Thing | None:
        thing = self._ledger.thing(kind)
        return thing if thing is not None and thing.ours else None

    def _others(self, kinds: tuple[RowKind, ...]) -> str | None:
        """Return which rows of somebody else's stand in the way of deleting what holds them, or None."""
        for kind in kinds:
            if (why := unreadable(self._target, kind)) is not None:
                if unwritable(self._target, kind) is None:
                    return f"Whether it holds {kind} that this migration did not put there cannot be told. {why}"
                continue
            count = sum(1 for _ in self._foreign(kind, self._there))
            if count:
                return f"It holds {count} {kind} that this migration did not put there."
        return None

    def _foreign(self, kind: RowKind, there: Selection) -> Iterator[str]:
        rows: Iterator[msgspec.Struct] = iter(held_rows(kind, self._target, there) or ())
        while some := list(islice(rows, AT_ONCE)):
            known = self._ledger.known(kind, list(map(key_of, some)))
            left = [row for row in some if not _is_ours(known.get(key_of(row)))]
            # A target that does not take the rows' ids has told its own.
            ours = self._ledger.confirmed_ids(kind, [id for row in left if (id := self._id_there(row))])
            yield from (key_of(row) for row in left if self._id_there(row) not in ours)

    def _id_there(self, row: Any) -> str | None:
        """Return the target's own id of a row, where it gives one."""
        origin = getattr(row, "provenance", None)
        return origin.id if origin is not None and origin.platform == self._target.name else None

    def _other_versions(self) -> str | None:
        assert self._there.model is not None
        left = [version.name for version in self._target.versions.list(self._there.model)]
        return f"It has versions: {', '.join(left)}." if left else None

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _predictions(self) -> None:
        """Delete our predictions of a version that is not ours."""
        if not self._count("predictions") or self._there.version is None or self._there.dataset is None:
            return
        if not self._target.predictions.supports("delete"):
            self._done.left["predictions"] = self._target.capabilities()["predictions.delete"].reason
            return
        ours = self._ledger.rows(State.CONFIRMED, kind="predictions")
        while keys := [entry.key for entry in islice(ours, AT_ONCE)]:
            self._target.predictions.delete(self._there.version, dataset=self._there.dataset, ids=keys)
        self._forget("predictions")

    def _forget(self, kind: RowKind) -> None:
        count = self._count(kind)
        self._ledger.forget_rows(kind)
        if count:
            self._done.deleted[kind] = count

    def _count(self, kind: Kind) -> int:
        return self._ledger.count(kind, State.CONFIRMED)


def _said(thing: Thing) -> str:
    return f"{thing.kind} {thing.id!r}" if thing.id else f"a {thing.kind}"


def _is_ours(entry: Entry | None) -> bool:
    return entry is not None and entry.state is State.CONFIRMED
