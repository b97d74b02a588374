"""The engine: reads the source as streams, writes the target in the order of the plan, one report per step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from dragoman.adapter import Adapter
from dragoman.errors import Conflict, InvalidData, NotFound, WouldLose
from dragoman.fidelity import LossPolicy, allows
from dragoman.migrate.plan import Kind, Plan, PlannedStep, Scope, Selection, Survey
from dragoman.migrate.verify import Verification, verify
from dragoman.progress import SILENT, Progress
from dragoman.schema import Dataset, Label, Ontology, Outcome, Provenance, Report

Row = TypeVar("Row", bound=Label)


@dataclass(slots=True)
class Applied:
    """What an `apply` did: one report per step, and the ids of what it made or found on the target."""

    reports: dict[Kind, Report] = field(default_factory=dict)
    ids: dict[Kind, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every row is on the target."""
        return all(report.ok for report in self.reports.values())

    def problems(self) -> Iterator[tuple[Kind, Outcome]]:
        """Yield the outcomes of the rows that did not arrive, with their kind."""
        for kind, report in self.reports.items():
            for outcome in report.problems():
                yield kind, outcome


class Migration:
    """A move from one connected backend to another.

    Args:
        source: Where the data is.
        target: Where it goes.
        scope: What is to move.
        on_loss: `"raise"` refuses to apply a plan with losses; for the others see `dragoman.fidelity.LossPolicy`.
        progress: Shown on every step that lasts.
    """

    def __init__(
        self,
        source: Adapter,
        target: Adapter,
        scope: Scope,
        *,
        on_loss: LossPolicy = "raise",
        progress: Progress = SILENT,
    ) -> None:
        self.source = source
        self.target = target
        self.scope = scope
        self.on_loss = on_loss
        self._progress = progress

    def plan(self) -> Plan:
        """Read both sides and return what would move and what would be lost. Nothing is written.

        Raises:
            NotFound: The source has no such dataset, model or version.
        """
        chosen = self._chosen()
        there = self._counterparts(chosen)
        dataset, model, version = chosen.dataset, chosen.model, chosen.version
        assert dataset is not None
        source, target = self.source, self.target
        steps = [PlannedStep(kind="dataset", rows=1, name=dataset.name, exists=there.dataset is not None)]
        if ontology := self._ontology(dataset):
            steps.append(PlannedStep(kind="ontology", rows=len(ontology.features), name=ontology.name))
        track = self._progress.track
        items = track(source.datasets.read_items(dataset), "read items", dataset.items)
        steps.append(Survey("items").take(items))
        labels = track(source.labels.read(dataset), "read labels")
        steps.append(Survey("labels", source.label_reading.then(target.label_fidelity)).take(labels))
        if model is not None:
            steps.append(PlannedStep(kind="model", rows=1, name=model.name, exists=there.model is not None))
        if version is not None:
            steps.append(PlannedStep(kind="version", rows=1, name=version.name, exists=there.version is not None))
            predictions = track(source.predictions.read(version, dataset=dataset), "read predictions")
            kept = source.prediction_reading.then(target.prediction_fidelity)
            steps.append(Survey("predictions", kept).take(predictions))
        return Plan(source=source.name, target=target.name, scope=self.scope, steps=tuple(steps), on_loss=self.on_loss)

    def apply(self, plan: Plan) -> Applied:
        """Carry out a plan and return every row's outcome.

        Running it again is safe: things are found by name or key, rows keep their ids, and what is there is `ignored`.

        Raises:
            Conflict: The source has changed since the plan was made.
            WouldLose: The plan has losses that the policy does not allow; nothing was written.
        """
        self._refuse_losses(plan)
        if stale := plan.stale_against(self.plan()):
            raise Conflict(f"The plan is stale: on the source, {', '.join(stale)} changed.", hint="Plan again.")
        chosen = self._chosen()
        there = self._counterparts(chosen)
        assert chosen.dataset is not None
        applied = Applied()
        dataset = there.dataset or self.target.datasets.create(chosen.dataset.name)
        applied.ids["dataset"] = dataset.id
        if ontology := self._ontology(chosen.dataset):
            applied.ids["ontology"] = self.target.ontologies.create(ontology, dataset=dataset).id
        self._apply_data(applied, plan, chosen.dataset, dataset)
        if chosen.model is not None:
            self._apply_model(applied, plan, chosen, there, dataset)
        return applied

    def verify(self, plan: Plan, *, media: bool = False) -> Verification:
        """Read the target back and compare it with the source, row by row.

        Args:
            plan: The plan that was applied.
            media: Compare the bytes of the items' media, too.

        Raises:
            NotFound: The target has no such dataset, model or version at all.
        """
        chosen = self._chosen()
        there = self._counterparts(chosen)
        for kind in ("dataset", "model", "version"):
            ours = getattr(chosen, kind)
            if ours is not None and getattr(there, kind) is None:
                raise NotFound(f"{self.target.name} has no {kind} named {ours.name!r}.", hint="Apply the plan first.")
        return verify(
            self.source, self.target, chosen, there, on_loss=plan.on_loss, media=media, progress=self._progress
        )

    # -- steps --------------------------------------------------------------------------------------------------------

    def _apply_data(self, applied: Applied, plan: Plan, origin: Dataset, dataset: Dataset) -> None:
        items = self._rows(plan, "items", self.source.datasets.read_items(origin))
        applied.reports["items"] = self.target.datasets.write_items(items, dataset=dataset)
        labels = self._carried(self._rows(plan, "labels", self.source.labels.read(origin)))
        applied.reports["labels"] = self.target.labels.write(labels, dataset=dataset, on_loss=plan.on_loss)

    def _apply_model(self, applied: Applied, plan: Plan, chosen: Selection, there: Selection, dataset: Dataset) -> None:
        ours, version = chosen.model, chosen.version
        assert ours is not None
        model = there.model or self.target.models.create(
            ours.name,
            task=ours.task or "",
            features=ours.features,
            key=ours.key or ours.id,
            description=ours.description,
            metadata={**ours.metadata, "source": f"{self.source.name}:{ours.id}"},
        )
        applied.ids["model"] = model.id
        if version is None:
            return
        run = there.version or self.target.versions.create(
            model,
            name=version.name,
            dataset=dataset,
            tags=version.tags,
            metadata={"source": f"{self.source.name}:{version.id}"},
        )
        applied.ids["version"] = run.id
        read = self.source.predictions.read(version, dataset=chosen.dataset or "")
        predictions = self._carried(self._rows(plan, "predictions", read), version=version.id)
        applied.reports["predictions"] = self.target.predictions.write(
            predictions, version=run, dataset=dataset, on_loss=plan.on_loss
        )

    def _rows(self, plan: Plan, kind: Kind, rows: Iterable[msgspec.Struct]) -> Iterable:  # type: ignore[type-arg]
        step = plan.step(kind)
        return self._progress.track(rows, f"write {kind}", step.rows if step else None)

    def _carried(self, rows: Iterable[Row], version: str | None = None) -> Iterator[Row]:
        """Give each row its provenance on the source, unless it came from elsewhere before."""
        for row in rows:
            origin = row.provenance or Provenance(self.source.name, row.id, version=version)
            yield msgspec.structs.replace(row, provenance=origin)

    def _refuse_losses(self, plan: Plan) -> None:
        tables = {"labels": self.target.label_fidelity, "predictions": self.target.prediction_fidelity}
        for step in plan.steps:
            for loss in step.losses:
                if not allows(tables[step.kind], plan.on_loss, loss.declared()):
                    raise WouldLose(
                        f"{loss.rows} {step.kind} would lose something: {loss.declared()}.",
                        hint="Plan with on_loss convert, store or drop, and read what each accepts.",
                        platform=self.target.name,
                        operation="migrate.apply",
                    )

    # -- finding the two sides ----------------------------------------------------------------------------------------

    def _chosen(self) -> Selection:
        """Find what the scope names on the source."""
        source, scope = self.source, self.scope
        dataset = _by_id_or(source.datasets, scope.dataset, source.datasets.find)
        if scope.model is None:
            return Selection(dataset)
        model = _by_id_or(source.models, scope.model, source.models.find)
        versions = list(source.versions.list(model))
        if scope.version is not None:
            versions = [version for version in versions if scope.version in (version.id, version.name)]
            if not versions:
                raise NotFound(f"{model.name} has no version {scope.version!r}.", platform=source.name)
        return Selection(dataset, model, versions[-1] if versions else None)

    def _counterparts(self, chosen: Selection) -> Selection:
        """Find on the target what has the names and keys of what was chosen on the source."""
        assert chosen.dataset is not None
        target = self.target
        dataset = target.datasets.find(chosen.dataset.name)
        model = target.models.find(chosen.model.key or chosen.model.id) if chosen.model else None
        version = None
        if model is not None and chosen.version is not None:
            named = chosen.version.name
            version = next((run for run in target.versions.list(model) if run.name == named), None)
        return Selection(dataset, model, version)

    def _ontology(self, dataset: Dataset) -> Ontology | None:
        """Return the source's ontology of the dataset; None where either side keeps none."""
        if not (self.source.ontologies.supports("get") and self.target.ontologies.supports("create")):
            return None
        try:
            return self.source.ontologies.get(dataset)
        except NotFound:
            return None


def _by_id_or(facet: Any, text: str, find: Callable[[str], Any]) -> Any:
    """Return the thing of that id, else what `find` finds by key or name.

    Raises:
        NotFound: There is neither.
    """
    try:
        return facet.get(text)
    except (NotFound, InvalidData) as error:
        found = find(text)
        if found is None:
            raise NotFound(
                f"{facet.name} has nothing with the id or name {text!r}.", platform=error.platform, operation="migrate"
            ) from error
        return found
