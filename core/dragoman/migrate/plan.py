"""Plans: what a migration would move, what it would lose, what is there already, and how long it may take.

A plan is a file, bound to fingerprints of both sides. Its feature map may be edited before it is applied.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from dragoman.errors import InvalidData
from dragoman.fidelity import Fidelity, Loss, LossPolicy, Survival
from dragoman.migrate.expect import Choice
from dragoman.migrate.scope import ORDER, Kind, Scope
from dragoman.schema.base import Control
from dragoman.showing import Shown


class PlannedLoss(Control):
    """Something that will not survive exactly.

    Args:
        what: `"geometry rotated_box"`, `"field attributes"`.
        survival: What becomes of it.
        how: How it changes.
        rows: In how many rows.
        features: Those rows by their feature on the source.
        forms: Those rows by form of geometry.
        worst_iou: Lowest intersection over union of a geometry with what the core will make of it; None where the
            platform itself rounds, or where there is no area.
        mean_iou: Their mean.
    """

    what: str
    survival: Survival
    how: str
    rows: int
    features: dict[str, int] = {}
    forms: dict[str, int] = {}
    worst_iou: float | None = None
    mean_iou: float | None = None

    def declared(self) -> Loss:
        """Return the loss as a fidelity table declares it."""
        return Loss(self.what, Fidelity(self.survival, self.how))


class Estimate(Control):
    """What a step may cost: requests to each side, and seconds, from the limits and from what planning took."""

    reads: int = 0
    writes: int = 0
    seconds: float = 0.0


class PlannedStep(Control):
    """One step of a plan.

    Args:
        kind: What moves.
        rows: How many.
        name: Its name, where it is one thing.
        exists: Whether the target has a thing of that name or key already; it is then used, not made again.
        present: Rows that the target has already: `same` and `changed` under their key, `twin` with the same content
            under another. None of them is sent.
        geometries: Rows by form of geometry.
        features: Rows by feature.
        shapes: Kinds of geometry by feature.
        losses: What will not survive exactly.
        refusals: Rows that cannot be sent at all, by the reason.
        estimate: What it may cost.
        fingerprint: Changes when the source's rows do; independent of their order.
        foreign: Fingerprint of the rows on the target that are none of the source's.
    """

    kind: Kind
    rows: int
    name: str = ""
    exists: bool | None = None
    present: dict[str, int] = {}
    geometries: dict[str, int] = {}
    features: dict[str, int] = {}
    shapes: dict[str, tuple[str, ...]] = {}
    losses: tuple[PlannedLoss, ...] = ()
    refusals: dict[str, int] = {}
    estimate: Estimate = Estimate()
    fingerprint: str = ""
    foreign: str = ""

    @property
    def created(self) -> int:
        """How many rows would be sent."""
        return self.rows - sum(self.present.values())


class Plan(Control):
    """What a migration would do. A plan is a file: `save` and `load`.

    Args:
        source: Name of the backend to read from.
        target: Name of the backend to write to.
        scope: What is to move.
        steps: What moves, in order.
        features: Feature on the source to its name on the target; edit it before you apply the plan.
        on_loss: What to do with losses.
        on_loss_of: The same for single forms of geometry.
        tables: Fingerprint of what both sides say that they keep.
    """

    source: str
    target: str
    scope: Scope
    steps: tuple[PlannedStep, ...]
    features: dict[str, str] = {}
    on_loss: LossPolicy = "raise"
    on_loss_of: dict[str, LossPolicy] = {}
    tables: str = ""

    def step(self, kind: Kind) -> PlannedStep | None:
        """Return the step of that kind, or None."""
        return next((step for step in self.steps if step.kind == kind), None)

    @property
    def losses(self) -> list[PlannedLoss]:
        """Everything that will not survive exactly."""
        return [loss for step in self.steps for loss in step.losses]

    def shapes(self) -> dict[str, tuple[str, ...]]:
        """Return the kinds of geometry that rows of each feature have, by the feature's name on the source."""
        return shapes_of(self.steps)

    def _shown(self) -> Shown:
        rows = [
            (step.kind, step.name, str(step.rows), "0" if step.exists else str(step.created), _losses(step))
            for step in self.steps
        ]
        title = f"Plan to move {self.scope.dataset or self.scope.model} from {self.source} to {self.target}"
        return Shown(title, ("what", "name", "rows", "new", "losses"), rows)

    @property
    def choice(self) -> Choice:
        """What was chosen to be done with losses."""
        return Choice(self.on_loss, self.on_loss_of)

    @property
    def estimate(self) -> Estimate:
        """What all steps may cost together."""
        costs = [step.estimate for step in self.steps]
        return Estimate(
            reads=sum(cost.reads for cost in costs),
            writes=sum(cost.writes for cost in costs),
            seconds=sum(cost.seconds for cost in costs),
        )

    @property
    def identity(self) -> str:
        """A digest of what is moved and how; a ledger belongs to one."""
        kept = self.model_dump(mode="json", exclude={"steps"})
        kept["rows"] = {step.kind: step.fingerprint for step in self.steps}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()

    def stale_against(self, fresh: Plan) -> list[Kind]:
        """Return the kinds of which this plan has other things or source rows than a fresh one, or has none."""
        was, now = ({step.kind: (step.name, step.fingerprint) for step in plan.steps} for plan in (self, fresh))
        return [kind for kind in ORDER if was.get(kind) != now.get(kind)]

    def foreign_against(self, fresh: Plan) -> list[Kind]:
        """Return the kinds of which somebody else's rows have come to the target, changed or gone since the plan."""
        now = {step.kind: step.foreign for step in fresh.steps}
        return [step.kind for step in self.steps if now.get(step.kind) != step.foreign]

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


def shapes_of(steps: Iterable[PlannedStep]) -> dict[str, tuple[str, ...]]:
    """Return the kinds of geometry that rows of each feature have in all steps."""
    found: dict[str, dict[str, None]] = {}
    for step in steps:
        for feature, kinds in step.shapes.items():
            found.setdefault(feature, {}).update(dict.fromkeys(kinds))
    return {feature: tuple(kinds) for feature, kinds in found.items()}


def _losses(step: PlannedStep) -> str:
    return "; ".join(f"{loss.rows} rows: {loss.declared()}" for loss in step.losses)
