"""Plans: what a migration would move, what it would lose, and a fingerprint that tells when a plan is stale."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
from pydantic import ValidationError

from dragoman.errors import InvalidData
from dragoman.fidelity import Fidelity, FidelityTable, Loss, LossPolicy, Survival
from dragoman.schema import Dataset, Label, Model, Version
from dragoman.schema.base import Control

Kind = Literal["ontology", "dataset", "items", "labels", "model", "version", "predictions"]
ORDER: tuple[Kind, ...] = ("dataset", "ontology", "items", "labels", "model", "version", "predictions")
"""The order of the steps: what a step refers to comes before it."""


class Scope(Control):
    """What is to move: one dataset with its items and labels, and one model with a version's predictions on it.

    Args:
        dataset: Id or name on the source.
        model: Id, key or name on the source; None to move data only.
        version: Id or name on the source; the newest of the model if not given.
    """

    dataset: str
    model: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The things on one side that a migration is about; None where there is none."""

    dataset: Dataset | None
    model: Model | None = None
    version: Version | None = None


class PlannedLoss(Control):
    """Something that will not survive exactly, and in how many rows."""

    what: str
    survival: Survival
    how: str
    rows: int

    def declared(self) -> Loss:
        """Return the loss as a fidelity table declares it."""
        return Loss(self.what, Fidelity(self.survival, self.how))


class PlannedStep(Control):
    """One step of a plan.

    Args:
        kind: What moves.
        rows: How many.
        name: Its name, where it is one thing.
        exists: Whether the target has a thing of that name or key already; it is then used, not made again.
        geometries: Rows by form of geometry.
        features: Rows by feature.
        losses: What will not survive exactly.
        fingerprint: Changes when the rows do; independent of their order.
    """

    kind: Kind
    rows: int
    name: str = ""
    exists: bool | None = None
    geometries: dict[str, int] = {}
    features: dict[str, int] = {}
    losses: tuple[PlannedLoss, ...] = ()
    fingerprint: str = ""


class Plan(Control):
    """What a migration would do. A plan is a file: `save` and `load`."""

    source: str
    target: str
    scope: Scope
    steps: tuple[PlannedStep, ...]
    on_loss: LossPolicy = "raise"

    def step(self, kind: Kind) -> PlannedStep | None:
        """Return the step of that kind, or None."""
        return next((step for step in self.steps if step.kind == kind), None)

    @property
    def losses(self) -> list[PlannedLoss]:
        """Everything that will not survive exactly."""
        return [loss for step in self.steps for loss in step.losses]

    def stale_against(self, fresh: Plan) -> list[Kind]:
        """Return the kinds whose source rows have changed between this plan and a fresh one."""
        now = {step.kind: step.fingerprint for step in fresh.steps}
        return [step.kind for step in self.steps if now.get(step.kind) != step.fingerprint]

    def save(self, path: Path) -> None:
        """Write the plan as JSON."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Plan:
        """Read a plan that `save` wrote.

        Raises:
            InvalidData: There is no such file, or it is not a plan.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InvalidData(f"The plan {path} cannot be read: {error.strerror}.", field="plan") from error
        except ValidationError as error:
            raise InvalidData(f"{path} is not a plan: {error.errors()[0]['msg']}.", field="plan") from error


class Survey:
    """Counts rows as they pass and fingerprints them, whatever their order."""

    def __init__(self, kind: Kind, fidelity: FidelityTable | None = None) -> None:
        self._kind = kind
        self._fidelity = fidelity
        self._rows = 0
        self._sum = 0
        self._geometries: Counter[str] = Counter()
        self._features: Counter[str] = Counter()
        self._losses: Counter[tuple[str, Survival, str]] = Counter()

    def take(self, rows: Iterable[msgspec.Struct]) -> PlannedStep:
        """Consume the rows and return the step they make."""
        encode = msgspec.json.Encoder().encode
        for row in rows:
            self._rows += 1
            # A sum of digests is the same in any order, and keeps track of rows that are there twice.
            self._sum += int.from_bytes(hashlib.blake2b(encode(row), digest_size=16).digest(), "big")
            if isinstance(row, Label):
                self._look_at(row)
        return PlannedStep(
            kind=self._kind,
            rows=self._rows,
            geometries=dict(self._geometries),
            features=dict(self._features),
            losses=tuple(
                PlannedLoss(what=what, survival=survival, how=how, rows=count)
                for (what, survival, how), count in sorted(self._losses.items())
            ),
            fingerprint=f"{self._rows}:{self._sum % 2**128:032x}",
        )

    def _look_at(self, row: Label) -> None:
        self._geometries[row.geometry.form] += 1
        self._features[row.feature] += 1
        if self._fidelity is not None:
            for loss in self._fidelity.losses(row):
                self._losses[loss.what, loss.fidelity.survival, loss.fidelity.how] += 1
