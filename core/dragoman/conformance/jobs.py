"""Kit tests of what works for a while or for people: training, inference, evaluation, attachments, handoff."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dragoman.adapter import Adapter
from dragoman.conformance.data import boxes, predicted
from dragoman.conformance.rules import Kit, needs
from dragoman.emulate import Live
from dragoman.errors import InvalidData, NotFound
from dragoman.schema import Dataset, Evaluation, Item, Label, Model, Prediction, Training, Version


class BaseTraining(Kit):
    """Training jobs. A subject whose platform trains gives `training_parameters` for the shortest job there is."""

    training_parameters: dict[str, Any] = {}

    @pytest.fixture
    def job(self, backend: Adapter, model: Model, dataset: Dataset, items: list[Item]) -> Training:
        """A submitted job on a dataset with labels."""
        rows = [label for item in items for label in boxes(1, item)]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        return backend.training.submit(model, dataset=dataset, parameters=self.training_parameters)

    @needs("training.submit", "training.get", "training.wait", "versions.get")
    def test_a_job_ends_in_a_version_of_its_model(self, backend: Adapter, model: Model, job: Training) -> None:
        seen: list[Training] = []
        ended = backend.training.wait(job, timeout=180, on_progress=seen.append)
        assert ended.status == "succeeded", ended.error
        assert ended.version
        assert backend.versions.get(ended.version).model == model.id
        assert seen[-1].status == "succeeded"

    @needs("training.submit", "training.list")
    def test_a_job_is_listed(self, backend: Adapter, job: Training) -> None:
        assert job.id in [found.id for found in backend.training.list()]

    @needs("training.submit", "training.cancel", "training.get")
    def test_a_cancelled_job_ends(self, backend: Adapter, job: Training) -> None:
        backend.training.cancel(job)
        assert backend.training.wait(job, timeout=180).status.ended

    @needs("training.submit", "training.wait", "training.logs")
    def test_a_job_that_has_ended_has_a_log(self, backend: Adapter, job: Training) -> None:
        backend.training.wait(job, timeout=180)
        lines = list(backend.training.logs(job))
        assert "".join(lines).strip()
        assert list(backend.training.logs(job, page_size=1)) == lines

    @needs("training.submit", "training.data")
    def test_a_job_names_the_items_it_trains_on(self, backend: Adapter, job: Training, items: list[Item]) -> None:
        assert {item.key for item in backend.training.data(job)} == {item.key for item in items}
        assert len(list(backend.training.data(job, page_size=1))) == len(items)

    @needs("training.submit", "training.wait", "versions.data")
    def test_a_trained_version_names_the_items_it_was_trained_on(
        self, backend: Adapter, job: Training, items: list[Item]
    ) -> None:
        version = backend.training.wait(job, timeout=180).version or ""
        assert {item.key for item in backend.versions.data(version)} == {item.key for item in items}

    @needs("training.submit", "training.wait", "versions.download_weights")
    def test_a_trained_version_has_weights(self, backend: Adapter, job: Training, tmp_path: Path) -> None:
        version = backend.training.wait(job, timeout=180).version or ""
        path = backend.versions.download_weights(version, tmp_path / "trained.weights")
        assert path.stat().st_size > 0

    @needs("training.submit", "training.wait", "training.delete", "training.get", "versions.get")
    def test_a_deleted_job_is_gone_and_its_version_stays(self, backend: Adapter, job: Training) -> None:
        version = backend.training.wait(job, timeout=180).version or ""
        backend.training.delete(job)
        with pytest.raises(NotFound):
            backend.training.get(job)
        assert backend.versions.get(version).id == version

    @needs("training.get")
    def test_an_unknown_job_is_not_found(self, backend: Adapter) -> None:
        with pytest.raises(NotFound):
            backend.training.get("00000000-0000-0000-0000-000000000000")

    @needs("training.submit")
    def test_an_unknown_parameter_is_refused(self, backend: Adapter, model: Model, dataset: Dataset) -> None:
        with pytest.raises(InvalidData):
            backend.training.submit(model, dataset=dataset, parameters={"no such thing": 1})


class BaseInference(Kit):
    """Inference. A subject whose platform predicts overrides `ready`, a version that can."""

    @pytest.fixture
    def ready(self, version: Version) -> Version:
        """A version that can predict."""
        return version

    @needs("inference.predict")
    def test_predictions_name_their_items_and_have_confidences(
        self, backend: Adapter, ready: Version, items: list[Item]
    ) -> None:
        found = list(backend.inference.predict(ready, items[:2], confidence=0.0))
        assert all(isinstance(row, Prediction) for row in found)
        assert {row.item for row in found} <= {item.key for item in items[:2]}
        assert all(row.confidence is not None for row in found)

    @needs("inference.predict")
    @pytest.mark.parametrize("bad", [-0.1, 1.5])
    def test_a_confidence_out_of_range_is_refused(
        self, backend: Adapter, ready: Version, items: list[Item], bad: float
    ) -> None:
        with pytest.raises(InvalidData, match="between 0 and 1"):
            list(backend.inference.predict(ready, items, confidence=bad))

    @needs("inference.predict")
    def test_an_unknown_version_is_not_found(self, backend: Adapter, items: list[Item]) -> None:
        with pytest.raises(NotFound):
            list(backend.inference.predict("00000000-0000-0000-0000-000000000000", items))


class BaseEvaluations(Kit):
    """Evaluations, the platform's own or composed."""

    @needs("evaluations.evaluate", "labels.write", "predictions.write")
    def test_perfect_predictions_are_perfect(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item]
    ) -> None:
        labels = boxes(1, items[0])
        backend.labels.write(labels, dataset=dataset).raise_for_problems()
        backend.predictions.write(perfect(labels), version=version, dataset=dataset).raise_for_problems()
        found = backend.evaluations.evaluate(version, dataset=dataset)
        assert isinstance(found, Evaluation)
        assert found.metrics["mAP50"] == pytest.approx(1.0)

    @needs("evaluations.evaluate", "evaluations.get", "labels.write", "predictions.write")
    def test_an_evaluation_is_found_again(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item]
    ) -> None:
        labels = boxes(2, items[0])
        backend.labels.write(labels, dataset=dataset).raise_for_problems()
        backend.predictions.write(perfect(labels[:1]), version=version, dataset=dataset).raise_for_problems()
        made = backend.evaluations.evaluate(version, dataset=dataset)
        found = backend.evaluations.get(made)
        assert (found.version, found.dataset) == (version.id, dataset.id)
        assert found.metrics == pytest.approx(made.metrics)

    @needs("evaluations.get")
    def test_an_unknown_evaluation_is_not_found(self, backend: Adapter) -> None:
        with pytest.raises(NotFound):
            backend.evaluations.get("00000000-0000-0000-0000-000000000000")

    @needs("evaluations.evaluate", "predictions.write")
    def test_without_labels_there_is_nothing_to_evaluate(
        self, backend: Adapter, dataset: Dataset, version: Version, items: list[Item]
    ) -> None:
        backend.predictions.write(predicted(1, items[0]), version=version, dataset=dataset)
        with pytest.raises(InvalidData):
            backend.evaluations.evaluate(version, dataset=dataset)


