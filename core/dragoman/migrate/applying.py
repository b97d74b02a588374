"""Carries out a plan: things first, then the rows of each kind, each step of it in the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dragoman.errors import DragomanError, NotFound
from dragoman.links import as_files
from dragoman.migrate import letters as dead
from dragoman.migrate.applied import Applied
from dragoman.migrate.carry import Carrier, Write
from dragoman.migrate.conditions import RowKind
from dragoman.migrate.features import FeatureNames
from dragoman.migrate.files import FileAdapter
from dragoman.migrate.hooks import Hooks
from dragoman.migrate.ledger import Ledger, now
from dragoman.migrate.pace import Pace
from dragoman.migrate.plan import Plan
from dragoman.migrate.planning import Planned, expectation, left_behind
from dragoman.migrate.reading import Reading, Shard, key_of
from dragoman.migrate.scope import Kind, Selection
from dragoman.migrate.sides import Sides
from dragoman.migrate.things import Things
from dragoman.progress import Progress
from dragoman.schema import Dataset

RESTARTS = 5
"""How often reading is begun again after the source broke off, without a row settled in between."""
CHECKED = "target was read before the first row was sent"


@dataclass(frozen=True, slots=True)
class Application:
    """One run of a plan.

    Args:
        sides: Where to read and to write.
        plan: What to do.
        ledger: Where it is recorded.
        names: The feature map.
        hooks: The caller's.
        progress: Shown on every step that lasts.
        in_flight: Most requests to the target at once.
        media: Folder into which the items' media are fetched first; None to hand on their links.
        shard: The part of the rows to carry; all if not given.
    """

    sides: Sides
    plan: Plan
    ledger: Ledger
    names: FeatureNames
    hooks: Hooks
    progress: Progress
    in_flight: int
    media: Path | None = None
    shard: Shard | None = None

    def run(self, planned: Planned) -> Applied:
        """Make the things, carry the rows, and return every row's outcome.

        Raises:
            DragomanError: One of the sides failed for good. Running again goes on from there.
        """
        applied = Applied()
        there = self.prepare(planned, applied)
        for kind in self._kinds(planned.chosen):
            applied.reports[kind] = self._carry(kind, planned, there)
        if isinstance(self.sides.target, FileAdapter):
            # A file is written as a whole, once everything for it is at hand.
            self.sides.target.finish()
        self.ledger.finish()
        return applied

    def prepare(self, planned: Planned, applied: Applied) -> Selection:
        """Make the things and return them; their ids are put into `applied`."""
        self._begin(planned)
        return self._make_things(planned, applied)

    def retry(self, planned: Planned, chosen: Iterable[dead.Letter] | None) -> Applied:
        """Send rejected rows once more.

        Args:
            planned: The plan and the things.
            chosen: The rows; those in the ledger, as they are there, if not given.
        """
        if planned.chosen.dataset is not None and planned.there.dataset is None:
            raise NotFound(f"{self.sides.target.name} has no such dataset.", hint="Apply the plan first.")
        letters = list(dead.of_ledger(self.ledger) if chosen is None else chosen)
        applied = Applied()
        for kind in self._kinds(planned.chosen):
            rows = [letter.decoded() for letter in letters if letter.kind == kind]
            if rows:
                self.ledger.forget_rejected(kind, [key_of(row) for row in rows])
                applied.reports[kind] = self._carrier(kind, planned, planned.there).run(rows)
        return applied

    # -- things --------------------------------------------------------------------------------------------------------

    def _begin(self, planned: Planned) -> None:
        if self.ledger.about("begun") is None:
            self.ledger.note("plan as it was", self.plan.model_dump_json())
            if planned.there.dataset is None or "items" in planned.present:
                self.ledger.note(CHECKED, "yes")
            self.ledger.note("begun", now())
        settled = sum(number for of in self.ledger.counts().values() for state, number in of.items() if state.settled)
        self.ledger.note("run", f"{now()} {settled}")
        self.ledger.note("ended", "")
        self.ledger.note("rolled back", "")

    def _make_things(self, planned: Planned, applied: Applied) -> Selection:
        things = Things(self.sides, self.ledger, self.names, self.plan.choice.default)
        ours = planned.chosen
        dataset = self._make_dataset(ours.dataset, things, applied) if ours.dataset else None
        if ours.model is None or self._stays("model"):
            return Selection(dataset)
        model = things.model(ours.model)
        applied.ids["model"] = model.id
        if ours.version is None or self._stays("version"):
            return Selection(dataset, model)
        version = things.version(ours.version, model, dataset)
        applied.ids["version"] = version.id
        if self.sides.moves_weights(ours):
            things.weights(ours.version, version)
        return Selection(dataset, model, version)

    def _make_dataset(self, ours: Dataset, things: Things, applied: Applied) -> Dataset:
        dataset = things.dataset(ours)
        applied.ids["dataset"] = dataset.id
        if ontology := self.sides.ontology(ours, self.plan.shapes()):
            applied.ids["ontology"] = things.ontology(ontology, dataset)
        return dataset

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _kinds(self, chosen: Selection) -> list[RowKind]:
        kinds = Reading(self.sides.source, chosen, self.sides.scope, self.hooks).kinds()
        return [kind for kind in kinds if not self._stays(kind)]

    def _stays(self, kind: Kind) -> bool:
        step = self.plan.step(kind)
        return step is not None and left_behind(step)

    def _carry(self, kind: RowKind, planned: Planned, there: Selection) -> Any:
        """Carry the rows of one kind; where the source breaks off, begin again behind what is settled."""
        step = self.plan.step(kind)
        restarts, settled = 0, -1
        while True:
            reading = Reading(self.sides.source, planned.chosen, self.sides.scope, self.hooks, self.shard)
            rows = self.progress.track(reading.rows(kind), f"write {kind}", step.rows if step else None)
            try:
                return self._carrier(kind, planned, there).run(reading.moved(kind, self.names, rows))
            except DragomanError as error:
                now = sum(self.ledger.counts().get(kind, {}).values())
                restarts = restarts + 1 if now == settled else 0
                settled = now
                if not error.retryable or error.platform != self.sides.source.name or restarts >= RESTARTS:
                    raise
                self.sides.source.sleep(error.retry_after or 1.0)

    def _carrier(self, kind: RowKind, planned: Planned, there: Selection) -> Carrier:
        target = self.sides.target
        return Carrier(
            kind,
            self.ledger,
            self._writer(kind, there),
            target.sleep,
            Pace(target.limits.batch_size),
            self.in_flight,
            self.plan.choice,
            planned.present.get(kind),
            expectation(kind, target, there, self.plan.choice),
            self.ledger.about(CHECKED) is not None,
            self.hooks,
        )

    def _writer(self, kind: RowKind, there: Selection) -> Write:
        target, dataset, version = self.sides.target, there.dataset, there.version
        assert dataset is not None
        if kind == "items":
            folder = self.media
            return lambda rows, policy: target.datasets.write_items(
                as_files(rows, folder) if folder else rows, dataset=dataset, on_loss=policy
            )
        if kind == "labels":
            return lambda rows, policy: target.labels.write(rows, dataset=dataset, on_loss=policy)
        assert version is not None
        return lambda rows, policy: target.predictions.write(rows, version=version, dataset=dataset, on_loss=policy)
