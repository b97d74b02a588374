"""Handoff on Labelbox: data rows and predictions sent to a project for annotation.

Besides the core's operations it has two of Labelbox's own: predictions that are written and sent at once, with a result
of each of the three steps, and labels to begin with that come from no run (model-assisted labels).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dragoman.calls.bulk import BulkWrite
from dragoman.errors import DragomanError, NotFound, PlatformError
from dragoman.fidelity import Keeper, LossPolicy
from dragoman.interface import Handoff
from dragoman.interface.base import ref
from dragoman.schema import Dataset, Label, Outcome, Prediction, Report, Version
from dragoman_labelbox.exports import key_of, of_run
from dragoman_labelbox.imports import Importer, statuses_in
from dragoman_labelbox.jobs import Waiter
from dragoman_labelbox.presence import Presence
from dragoman_labelbox.sdk import AnnotationImportState, DataRowIds, MALPredictionImport, MEAToMALPredictionImport
from dragoman_labelbox.targets import Target
from dragoman_labelbox.versions import chunks
from dragoman_labelbox.wire import Annotations, Line
from dragoman_labelbox.writing import Writer

FIRST_QUEUE = "INITIAL_LABELING_QUEUE"
NAMED = 5
"""Most missing items that an error names."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of predictions that were written and sent: each step may fail without the one before it.

    Args:
        predictions: The outcome of every row.
        batch: Why the items could not be put into the project; None if they are in it.
        drafts: Why the predictions could not be put before the annotators; None if they were, or never got so far.
    """

    predictions: Report
    batch: DragomanError | None = None
    drafts: DragomanError | None = None

    @property
    def ok(self) -> bool:
        """Whether all three steps are done for all rows."""
        return self.predictions.ok and self.batch is None and self.drafts is None


class LabelboxHandoff(Handoff):
    """Handoff through `run.send_to_annotate_from_model`, batches and imports of model-assisted labels."""

    _adapter: Any

    def write_and_send(
        self,
        rows: Iterable[Prediction],
        *,
        version: str | Version,
        dataset: str | Dataset,
        project: str,
        on_loss: LossPolicy = "raise",
    ) -> Sent:
        """Write predictions, put their items into a project, and the predictions before its annotators.

        This is `upsert_predictions_and_send_to_project` of the SDK; items of rejected rows are not sent.

        Args:
            rows: The predictions.
            version: The version or its id.
            dataset: The dataset or its id.
            project: Id of the project.
            on_loss: As in `predictions.write`.
        """
        run, within = ref(version), ref(dataset)
        items: list[str] = []

        def noted() -> Iterable[Prediction]:
            for row in rows:
                items.append(row.item)
                yield row

        report = self._adapter.predictions.write(noted(), version=run, dataset=within, on_loss=on_loss)
        taken = list(dict.fromkeys(item for item, outcome in zip(items, report, strict=True) if _is_there(outcome)))
        if not taken:
            return Sent(report)
        if failure := self._tried("send_items", self._put, within, project, taken):
            return Sent(report, batch=failure)
        return Sent(report, drafts=self._tried("send_predictions", self._draft, run, within, project, taken))

    def write_drafts(
        self, rows: Iterable[Label], *, dataset: str | Dataset, project: str, on_loss: LossPolicy = "raise"
    ) -> Report:
        """Put labels before the annotators of a project without making them ground truth.

        Labelbox gives drafts in no export, so only a whole batch that was sent before is known again.

        Args:
            rows: The labels.
            dataset: The dataset or its id.
            project: Id of the project.
            on_loss: As in `labels.write`.
        """
        within = ref(dataset)
        operation, call = self.operations["send_items"], self._adapter.pipeline.call
        target = call(operation, self._adapter.client.get_project, project)
        book = call(operation, self._adapter.projects.book, target)
        keeper = Keeper(Target(book, book, run=False).table, on_loss)
        return BulkWrite[Label](
            self._adapter.pipeline,
            replace(operation, repeatable=True),
            key=lambda row: row.id,
            send=lambda batch: self._write_drafts(batch, within, target),
            keep=keeper.keep,
            losses=keeper.losses,
        ).run(rows)

    def _write_drafts(self, rows: Sequence[Label], dataset: str, target: Any) -> Any:
        adapter = self._adapter
        ontology = adapter.projects.ontology(target)
        writer = Writer(
            Importer(adapter, MALPredictionImport, target.uid),
            lambda feature, kind: adapter.shelf.known(ontology, feature, kind),
            adapter.keys(dataset),
            Presence((), lambda line, masks: iter(())),
            lambda global_keys: adapter.projects.admit(target, global_keys),
            None,
        )
        return writer.write(rows, update=False)

    def _tried(self, operation: str, translate: Callable[..., None], *arguments: Any) -> DragomanError | None:
        """Make a step and return why it failed, or None."""
        try:
            self._adapter.pipeline.call(self.operations[operation], translate, *arguments)
        except DragomanError as error:
            return error
        return None

    def _draft(self, version: str, dataset: str, project: str, items: Sequence[str]) -> None:
        """Put the predictions on some items before the annotators of a project that has them."""
        client = self._adapter.client
        rows = self._rows(client.get_model_run(version), dataset, set(items))
        for chunk in chunks(sorted(rows)):
            name = _name(version, chunk, rows)
            job = MEAToMALPredictionImport.create_for_model_run_data_rows(
                client, data_row_ids=chunk, project_id=project, model_run_id=version, name=name
            )
            if Waiter(self._adapter).ended(job).state is AnnotationImportState.FAILED:
                raise PlatformError(f"Labelbox's import {job.name} of drafts from a run failed.")
            _, results = statuses_in(self._adapter.files.fetch(job.status_file_url))
            refused = [result.reason for result in results if result.status == "rejected"]
            if refused:
                raise PlatformError(f"Labelbox refused {len(refused)} of {len(results)} drafts: {refused[0]}")

    def _send_predictions(self, version: str, dataset: str, project: str) -> None:
        client = self._adapter.client
        run, target = client.get_model_run(version), client.get_project(project)
        params = {"predictions_ontology_mapping": self._mapping(run, target)}
        queue = next((queue.uid for queue in target.task_queues() if queue.queue_type == FIRST_QUEUE), None)
        rows = self._rows(run, dataset)
        sent = {batch.name for batch in target.batches()}
        for chunk in chunks(sorted(rows)):
            name = _name(version, chunk, rows)
            if name in sent:
                # By an earlier call, perhaps one whose answer was lost; the same predictions make no second batch.
                self._adapter.pipeline.warn(
                    f"Predictions of {version} on {len(chunk)} items are in batch {name!r} of project {project} and "
                    "not sent again. They can be once that batch is deleted."
                )
                continue
            task = run.send_to_annotate_from_model(project, queue, name, DataRowIds(chunk), params)
            Waiter(self._adapter).task(task, "sending to annotation")

    def _mapping(self, run: Any, project: Any) -> dict[str, str]:
        """Return which feature schema of the model is which of the project: those of the same name and tool."""
        normalized = self._adapter.projects.connected(project).normalized
        theirs = {_identity(node): node["featureSchemaId"] for node in _nodes(normalized)}
        model = self._adapter.client.get_model(run.model_id)
        ours = self._adapter.client.get_ontology(model.ontology_id).normalized
        return {node["featureSchemaId"]: theirs[_identity(node)] for node in _nodes(ours) if _identity(node) in theirs}

    def _rows(self, run: Any, dataset: str, items: set[str] | None = None) -> dict[str, str]:
        """Return the ids of a dataset's data rows that are in a run, each with a digest of its predictions.

        Args:
            run: The run.
            dataset: Id of the dataset.
            items: The items that are meant; all if None.
        """
        keys = self._adapter.keys(dataset)
        return {
            line.data_row.id: _digest(sorted(_features(line, run.uid)))
            for line in of_run(self._adapter, run.uid, predictions=True).all()
            if line.data_row.details.dataset_id == dataset and (items is None or key_of(line, keys) in items)
        }

    def _send_items(self, dataset: str, project: str, items: Sequence[str] | None) -> None:
        if items is None:
            items = [item.key for item in self._adapter.datasets.items_of(dataset)]
        else:
            self._check(dataset, items)
        self._put(dataset, project, items)

    def _check(self, dataset: str, items: Sequence[str]) -> None:
        """Raise `NotFound` if a dataset has not all of some items: Labelbox passes over those that it does not know."""
        there = self._adapter.datasets.present(self._adapter.client.get_dataset(dataset), items)
        if missing := [item for item in dict.fromkeys(items) if item not in there]:
            named = ", ".join(map(repr, missing[:NAMED])) + (", ..." if len(missing) > NAMED else "")
            raise NotFound(
                f"Dataset {dataset} lacks {len(missing)} of {len(set(items))} items: {named}. Nothing was sent."
            )

    def _put(self, dataset: str, project: str, items: Sequence[str]) -> None:
        keys = self._adapter.keys(dataset)
        target = self._adapter.client.get_project(project)
        self._adapter.projects.admit(target, [keys.out(key) for key in items])


def _is_there(outcome: Outcome) -> bool:
    return outcome.status in ("created", "updated", "ignored")


def _name(version: str, chunk: Sequence[str], rows: dict[str, str]) -> str:
    """Return the name of a batch or import of the predictions on some data rows: the same one until they change.

    Args:
        version: Id of the version.
        chunk: Ids of the data rows.
        rows: Digests of the predictions, by data row.
    """
    return "dragoman-" + _digest([version, *(f"{row} {rows[row]}" for row in chunk)])


def _digest(parts: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def _features(line: Line, run: str) -> Iterator[str]:
    """Yield the ids of a line's predictions in a run. A prediction never changes: a newer one has an id of its own."""
    for model in line.experiments.values():
        held = model.runs.get(run)
        for label in (held.predictions if held is not None else None) or ():
            yield from _features_of(label.annotations)


def _features_of(annotations: Annotations) -> Iterator[str]:
    yield from (shown.feature_id for shown in annotations.objects or ())
    yield from (answered.feature_id for answered in annotations.classifications or ())
    for frame in (annotations.frames or {}).values():
        yield from frame.objects or ()
        yield from (answered.feature_id for answered in frame.classifications or ())


def _nodes(normalized: dict[str, Any]) -> list[dict[str, Any]]:
    return [*normalized["tools"], *normalized["classifications"]]


def _identity(node: dict[str, Any]) -> tuple[str, str]:
    return node["name"], node.get("tool") or node["type"]
