"""Makes plans: looks for the things on both sides, surveys the rows, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dragoman.adapter import Adapter
from dragoman.fidelity import LOSSLESS, FidelityTable, Survival
from dragoman.interface import Facet
from dragoman.migrate.conditions import RowKind
from dragoman.migrate.content import Fingerprint
from dragoman.migrate.expect import Choice, Expectation, Expected, ItemExpectation
from dragoman.migrate.features import FeatureNames
from dragoman.migrate.gaps import unreadable, unwritable
from dragoman.migrate.hooks import Hooks
from dragoman.migrate.plan import Plan, PlannedLoss, PlannedStep, shapes_of
from dragoman.migrate.present import Present
from dragoman.migrate.reading import Reading
from dragoman.migrate.scope import ORDER, Kind, Selection
from dragoman.migrate.sides import Sides, ontology_of
from dragoman.migrate.survey import Stopwatch, Survey, estimate, fingerprint_of_tables, losses_of_ontology
from dragoman.progress import Progress
from dragoman.schema import Dataset, Label


@dataclass(slots=True)
class Planned:
    """A plan, with what was found on the way to it."""

    plan: Plan
    chosen: Selection
    there: Selection
    present: dict[RowKind, Present] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes one plan.

    Args:
        sides: Where to look.
        choice: What is to be done with losses.
        hooks: The caller's.
        progress: Shown while rows are read.
        features: Features that have a name on the target already, as of an edited plan.
    """

    sides: Sides
    choice: Choice
    hooks: Hooks
    progress: Progress
    features: Mapping[str, str]

    @contextmanager
    def planned(self) -> Iterator[Planned]:
        """Give a plan; what it knows of the target's rows is there while the context lasts."""
        watch = Stopwatch()
        chosen = self.sides.chosen()
        there = self.sides.counterparts(chosen)
        answer = watch.seconds
        names = self._names(there)
        present: dict[RowKind, Present] = {}
        try:
            steps = self._things(chosen, there, names)
            for kind in Reading(self.sides.source, chosen, self.sides.scope, self.hooks).kinds():
                steps.append(self._rows(kind, chosen, there, names, present, answer))
            if chosen.dataset is not None:
                steps += self._ontology(chosen.dataset, steps, names)
            steps.sort(key=lambda step: ORDER.index(step.kind))
            yield Planned(self._plan(tuple(steps), names), chosen, there, present)
        finally:
            for held in present.values():
                held.close()

    def _plan(self, steps: tuple[PlannedStep, ...], names: FeatureNames) -> Plan:
        source, target = self.sides.source, self.sides.target
        return Plan(
            source=source.name,
            target=target.name,
            scope=self.sides.scope,
            steps=steps,
            features=dict(sorted(names.seen.items())),
            on_loss=self.choice.default,
            on_loss_of=dict(self.choice.forms),
            tables=fingerprint_of_tables(
                source.label_reading,
                source.prediction_reading,
                target.label_fidelity,
                target.prediction_fidelity,
                keeping_datasets=target.dataset_fidelity,
            ),
        )

    def _names(self, there: Selection) -> FeatureNames:
        ontology = ontology_of(self.sides.target, there.dataset)
        held = [feature.name for feature in ontology.features] if ontology else []
        return FeatureNames([*held, *(there.model.features if there.model else ())], self.features)

    def _ontology(self, dataset: Dataset, steps: Sequence[PlannedStep], names: FeatureNames) -> list[PlannedStep]:
        ontology = self.sides.ontology(dataset, shapes_of(steps))
        if ontology is None:
            return []
        names.all([feature.name for feature in ontology.features])
        losses = losses_of_ontology(ontology, self.sides.target.dataset_fidelity)
        return [PlannedStep(kind="ontology", rows=len(ontology.features), name=ontology.name, losses=losses)]

    def _things(self, chosen: Selection, there: Selection, names: FeatureNames) -> list[PlannedStep]:
        steps = []
        for kind in ("dataset", "model", "version"):
            thing = getattr(chosen, kind)
            if thing is not None:
                exists = getattr(there, kind) is not None
                steps.append(self._thing(kind, thing.name, exists))
        if chosen.model is not None:
            names.all(chosen.model.features)
        if self.sides.moves_weights(chosen):
            steps.append(PlannedStep(kind="weights", rows=1, name=chosen.version.name if chosen.version else ""))
        return steps

    def _thing(self, kind: Kind, name: str, exists: bool) -> PlannedStep:
        lost = unwritable(self.sides.target, kind) if kind != "dataset" and not exists else None
        return PlannedStep(kind=kind, rows=1, name=name, exists=exists, losses=_left_behind(kind, lost, 1))

    def _rows(
        self,
        kind: RowKind,
        chosen: Selection,
        there: Selection,
        names: FeatureNames,
        present: dict[RowKind, Present],
        answer: float,
    ) -> PlannedStep:
        """Survey the rows of one kind."""
        source, target = self.sides.source, self.sides.target
        if (why := unreadable(source, kind)) is not None:
            # What cannot be read cannot be counted.
            return PlannedStep(kind=kind, rows=0, losses=_left_behind(kind, why, 0), fingerprint=str(Fingerprint()))
        held = self._held(kind, there)
        if held is not None:
            present[kind] = Present(held)
        reading = Reading(source, chosen, self.sides.scope, self.hooks)
        passing, keeping = tables(kind, source, target)
        total = chosen.dataset.items if kind == "items" and chosen.dataset else None
        watch = Stopwatch()
        survey = Survey(kind, passing, keeping, self.choice, present.get(kind), target.dataset_fidelity)
        step = survey.take(self.progress.track(reading.rows(kind), f"read {kind}", total), reading, names)
        costs = estimate(step, source, target, read=watch.seconds, answer=answer)
        lost = unwritable(target, kind) if step.rows else None
        if lost is not None:
            return step.model_copy(update={"losses": _left_behind(kind, lost, step.rows)})
        return step.model_copy(update={"estimate": costs})

    def _held(self, kind: RowKind, there: Selection) -> Iterator[Any] | None:
        """Read the target's rows; None where it has no place for them yet, or does not give them out."""
        if there.dataset is None or unreadable(self.sides.target, kind) is not None:
            return None
        return held_rows(kind, self.sides.target, there)