class BaseAttachments(Kit):
    """Attachments. A subject whose platform has them overrides `project` and `project_features`."""

    project_features: tuple[str, str] = ("", "")

    @pytest.fixture
    def project(self) -> str:
        """The id of a project."""
        raise NotImplementedError("A platform with attachments gives the kit a project.")

    @needs("attachments.attach", "attachments.list", "attachments.detach")
    def test_an_attachment_is_listed_until_it_is_detached(self, backend: Adapter, model: Model, project: str) -> None:
        known, here = self.project_features
        made = backend.attachments.attach(model, project=project, features={known: here})
        (listed,) = backend.attachments.list(project)
        assert (listed.id, listed.model) == (made.id, model.id)
        backend.attachments.detach(made)
        assert list(backend.attachments.list(project)) == []

    @needs("attachments.attach", "attachments.list", "attachments.update")
    def test_an_update_changes_which_versions_are_used(self, backend: Adapter, model: Model, project: str) -> None:
        known, here = self.project_features
        made = backend.attachments.attach(model, project=project, features={known: here})
        assert made.versions == "latest"
        changed = backend.attachments.update(made, versions="all")
        assert (changed.id, changed.versions, changed.features) == (made.id, "all", made.features)
        assert list(backend.attachments.list(project)) == [changed]

    @needs("attachments.attach")
    def test_versions_that_name_none_are_refused(self, backend: Adapter, model: Model, project: str) -> None:
        known, here = self.project_features
        for versions in ((), "newest"):
            with pytest.raises(InvalidData, match="names none"):
                backend.attachments.attach(model, project=project, features={known: here}, versions=versions)
        assert list(backend.attachments.list(project)) == []


class BaseHandoff(Kit):
    """Handoff. A subject whose platform has it overrides `project` and `received`."""

    @pytest.fixture
    def project(self) -> str:
        """The id of a project."""
        raise NotImplementedError("A platform with a handoff gives the kit a project.")

    def received(self, backend: Any, live: Live[Any] | None, project: str) -> set[str]:
        """Return the keys of the items that a project has before its annotators."""
        raise NotImplementedError("A platform with a handoff tells the kit what a project has received.")

    @needs("handoff.send_items")
    def test_items_are_sent(
        self, backend: Adapter, live: Live[Any] | None, dataset: Dataset, items: list[Item], project: str
    ) -> None:
        backend.handoff.send_items(dataset, project=project)
        assert self.received(backend, live, project) == {item.key for item in items}

    @needs("handoff.send_items")
    def test_items_of_an_unknown_dataset_are_not_found(self, backend: Adapter, project: str) -> None:
        with pytest.raises(NotFound):
            backend.handoff.send_items("00000000-0000-0000-0000-000000000000", project=project)

    @needs("handoff.send_predictions", "predictions.write")
    def test_items_with_predictions_are_sent(
        self,
        backend: Adapter,
        live: Live[Any] | None,
        dataset: Dataset,
        version: Version,
        items: list[Item],
        project: str,
    ) -> None:
        rows = [*predicted(2, items[0]), *predicted(1, items[1])]
        backend.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
        backend.handoff.send_predictions(version, dataset=dataset, project=project)
        assert self.received(backend, live, project) >= {items[0].key, items[1].key}

    @needs("handoff.send_predictions")
    def test_predictions_of_an_unknown_version_are_not_found(
        self, backend: Adapter, dataset: Dataset, project: str
    ) -> None:
        with pytest.raises(NotFound):
            backend.handoff.send_predictions("00000000-0000-0000-0000-000000000000", dataset=dataset, project=project)


def perfect(labels: list[Label]) -> list[Prediction]:
    """Return predictions that say what the labels say."""
    return [Prediction(label.item, label.feature, label.geometry, confidence=0.9) for label in labels]
