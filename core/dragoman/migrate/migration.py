"""The migration: plan, apply, verify, retry and roll back, between two connected backends."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dragoman.adapter import Adapter
from dragoman.calls.ahead import reading_ahead
from dragoman.errors import Conflict, NotFound, WouldLose
from dragoman.fidelity import LossPolicy, allows_of_dataset
from dragoman.migrate.applied import Applied
from dragoman.migrate.applying import Application
from dragoman.migrate.differences import Verification
from dragoman.migrate.expect import Choice, refused
from dragoman.migrate.features import FeatureNames
from dragoman.migrate.hooks import NO_HOOKS, Hooks
from dragoman.migrate.ledger import Ledger
from dragoman.migrate.letters import Letter
from dragoman.migrate.plan import Plan, PlannedLoss, PlannedStep
from dragoman.migrate.planning import Planned, Planner, left_behind
from dragoman.migrate.reading import Shard
from dragoman.migrate.rollback import RolledBack, roll_back
from dragoman.migrate.scope import Kind, Scope
from dragoman.migrate.sides import Sides
from dragoman.migrate.verify import verify
from dragoman.progress import SILENT, Progress


class Migration:
    """A move from one connected backend to another.

    Args:
        source: Where the data is.
        target: Where it goes.
        scope: What is to move.
        on_loss: `"raise"` refuses to apply a plan with losses; for the others see `dragoman.fidelity.LossPolicy`.
        on_loss_of: Form of geometry to another policy for the rows that have it.
        progress: Shown on every step that lasts.
        hooks: Called while rows move.
        in_flight: Most requests to the target at once, what its limits say if not given; rows of one item are never in
            two of them.
        media: Folder into which media behind links are fetched first, for a target that takes files only.
        shard: The part of the rows to carry, where others carry the rest; see `dragoman.migrate.shards`.
    """

    def __init__(
        self,
        source: Adapter,
        target: Adapter,
        scope: Scope,
        *,
        on_loss: LossPolicy = "raise",
        on_loss_of: Mapping[str, LossPolicy] | None = None,
        progress: Progress = SILENT,
        hooks: Hooks = NO_HOOKS,
        in_flight: int | None = None,
        media: Path | str | None = None,
        shard: Shard | None = None,
    ) -> None:
        self.source = source
        self.target = target
        self.scope = scope
        self.on_loss = on_loss
        self.on_loss_of = dict(on_loss_of or {})
        self._progress = progress
        self._hooks = hooks
        self._in_flight = in_flight or target.limits.in_flight
        self._media = Path(media) if media is not None else None
        self._shard = shard
        self._sides = Sides(source, target, scope)

    def plan(self) -> Plan:
        """Read both sides and return what would move and what would be lost. Nothing is written.

        Raises:
            NotFound: The source has no such dataset, model or version.
        """
        planner = self._planner(Choice(self.on_loss, self.on_loss_of), self.scope.rename)
        with reading_ahead(), planner.planned() as planned:
            return planned.plan

    def apply(self, plan: Plan, *, ledger: Ledger | Path | str | None = None, recheck: bool = True) -> Applied:
        """Carry out a plan and return every row's outcome.

        Running it again is safe: things are found by name or key, rows keep their ids, and what is there is `ignored`.
        With the same ledger it goes on where it was, whatever ended it.

        Args:
            plan: What to do.
            ledger: Where the state of every row is kept; a temporary one if not given.
            recheck: Read both sides once more before anything is written, to see whether the plan still fits.

        Raises:
            Conflict: One of the sides has changed since the plan was made, or another run is at the ledger.
            WouldLose: The plan has losses that the policy does not allow; nothing was written.
        """
        self._refuse_losses(plan)
        with reading_ahead(), self._opened(ledger, plan) as opened, self._checked(plan, opened, recheck) as planned:
            return self._application(plan, opened).run(planned)

    def prepare(self, plan: Plan, ledger: Ledger, *, recheck: bool = True) -> dict[Kind, str]:
        """Check a plan and make the things on the target, but carry no rows; return the ids of the things.

        Args:
            plan: What to do.
            ledger: Where it is recorded; the caller holds its lock.
            recheck: As in `apply`.

        Raises:
            Conflict: One of the sides has changed since the plan was made.
            WouldLose: The plan has losses that the policy does not allow.
        """
        self._refuse_losses(plan)
        applied = Applied()
        with self._checked(plan, ledger, recheck) as planned:
            self._application(plan, ledger).prepare(planned, applied)
        return applied.ids

    def retry(self, plan: Plan, *, ledger: Ledger | Path | str, letters: Iterable[Letter] | None = None) -> Applied:
        """Send the rejected rows once more, and no others.

        Args:
            plan: The plan that was applied.
            ledger: Its ledger.
            letters: The rows as they are to be sent now, from a dead-letter file that somebody has mended; as they
                were if not given.

        Raises:
            NotFound: The plan was not applied yet.
        """
        with self._opened(ledger, plan) as opened:
            chosen = self._sides.chosen()
            planned = Planned(plan, chosen, self._sides.counterparts(chosen))
            return self._application(plan, opened).retry(planned, letters)

    def verify(self, plan: Plan, *, media: bool = False) -> Verification:
        """Read the target back and compare it with the source, row by row.

        Args:
            plan: The plan that was applied.
            media: Compare the bytes of the items' media, too.

        Raises:
            NotFound: The target has no such dataset, model or version at all.
        """
        chosen = self._sides.chosen()
        there = self._sides.counterparts(chosen)
        for step in plan.steps:
            ours = getattr(chosen, step.kind, None)
            if ours is not None and getattr(there, step.kind) is None and not left_behind(step):
                raise NotFound(
                    f"{self.target.name} has no {step.kind} named {ours.name!r}.", hint="Apply the plan first."
                )
        with reading_ahead():
            return verify(self._sides, chosen, there, plan, hooks=self._hooks, media=media, progress=self._progress)

    def rollback(self, plan: Plan, *, ledger: Ledger | Path | str) -> RolledBack:
        """Delete what this migration has made on the target, where the target can, and nothing else.

        Raises:
            Conflict: Another run is at the ledger.
        """
        with self._opened(ledger, plan) as opened:
            return roll_back(self._sides, opened)

    # -- helpers -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _checked(self, plan: Plan, ledger: Ledger, recheck: bool) -> Iterator[Planned]:
        """Give what the plan is about, once it is clear that the plan still fits."""
        if not recheck:
            chosen = self._sides.chosen()
            yield Planned(plan, chosen, self._sides.counterparts(chosen))
            return
        with self._planner(plan.choice, plan.features).planned() as planned:
            self._refuse_stale(plan, planned.plan, ledger)
            yield planned

    def _planner(self, choice: Choice, features: Mapping[str, str]) -> Planner:
        return Planner(self._sides, choice, self._hooks, self._progress, features)

    def _application(self, plan: Plan, ledger: Ledger) -> Application:
        names = FeatureNames((), plan.features)
        return Application(
            self._sides, plan, ledger, names, self._hooks, self._progress, self._in_flight, self._media, self._shard
        )

    @contextmanager
    def _opened(self, ledger: Ledger | Path | str | None, plan: Plan) -> Iterator[Ledger]:
        with ExitStack() as stack:
            if ledger is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dragoman-"))
                ledger = Ledger(Path(folder) / "ledger", lasting=False)
                stack.callback(ledger.close)
            elif not isinstance(ledger, Ledger):
                ledger = Ledger(Path(ledger))
                stack.callback(ledger.close)
            yield stack.enter_context(ledger.locked(plan.identity))

    def _refuse_losses(self, plan: Plan) -> None:
        for step in plan.steps:
            for loss in step.losses:
                if not self._accepted(plan, step, loss):
                    raise WouldLose(
                        f"{loss.rows} {step.kind} would lose something: {loss.declared()}.",
                        hint="Plan with on_loss convert, store or drop, and read what each accepts.",
                        platform=self.target.name,
                        operation="migrate.apply",
                    )

    def _accepted(self, plan: Plan, step: PlannedStep, loss: PlannedLoss) -> bool:
        if left_behind(step):
            return plan.choice.default == "drop"
        if step.kind in ("items", "ontology"):
            return allows_of_dataset(plan.choice.default, loss.declared())
        table = self.target.prediction_fidelity if step.kind == "predictions" else self.target.label_fidelity
        return refused(table, plan.choice, loss.declared(), loss.forms) is None

    def _refuse_stale(self, plan: Plan, fresh: Plan, ledger: Ledger) -> None:
        if stale := plan.stale_against(fresh):
            raise Conflict(f"The plan is stale: on the source, {', '.join(stale)} changed.", hint="Plan again.")
        if plan.tables != fresh.tables:
            raise Conflict("The plan is stale: a plugin keeps more or less than it did.", hint="Plan again.")
        # Once rows were sent, what is new on the target is our own.
        if not ledger.counts() and (foreign := plan.foreign_against(fresh)):
            raise Conflict(f"The plan is stale: on the target, {', '.join(foreign)} changed.", hint="Plan again.")