def _left_behind(kind: Kind, why: str | None, rows: int) -> tuple[PlannedLoss, ...]:
    if why is None:
        return ()
    return (PlannedLoss(what=f"all {kind}", survival=Survival.DROPPED, how=why, rows=rows),)


def left_behind(step: PlannedStep) -> bool:
    """Return whether a whole kind stays where it is, because one side cannot read or write it."""
    return any(loss.what == f"all {step.kind}" for loss in step.losses)


def held_rows(kind: RowKind, backend: Adapter, things: Selection) -> Iterator[Any] | None:
    """Return the rows of one kind that a backend holds of some things; None where there is no such thing."""
    if things.dataset is None or (kind == "predictions" and things.version is None):
        return None
    if kind == "items":
        return backend.datasets.read_items(things.dataset)
    if kind == "labels":
        return backend.labels.read(things.dataset)
    assert things.version is not None
    return backend.predictions.read(things.version, dataset=things.dataset)


def kept_by(kind: RowKind, target: Adapter, there: Selection) -> FidelityTable | Callable[[Label], FidelityTable]:
    """Return what a target keeps of rows of a kind: what it says of the very things that they go to, if it does."""
    facet: Facet = target.labels if kind == "labels" else target.predictions
    of_target = getattr(facet, "_fidelity", None)
    things = [there.dataset] if kind == "labels" else [there.version, there.dataset]
    if of_target is None or None in things:
        return target.label_fidelity if kind == "labels" else target.prediction_fidelity
    found: Callable[[Label], FidelityTable] = target.pipeline.call(
        facet.operations["write"], of_target, *(thing.id for thing in things if thing)
    )
    return found


def expectation(kind: RowKind, target: Adapter, there: Selection, choice: Choice) -> Callable[[Any], Expected]:
    """Return what tells of a row of a kind what the target would hold of it."""
    if kind == "items":
        return ItemExpectation(target.dataset_fidelity).of
    return Expectation(kept_by(kind, target, there), choice).of


def tables(kind: RowKind, source: Adapter, target: Adapter) -> tuple[FidelityTable, FidelityTable]:
    """Return what survives of rows of a kind from one side to the other, and what the target keeps of them."""
    if kind == "labels":
        return source.label_reading.then(target.label_fidelity), target.label_fidelity
    if kind == "predictions":
        return source.prediction_reading.then(target.prediction_fidelity), target.prediction_fidelity
    return LOSSLESS, LOSSLESS
