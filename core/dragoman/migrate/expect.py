"""What the target should hold of a row, once it was written under a policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

import msgspec

from dragoman.errors import DragomanError, InvalidData, WouldLose
from dragoman.fidelity import (
    DatasetFidelity,
    DatasetKeeper,
    FidelityTable,
    Keeper,
    Loss,
    LossPolicy,
    Survival,
    allows,
    restore,
)
from dragoman.migrate.content import content_of
from dragoman.schema import Item, Label


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen to be done with losses: one policy, and others for single forms of geometry."""

    default: LossPolicy = "raise"
    forms: Mapping[str, LossPolicy] = field(default_factory=dict)

    def of(self, form: str) -> LossPolicy:
        """Return the policy for rows of a form of geometry."""
        return self.forms.get(form, self.default)

    @classmethod
    def parse(cls, words: list[str]) -> Choice:
        """Return the choice that words state, such as `["convert", "rotated_box=drop"]`.

        Raises:
            InvalidData: A word names no policy.
        """
        default: LossPolicy = "raise"
        forms: dict[str, LossPolicy] = {}
        for word in words:
            form, equals, name = word.rpartition("=")
            policy = next((known for known in get_args(LossPolicy) if known == name), None)
            if policy is None:
                raise InvalidData(
                    f"{name!r} is not a policy.", hint=f"There are: {', '.join(get_args(LossPolicy))}.", field="on_loss"
                )
            if equals:
                forms[form] = policy
            else:
                default = policy
        return cls(default, forms)


class Expected(NamedTuple):
    """What should be there of one row.

    Args:
        content: As `content_of` gives it; None if nothing of the row should be there.
        lossy: Whether that is less than the source has, as the policy says.
        loose: Fields that the platform itself rounds, so that their values cannot be told beforehand.
        what: Names of the losses; of a row that cannot be written, the reason.
    """

    content: bytes | None
    lossy: bool = False
    loose: tuple[str, ...] = ()
    what: tuple[str, ...] = ()

    @property
    def refusal(self) -> str | None:
        """Why the row cannot be written at all; None if it can, or is left out as the policy says."""
        return " ".join(self.what) if self.content is None and not self.lossy else None


class Expectation:
    """Tells what a writer keeps of rows.

    Args:
        table: What it keeps: of every row the same, or as a function of the row.
        choice: What was chosen.
    """

    def __init__(self, table: FidelityTable | Callable[[Label], FidelityTable], choice: Choice) -> None:
        self._table = table
        self._table_of = table if callable(table) else lambda row: table
        self._choice = choice
        self._keepers: dict[LossPolicy, Keeper] = {}

    def of(self, row: Label) -> Expected:
        """Return what should be there of a row."""
        losses = self._table_of(row).losses(row)
        if not losses:
            return Expected(content_of(row))
        policy = self._choice.of(row.geometry.form)
        what = tuple(loss.what for loss in losses)
        try:
            # A row whose loss was refused is compared with what comes closest.
            kept = self._keeper("drop" if policy == "raise" else policy).keep(row)
        except (InvalidData, WouldLose) as error:
            return Expected(None, what=(error.message,))
        if kept is None and policy == "raise":
            return Expected(None, what=(f"The {losses[0]}.",))
        if kept is None:
            return Expected(None, lossy=True, what=what)
        there = restore(kept)
        loose = () if policy == "store" else tuple(_field(loss) for loss in losses if _rounds(loss))
        return Expected(content_of(there), bool(loose) or there != row, loose, what)

    def _keeper(self, policy: LossPolicy) -> Keeper:
        if policy not in self._keepers:
            self._keepers[policy] = Keeper(self._table, policy)
        return self._keepers[policy]


class ItemExpectation:
    """Tells what a writer keeps of items.

    Args:
        fidelity: What it keeps.
    """

    def __init__(self, fidelity: DatasetFidelity) -> None:
        self._fidelity = fidelity
        # An item whose loss was refused is compared with what comes closest.
        self._keeper = DatasetKeeper(fidelity, "drop")

    def of(self, item: Item) -> Expected:
        """Return what should be there of an item."""
        losses = self._fidelity.losses("item", item)
        what = tuple(loss.what for loss in losses)
        loose = tuple(loss.what.split(" ", 1)[1] for loss in losses if loss.fidelity.survival is not Survival.DROPPED)
        return Expected(content_of(self._keeper.item(item)), bool(losses), loose, what)


def refused(table: FidelityTable, choice: Choice, loss: Loss, forms: Mapping[str, int]) -> str | None:
    """Return a form of geometry whose rows would have a loss that was not chosen for them, or None.

    Args:
        table: What the target keeps.
        choice: What was chosen.
        loss: The loss.
        forms: The forms of the rows that would have it.
    """
    return next((form for form in forms if not allows(table, choice.of(form), loss)), None)


def _rounds(loss: Loss) -> bool:
    return loss.fidelity.survival is Survival.APPROXIMATE and loss.fidelity.to is None


def _field(loss: Loss) -> str:
    kind, _, name = loss.what.partition(" ")
    return "geometry" if kind == "geometry" else name


def without(content: bytes, fields: tuple[str, ...]) -> bytes:
    """Return a content with some fields left out."""
    plain = msgspec.json.decode(content)
    for name in fields:
        plain.pop(name, None)
    return msgspec.json.encode(plain, order="sorted")


class Measured:
    """What rows would lose, measured on the rows themselves as far as the core converts them.

    Args:
        table: What the target keeps.
        choice: What was chosen.
    """

    def __init__(self, table: FidelityTable, choice: Choice) -> None:
        self._choice = choice
        self._keeper = Keeper(table, "drop")
        self._strict = Keeper(table, "convert")
        self.refusals: Counter[str] = Counter()

    def add(self, row: Label) -> None:
        """Take a row into account; one that cannot be sent at all counts under the reason."""
        try:
            if self._keeper.keep(row) is None and self._choice.of(row.geometry.form) != "drop":
                self._strict.keep(row)
        except WouldLose:
            pass  # the losses say so
        except DragomanError as error:
            self.refusals[error.message] += 1

    def overlaps(self) -> dict[str, tuple[float | None, float | None]]:
        """Return the worst and the mean overlap by what is lost."""
        return {loss.what: (loss.worst_iou, loss.mean_iou) for loss in self._keeper.losses()}
