"""What is done with rows that a platform would not keep exactly: refused, converted, stored or dropped, and measured.

A `Keeper` stands before a writer and gives it rows that it keeps as they are; `restore` stands behind a reader and puts
back what travelled in the metadata. Adapters and formats see neither.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.errors import InvalidData, Unsupported, WouldLose
from dragoman.fidelity.table import EMPTY, FidelityTable, Loss, Survival, dropped
from dragoman.schema import AnyAnswer, AnyGeometry, Geometry, Label, MeasuredLoss, Whole
from dragoman.schema.rows import AttributeValue, Interpolation

LossPolicy = Literal["raise", "convert", "store", "drop"]
"""What to do with a row that would not be kept exactly.

- `raise`: refuse it.
- `convert`: write what comes closest, or keep a field in the metadata; refuse what has no place at all.
- `store`: as `convert`, and keep the original beside it in the metadata, so that Dragoman reads back the original.
- `drop`: as `convert`, and leave out what has no place: the field, or the row if its geometry or frame has none.
"""

KEY = "dragoman"
"""Key of the metadata under which fields travel that have no place of their own."""

_PLACE = ("frame", "span")
"""Fields without which a row would be somewhere else than it was."""
Row = TypeVar("Row", bound=Label)


class Beside(msgspec.Struct, frozen=True, omit_defaults=True):
    """What travels in the metadata under `KEY`."""

    geometry: AnyGeometry | UnsetType = UNSET
    frame: int | UnsetType | None = UNSET
    span: tuple[int, int] | UnsetType | None = UNSET
    interpolation: Interpolation | UnsetType = UNSET
    track_id: str | UnsetType | None = UNSET
    answer: AnyAnswer | UnsetType | None = UNSET
    attributes: dict[str, AttributeValue] | UnsetType = UNSET
    confidence: float | UnsetType | None = UNSET
    class_pdf: dict[str, float] | UnsetType | None = UNSET


_Fields = dict[str, Any]
_Change = tuple[_Fields, _Fields]
"""New values of fields, and old ones that are to travel beside them."""


class Keeper:
    """Makes rows fit what a writer keeps, as the caller chose, and counts what that costs.

    Args:
        table: What the writer keeps: of every row the same, or as a function of the row. Rows of one feature and one
            kind of geometry that `say_no_more` holds for have one table.
        policy: What the caller chose.
    """

    def __init__(self, table: FidelityTable | Callable[[Label], FidelityTable], policy: LossPolicy) -> None:
        self._table = table
        self._policy = policy
        self._tallies: defaultdict[tuple[str, str, str], _Tally] = defaultdict(_Tally)

    def passes(self, rows: Sequence[Label]) -> bool:
        """Return whether it is plain at a glance that `keep` would return every row as it is."""
        return all(table.keeps_all(rows) for table in self._tables(rows))

    def _tables(self, rows: Sequence[Label]) -> set[FidelityTable]:
        """Return the tables that hold for rows, if those say no more than most do."""
        if isinstance(self._table, FidelityTable):
            return {self._table}
        return set(map(self._table, {(row.feature, type(row.geometry)): row for row in rows}.values()))

    def keep(self, row: Row) -> Row | None:
        """Return the row as the writer keeps it, or None if the caller chose to drop it.

        Raises:
            WouldLose: It would lose something that the policy does not allow.
            InvalidData: Its metadata has the key that Dragoman itself needs.
        """
        if row.metadata and KEY in row.metadata:
            raise InvalidData(f"The metadata key {KEY!r} is kept for Dragoman's own use.", field=f"metadata.{KEY}")
        table = self._table if isinstance(self._table, FidelityTable) else self._table(row)
        losses = table.losses(row)
        if not losses:
            return row
        changes, beside = _Fields(), _Fields()
        for loss in losses:
            try:
                change = self._settle(table, loss, row)
            except InvalidData as error:
                # A shape that the conversion takes nothing from, such as an empty mask, has no place either.
                if self._policy != "drop":
                    raise
                change, loss = None, Loss(loss.what, dropped(error.message.rstrip(".")))
            if change is None:
                self._count(loss, row)
                return None
            changes |= change[0]
            beside |= change[1]
        for loss in losses:
            self._count(loss, row, changes.get("geometry") if loss.what.startswith("geometry") else None)
        if beside:
            theirs = changes.get("metadata", row.metadata)
            changes["metadata"] = {**theirs, KEY: msgspec.to_builtins(Beside(**beside))}
        return msgspec.structs.replace(row, **changes)

    def losses(self) -> tuple[MeasuredLoss, ...]:
        """Return what the rows so far have lost."""
        return tuple(tally.measured(*key) for key, tally in sorted(self._tallies.items()))

    def _settle(self, table: FidelityTable, loss: Loss, row: Label) -> _Change | None:
        """Return what is to change for one loss; None if the row is to be left out."""
        if not allows(table, self._policy, loss):
            others = '"convert", "store" or "drop"' if self._policy == "raise" else '"drop"'
            raise WouldLose(f"The {loss}.", hint=f"Choose with on_loss={others}.", field=loss.what)
        kind, name = loss.what.split(" ", 1)
        if loss.fidelity.survival is Survival.DROPPED:
            return self._without(row, kind, name)
        beside = self._policy == "store" and _has_place_beside(table, kind if kind == "geometry" else name)
        if kind == "geometry":
            return _geometry(loss, row.geometry, beside=beside)
        if loss.fidelity.survival is Survival.STORED:
            return {name: EMPTY.get(name)}, {name: getattr(row, name)}
        return {}, {name: getattr(row, name)} if beside else {}

    def _without(self, row: Label, kind: str, name: str) -> _Change | None:
        if self._policy == "store":
            return {name: EMPTY.get(name)}, {name: getattr(row, name)}
        return None if kind == "geometry" or name in _PLACE else ({name: EMPTY.get(name)}, {})

    def _count(self, loss: Loss, row: Label, became: Any = None) -> None:
        tally = self._tallies[loss.what, str(loss.fidelity.survival), loss.fidelity.how]
        tally.add(None if became is None else _overlap(row.geometry, became))


class _Tally:
    """Rows that lost one thing, and how much of their shape was left."""

    def __init__(self) -> None:
        self.rows = self.measured_rows = 0
        self.worst, self.total = 1.0, 0.0

    def add(self, overlap: float | None) -> None:
        self.rows += 1
        if overlap is not None:
            self.measured_rows += 1
            self.worst = min(self.worst, overlap)
            self.total += overlap

    def measured(self, what: str, survival: str, how: str) -> MeasuredLoss:
        mean = self.total / self.measured_rows if self.measured_rows else None
        return MeasuredLoss(what, survival, how, self.rows, self.worst if self.measured_rows else None, mean)


def allows(table: FidelityTable, policy: LossPolicy, loss: Loss) -> bool:
    """Return whether a policy lets a loss pass; see `LossPolicy`."""
    if policy == "raise":
        return False
    if loss.fidelity.survival is not Survival.DROPPED or policy == "drop":
        return True
    kind, name = loss.what.split(" ", 1)
    return policy == "store" and kind == "field" and _has_place_beside(table, name)


def _has_place_beside(table: FidelityTable, field: str) -> bool:
    """Return whether the original of a field can travel in the metadata."""
    return table.field("metadata").survival is Survival.EXACT and field in Beside.__struct_fields__


def restore(row: Row) -> Row:
    """Return the row with what travelled in its metadata back in place.

    Raises:
        InvalidData: What is under `KEY` was not written by Dragoman.
    """
    if KEY not in row.metadata:
        return row
    try:
        beside = msgspec.convert(row.metadata[KEY], Beside)
    except msgspec.ValidationError as error:
        raise InvalidData(
            f"The metadata key {KEY!r} holds something else: {error}.", field=f"metadata.{KEY}"
        ) from error
    fields = {name: value for name in Beside.__struct_fields__ if (value := getattr(beside, name)) is not UNSET}
    theirs = {name: value for name, value in row.metadata.items() if name != KEY}
    return msgspec.structs.replace(row, metadata=theirs, **fields)


def _geometry(loss: Loss, geometry: AnyGeometry, *, beside: bool) -> _Change:
    if loss.fidelity.survival is Survival.STORED:
        return {"geometry": Whole()}, {"geometry": geometry}
    changes = {"geometry": _converted(geometry, loss.fidelity.to)} if loss.fidelity.to else {}
    return changes, {"geometry": geometry} if beside else {}


def _converted(geometry: Geometry, form: str) -> Geometry:
    return _geometry_tools().convert(geometry, form)


def _overlap(before: Geometry, after: Geometry) -> float | None:
    """Intersection over union; None for kinds without an area."""
    try:
        return float(_geometry_tools().iou(before, after))
    except Unsupported:
        return None


def _geometry_tools() -> Any:
    try:
        from dragoman import geometry
    except ImportError as error:
        raise Unsupported(
            "Converting geometries needs numpy, OpenCV and shapely.", hint="Install dragoman[geometry]."
        ) from error
    return geometry
