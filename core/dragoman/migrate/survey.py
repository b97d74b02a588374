"""The survey behind a plan: reads the rows of both sides once and counts them. Nothing is written."""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from math import ceil
from typing import Any

from dragoman.adapter import Adapter
from dragoman.fidelity import LOSSLESS, WHOLE_DATASET, DatasetFidelity, DatasetKeeper, FidelityTable, Survival
from dragoman.migrate.conditions import RowKind
from dragoman.migrate.content import Fingerprint
from dragoman.migrate.expect import Choice, Expectation, ItemExpectation, Measured
from dragoman.migrate.features import FeatureNames
from dragoman.migrate.plan import Estimate, PlannedLoss, PlannedStep
from dragoman.migrate.present import Present
from dragoman.migrate.reading import Reading
from dragoman.schema import Item, Label, Ontology

_Split = tuple[Counter[str], Counter[str]]
"""Rows by their feature, and by form of geometry."""


class Survey:
    """Counts the rows of one kind as they pass, fingerprints them, and meets what the target holds of them.

    Args:
        kind: What they are.
        passing: What survives of them from the source to the target.
        keeping: What the target keeps.
        choice: What was chosen to be done with losses.
        present: What the target holds, if anything.
        of_items: What the target keeps of items.
    """

    def __init__(
        self,
        kind: RowKind,
        passing: FidelityTable = LOSSLESS,
        keeping: FidelityTable = LOSSLESS,
        choice: Choice | None = None,
        present: Present | None = None,
        of_items: DatasetFidelity = WHOLE_DATASET,
    ) -> None:
        self._kind = kind
        self._passing = passing
        choice = choice or Choice()
        self._measured = Measured(keeping, choice)
        self._expectation = Expectation(keeping, choice)
        self._present = present
        self._of_items = of_items
        self._expected_items = ItemExpectation(of_items)
        self._fingerprint = Fingerprint()
        self._geometries: Counter[str] = Counter()
        self._features: Counter[str] = Counter()
        self._shapes: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._losses: defaultdict[Any, _Split] = defaultdict(lambda: (Counter(), Counter()))

    def take(
        self, rows: Iterable[Any], reading: Reading | None = None, names: FeatureNames | None = None
    ) -> PlannedStep:
        """Consume the source's rows and return the step that they make.

        Args:
            rows: As the source has them.
            reading: Makes them ready to go; as they are if not given.
            names: The feature map that it needs.
        """
        for row in rows:
            self._fingerprint.add(row)
            ready = reading.ready(self._kind, row, names) if reading and names else row
            if ready is None:
                continue
            if isinstance(ready, Label):
                self._look_at(ready, row.feature)
            else:
                self._look_at_item(ready)
        return self._step()

    def _look_at(self, row: Label, feature: str) -> None:
        form = row.geometry.form
        self._geometries[form] += 1
        self._features[feature] += 1
        self._shapes[feature][row.geometry.kind] = None
        if losses := self._passing.losses(row):
            self._measured.add(row)
            for loss in losses:
                by_feature, by_form = self._losses[loss.what, loss.fidelity.survival, loss.fidelity.how]
                by_feature[feature] += 1
                by_form[form] += 1
        if self._present is not None:
            self._present.meet(row, self._expectation.of(row))

    def _look_at_item(self, item: Item) -> None:
        for loss in self._of_items.losses("item", item):
            by_feature, _ = self._losses[loss.what, loss.fidelity.survival, loss.fidelity.how]
            # Items are of no feature; they are counted all the same.
            by_feature[""] += 1
        if self._present is not None:
            self._present.meet(item, self._expected_items.of(item))

    def _step(self) -> PlannedStep:
        overlaps = self._measured.overlaps()
        losses = []
        for (what, survival, how), (features, forms) in sorted(self._losses.items()):
            worst, mean = overlaps.get(what, (None, None))
            losses.append(
                PlannedLoss(
                    what=what,
                    survival=survival,
                    how=how,
                    rows=features.total(),
                    features={name: count for name, count in features.items() if name},
                    forms=dict(forms),
                    worst_iou=worst,
                    mean_iou=mean,
                )
            )
        return PlannedStep(
            kind=self._kind,
            rows=self._fingerprint.rows,
            present=self._present.count() if self._present else {},
            geometries=dict(self._geometries),
            features=dict(self._features),
            shapes={feature: tuple(kinds) for feature, kinds in self._shapes.items()},
            losses=tuple(losses),
            refusals=self._measured.refusals,
            fingerprint=str(self._fingerprint),
            foreign=self._present.foreign() if self._present else str(Fingerprint()),
        )


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long ago that was."""
        return time.perf_counter() - self._started


def estimate(step: PlannedStep, source: Adapter, target: Adapter, *, read: float, answer: float) -> Estimate:
    """Return what a step of rows may cost.

    Args:
        step: The step.
        source: Where the rows are.
        target: Where they go.
        read: Seconds that reading them took just now.
        answer: Seconds in which the target answered a small request just now.
    """
    reads, writes = ceil(step.rows / source.limits.page_size), ceil(step.created / target.limits.batch_size)
    seconds = [read, writes * answer]
    for calls, backend in ((reads, source), (writes, target)):
        if backend.limits.calls_per_second:
            seconds.append(calls / backend.limits.calls_per_second)
    return Estimate(reads=reads, writes=writes, seconds=round(max(seconds), 3))


def losses_of_ontology(ontology: Ontology, keeping: DatasetFidelity) -> tuple[PlannedLoss, ...]:
    """Return what is not kept of an ontology and of its features; `rows` counts the features, or the ontology."""
    keeper = DatasetKeeper(keeping, "drop")
    keeper.ontology(ontology)
    return tuple(
        PlannedLoss(what=loss.what, survival=Survival(loss.survival), how=loss.how, rows=loss.rows)
        for loss in keeper.losses()
    )


def fingerprint_of_tables(*tables: FidelityTable, keeping_datasets: DatasetFidelity) -> str:
    """Return a digest of fidelity tables, which changes when a plugin comes to keep more or less."""
    rows = [(sorted(table.geometries.items()), sorted(table.fields.items())) for table in tables]
    text = repr((rows, sorted(keeping_datasets.fields.items())))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
