"""Kit tests of what works for a while or for people: training, inference, evaluation, attachments, handoff."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.adapter import Adapter
from dragoman.conformance.data import boxes, predicted
from dragoman.conformance.rules import Kit, needs
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


class BaseHandoff(Kit):
    """Handoff. A subject whose platform has it overrides `project`."""

    @pytest.fixture
    def project(self) -> str:
        """The id of a project."""
        raise NotImplementedError("A platform with a handoff gives the kit a project.")

    @needs("handoff.send_items")
    def test_items_are_sent(self, backend: Adapter, dataset: Dataset, project: str) -> None:
        backend.handoff.send_items(dataset, project=project)

    @needs("handoff.send_items")
    def test_items_of_an_unknown_dataset_are_not_found(self, backend: Adapter, project: str) -> None:
        with pytest.raises(NotFound):
            backend.handoff.send_items("00000000-0000-0000-0000-000000000000", project=project)


def perfect(labels: list[Label]) -> list[Prediction]:
    """Return predictions that say what the labels say."""
    return [Prediction(label.item, label.feature, label.geometry, confidence=0.9) for label in labels]
