"""Training, inference, deployment, evaluation and handoff by plugins, over the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from synapse_ground import add_truth, seeded

import dragoman
from dragoman import Box, InvalidData, Item, Label, NotFound, PlatformError, Unsupported
from dragoman.emulate import Answer, DropAfter, Live, ManualClock, running
from dragoman.errors import Conflict, OutcomeUnknown, Timeout, Unavailable
from dragoman.schema import Model, Status, Training, TrainingSource, Version
from dragoman_synapse.emulator import create

NAMES = [f"{n}.png" for n in range(6)]


@pytest.fixture
def dataset(emulated: Live[Any]) -> str:
    """Six pictures with cars and people on them."""
    return seeded(emulated, NAMES)


@pytest.fixture
def model(backend: Any) -> Model:
    """A model that nothing was trained of yet."""
    return backend.models.create("detector", task="object_detection", features=["car", "person"])


@pytest.fixture
def job(backend: Any, model: Model, dataset: str) -> Training:
    """A submitted training."""
    backend.truths.freeze(dataset, "1")
    return backend.training.submit(model, dataset=dataset, parameters={"epochs": 3, "batch_size": 2})


@pytest.fixture
def trained(backend: Any, job: Training) -> Version:
    """A trained version."""
    return backend.versions.get(backend.training.wait(job).version)


@pytest.fixture
def deployed(backend: Any, trained: Version) -> Version:
    """A trained version, whose plugin answers."""
    assert backend.deployments.serve(num_gpus=1).status == "RUNNING"
    return trained


def plugin(live: Live[Any]) -> Any:
    """The platform's plugin."""
    return live.state.home.plugins["detector"]


class TestTraining:
    def test_a_training_makes_a_version_with_weights(
        self, backend: Any, model: Model, job: Training, emulated: Live[Any], tmp_path: Path
    ) -> None:
        assert (job.model, job.status) == (model.id, Status.QUEUED)
        assert job.config["epochs"] == 3
        ended = backend.training.wait(job)
        version = backend.versions.get(ended.version)
        assert (version.model, version.status) == (model.id, Status.SUCCEEDED)
        assert version.config == {"hyperparameter": {"epochs": 3, "batch_size": 2}}
        assert [found.id for found in backend.versions.list(model)] == [version.id]
        assert b"car" in backend.versions.download_weights(version, tmp_path / "w").read_bytes()
        assert {item.key for item in backend.versions.data(version)} == set(NAMES)
        assert {item.key for item in backend.training.data(job)} == set(NAMES)

    def test_the_newest_version_that_is_not_archived_is_trained_on(
        self, backend: Any, model: Model, dataset: str, emulated: Live[Any]
    ) -> None:
        made = [backend.truths.freeze(dataset, name) for name in ("1", "2", "3")]
        emulated.state.home.version(made[2].id).is_archived = True
        for chosen, expected in ((dataset, made[1]), (made[0].key, made[0])):
            job = backend.training.submit(model, dataset=chosen)
            assert emulated.state.home.job(job.id).params["dataset"] == int(expected.id)

    def test_a_dataset_without_a_version_cannot_be_trained_on(self, backend: Any, model: Model, dataset: str) -> None:
        with pytest.raises(InvalidData, match="has no version") as refusal:
            backend.training.submit(model, dataset=dataset)
        assert "truths.freeze" in str(refusal.value.hint)

    def test_a_training_starts_from_a_version(
        self, backend: Any, model: Model, dataset: str, trained: Version, emulated: Live[Any]
    ) -> None:
        job = backend.training.submit(model, dataset=dataset, pretrained=trained)
        found = backend.versions.get(backend.training.wait(job).version)
        assert emulated.state.home.model(found.id).checkpoint == int(trained.id)

    def test_its_parts_and_a_search_are_chosen_with_parameters(
        self, backend: Any, model: Model, dataset: str, emulated: Live[Any]
    ) -> None:
        backend.truths.freeze(dataset, "1")
        splits = {"train": {"category": "validation"}}
        job = backend.training.submit(model, dataset=dataset, parameters={"splits": splits, "epochs": 1})
        params = emulated.state.home.job(job.id).params
        assert (params["splits"], params["hyperparameters"]) == (splits, [{"epochs": 1}])

    def test_an_unknown_hyper_parameter_is_refused_by_the_plugin(
        self, backend: Any, model: Model, dataset: str
    ) -> None:
        backend.truths.freeze(dataset, "1")
        with pytest.raises(InvalidData, match="no hyperparameter 'epoch'") as refusal:
            backend.training.submit(model, dataset=dataset, parameters={"epoch": 3})
        assert refusal.value.field == "hyperparameters"

    def test_classes_are_trained_on_as_they_are(self, backend: Any, model: Model, dataset: str) -> None:
        with pytest.raises(Unsupported, match="as they are"):
            backend.training.submit(model, dataset=dataset, features={"car": "person"})
        with pytest.raises(Unsupported, match="one dataset"):
            backend.training.submit(model, dataset=[dataset, dataset])
        with pytest.raises(Unsupported, match="items"):
            backend.training.submit(model, dataset=TrainingSource(dataset=dataset, items=("0.png",)))

    def test_a_failed_training_says_why(self, backend: Any, job: Training, emulated: Live[Any]) -> None:
        plugin(emulated).fail_with = "CUDA out of memory"
        with pytest.raises(PlatformError, match="CUDA out of memory"):
            backend.training.wait(job)
        assert any("CUDA" in line for line in backend.training.logs(job))

    def test_its_log_has_every_epoch(self, backend: Any, job: Training) -> None:
        backend.training.wait(job)
        lines = list(backend.training.logs(job))
        assert [line for line in lines if line.startswith("epoch")][-1].startswith("epoch 3/3")
        assert list(backend.training.tail(job.id))[-1] == lines[-1]
        with pytest.raises(NotFound):
            list(backend.training.tail("999"))

    def test_a_training_that_has_ended_stays_as_it_is(self, backend: Any, job: Training) -> None:
        backend.training.wait(job)
        assert backend.training.cancel(job).status is Status.SUCCEEDED

    def test_trainings_are_listed_newest_first_and_by_status(
        self, backend: Any, model: Model, job: Training, dataset: str
    ) -> None:
        backend.training.wait(job)
        backend.deployments.serve()
        other = backend.training.submit(model, dataset=dataset)
        assert [found.id for found in backend.training.list(page_size=1)] == [other.id, job.id]
        assert [found.id for found in backend.training.list(status="succeeded")] == [job.id]

    def test_a_deployment_is_no_training(self, backend: Any, emulated: Live[Any]) -> None:
        served = backend.deployments.serve()
        with pytest.raises(NotFound, match="is a deployment"):
            backend.training.get(served.job)

    def test_a_lost_answer_starts_no_second_training(
        self, backend: Any, model: Model, dataset: str, emulated: Live[Any]
    ) -> None:
        backend.truths.freeze(dataset, "1")
        emulated.faults.add(DropAfter(), path="*/run/")
        with pytest.raises(OutcomeUnknown):
            backend.training.submit(model, dataset=dataset)
        assert len(emulated.state.home.jobs) == 1

    def test_a_version_that_was_trained_elsewhere_knows_its_items_too(
        self, backend: Any, dataset: str, emulated: Live[Any]
    ) -> None:
        version = backend.truths.freeze(dataset, "1")
        started = backend.runs.start("train", {"dataset": int(version.id)})
        made = backend.training.wait(started["id"]).version
        assert {item.key for item in backend.versions.data(made)} == set(NAMES)
        assert (backend.models.get(made).id, backend.versions.get(made).model) == (made, made)

    def test_a_job_that_was_started_elsewhere_has_no_model_of_ours(self, backend: Any, dataset: str) -> None:
        version = backend.truths.freeze(dataset, "1")
        started = backend.runs.start("train", {"dataset": int(version.id)})
        found = backend.training.get(started["id"])
        assert found.model == ""
        with pytest.raises(NotFound, match="not submitted here"):
            list(backend.training.data(found))


class TestProgress:
    """A training whose time passes on a clock that the test moves."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def emulated(self, clock: ManualClock) -> Iterator[Live[Any]]:
        with running(create(clock=clock)) as live:
            live.settings.job_polls = 0
            plugin(live).train_seconds = 100.0
            yield live

    def test_progress_is_told_in_hundredths(self, backend: Any, job: Training, clock: ManualClock) -> None:
        seen: list[tuple[int, int, float | None]] = []

        def move(found: Training) -> None:
            seen.append((found.progress.step, found.progress.steps, found.progress.seconds_left))
            clock.advance(40)

        ended = backend.training.wait(job, on_progress=move)
        assert seen == [(0, 100, 100.0), (40, 100, 60.0), (80, 100, 20.0), (100, 100, 0.0)]
        assert (ended.progress.epoch, ended.progress.loss) == (3, 0.25)
        assert (ended.ended_at - ended.created_at).total_seconds() == 120

    def test_a_stopped_training_makes_no_version(self, backend: Any, job: Training, model: Model) -> None:
        assert backend.training.get(job).status is Status.RUNNING
        assert backend.training.cancel(job).status is Status.CANCELLED
        assert backend.training.wait(job).version is None
        assert list(backend.versions.list(model)) == []


class TestInference:
    def test_predictions_are_those_of_the_version(
        self, backend: Any, deployed: Version, dataset: str, emulated: Live[Any]
    ) -> None:
        items = list(backend.datasets.read_items(dataset))
        found = list(backend.inference.predict(deployed, items, confidence=0.0))
        assert [row.item for row in found] == [key for key in NAMES for _ in range(2)]
        assert {(row.feature, row.confidence) for row in found} == {("car", 1.0), ("person", 0.5)}
        assert found[0].geometry == Box(2.5, 2, 10, 8)
        assert found[0].provenance.version == deployed.id

    def test_weak_predictions_are_left_out(self, backend: Any, deployed: Version, dataset: str) -> None:
        items = list(backend.datasets.read_items(dataset))[:1]
        assert [row.feature for row in backend.inference.predict(deployed, items, confidence=0.75)] == ["car"]

    def test_files_of_this_machine_travel_with_the_question(
        self, backend: Any, deployed: Version, tmp_path: Path
    ) -> None:
        (tmp_path / "a.png").write_bytes(b"picture")
        assert len(list(backend.inference.predict(deployed, [tmp_path / "a.png"]))) == 2
        with pytest.raises(InvalidData, match="cannot be read") as refusal:
            list(backend.inference.predict(deployed, [tmp_path / "a.png", tmp_path / "none.png"]))
        assert refusal.value.row == 1
        with pytest.raises(InvalidData, match="does not reach"):
            list(backend.inference.predict(deployed, [Item("x", uri="s3://bucket/x.png")]))

    def test_a_plugin_that_is_not_deployed_is_said_to_be_so(self, backend: Any, trained: Version) -> None:
        with pytest.raises(NotFound, match="not deployed") as refusal:
            list(backend.inference.predict(trained, []))
        assert "deployments.serve" in str(refusal.value.hint)

    def test_a_version_without_weights_cannot_predict(
        self, backend: Any, deployed: Version, model: Model, tmp_path: Path
    ) -> None:
        (tmp_path / "a.png").write_bytes(b"picture")
        version = backend.versions.create(model, name="bare")
        with pytest.raises(InvalidData, match="has no file"):
            list(backend.inference.predict(version, [tmp_path / "a.png"]))

    def test_weights_from_elsewhere_predict_under_their_version(
        self, backend: Any, deployed: Version, model: Model, tmp_path: Path
    ) -> None:
        weights = backend.versions.download_weights(deployed, tmp_path / "w")
        version = backend.versions.upload_weights(backend.versions.create(model, name="moved"), weights)
        (row, _) = backend.inference.predict(version, [weights])
        assert row.provenance.version == version.id

    @pytest.mark.parametrize("fault", [Answer(503), Answer(429, headers={"Retry-After": "1"})])
    def test_a_question_is_asked_again_alone(
        self, backend: Any, deployed: Version, dataset: str, emulated: Live[Any], fault: Answer
    ) -> None:
        items = list(backend.datasets.read_items(dataset))
        emulated.faults.add(fault, path="*/run/", skip=2)
        emulated.journal.clear()
        assert len(list(backend.inference.predict(deployed, items))) == 12
        assert sum(seen.path.endswith("/run/") for seen in emulated.journal.entries()) == len(items) + 1

    def test_an_answer_that_is_no_document_names_its_item(
        self, backend: Any, deployed: Version, dataset: str, emulated: Live[Any]
    ) -> None:
        items = list(backend.datasets.read_items(dataset))[:1]
        emulated.faults.add(Answer(200, body='{"boxes": []}'), path="*/run/")
        with pytest.raises(PlatformError, match="neither form") as refusal:
            list(backend.inference.predict(deployed, items))
        assert refusal.value.row == 0


class TestDeferredInference:
    @pytest.fixture
    def slow(self, emulated: Live[Any], deployed: Version) -> Version:
        """A version whose inferences take a while on the platform's clock."""
        plugin(emulated).infer_seconds = 1e-9
        return deployed

    def test_a_result_that_takes_longer_is_asked_for(self, backend: Any, slow: Version, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"picture")
        assert len(list(backend.inference.predict(slow, [tmp_path / "a.png"]))) == 2
        assert backend.waited[-1] == 2.0

    def test_a_ticket_that_was_lost(self, backend: Any, slow: Version, tmp_path: Path, emulated: Live[Any]) -> None:
        (tmp_path / "a.png").write_bytes(b"picture")
        backend.sleep = lambda seconds: plugin(emulated).tickets.clear()
        with pytest.raises(PlatformError, match="lost the question"):
            list(backend.inference.predict(slow, [tmp_path / "a.png"]))

    def test_an_inference_that_failed(self, backend: Any, slow: Version, tmp_path: Path, emulated: Live[Any]) -> None:
        (tmp_path / "a.png").write_bytes(b"picture")
        plugin(emulated).fail_with = "no GPU"
        with pytest.raises(PlatformError, match="no GPU"):
            list(backend.inference.predict(slow, [tmp_path / "a.png"]))

    def test_one_that_never_ends(self, emulated: Live[Any], slow: Version, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"picture")
        plugin(emulated).infer_seconds = 1e9
        settings = {"endpoint": emulated.url, "plugin": "detector", "job_timeout": 1e-9, **emulated.credentials}
        with dragoman.connect("synapse", **settings) as impatient:
            impatient.sleep = lambda seconds: None
            with pytest.raises(Timeout, match="was not done"):
                list(impatient.inference.predict(slow.id, [tmp_path / "a.png"]))


class TestDeployments:
    @pytest.fixture
    def weights(self, tmp_path: Path) -> Path:
        """A file."""
        path = tmp_path / "trained.pkl"
        path.write_bytes(b"weights")
        return path

    def test_a_version_is_made_with_its_weights_and_in_use(
        self, backend: Any, model: Model, weights: Path, emulated: Live[Any], tmp_path: Path
    ) -> None:
        done = backend.deployments.create(
            model, name="v3", weights=weights, project=123, metrics={"mAP": 0.87}, config={"size": 640}
        )
        found = backend.versions.get(done.version.id)
        assert (found.name, found.metrics, found.config) == ("v3", {"mAP": 0.87}, {"size": 640})
        assert found.metadata == {"project": "123", "is_active": True}
        assert backend.versions.download_weights(found, tmp_path / "back").read_bytes() == b"weights"
        assert sum(entry.file is not None for entry in emulated.state.home.models.values()) == 1
        assert [entry.name for entry in backend.catalog.list(project=123, is_active=True)] == ["detector / v3"]

    def test_it_replaces_what_served_its_project(self, backend: Any, model: Model, weights: Path) -> None:
        one, two, other = (
            backend.deployments.create(model, name=name, weights=weights, project=project).version.id
            for name, project in (("one", 1), ("two", 1), ("other", 2))
        )
        assert [version.id for version in backend.deployments.active()] == [other, two]
        assert [version.id for version in backend.deployments.active(project=1)] == [two]
        back = backend.deployments.activate(one)
        assert back.replaced == (two,)
        assert back.version.metadata["is_active"] is True

    def test_without_a_project_it_replaces_those_of_its_model(self, backend: Any, model: Model, weights: Path) -> None:
        second = backend.models.create("second", task="classification", features=["a"])
        made = [backend.deployments.create(one, name="v", weights=weights) for one in (model, second)]
        later = backend.deployments.create(model, name="w", weights=weights)
        assert later.replaced == (made[0].version.id,)

    def test_others_may_stay_in_use(self, backend: Any, model: Model, weights: Path) -> None:
        for name in ("one", "two"):
            assert backend.deployments.create(model, name=name, weights=weights, replace=False).replaced == ()
        assert len(list(backend.deployments.active())) == 2

    def test_a_version_is_taken_out_of_use(self, backend: Any, model: Model, weights: Path) -> None:
        made = backend.deployments.create(model, name="v", weights=weights)
        assert backend.deployments.deactivate(made.version.id).metadata["is_active"] is False
        assert list(backend.deployments.active()) == []

    def test_a_version_is_named_by_itself_or_by_its_id(self, backend: Any, model: Model, weights: Path) -> None:
        made = backend.deployments.create(model, name="v", weights=weights).version
        assert backend.deployments.deactivate(made).metadata["is_active"] is False
        assert backend.deployments.activate(made) == backend.deployments.activate(made.id)
        with pytest.raises(InvalidData, match="no id"):
            backend.deployments.activate(5)

    def test_progress_of_the_upload_is_told(self, backend: Any, model: Model, weights: Path) -> None:
        seen: list[tuple[int, int]] = []
        backend.deployments.create(model, name="v", weights=weights, on_progress=lambda *told: seen.append(told))
        assert seen == [(7, 7)]

    def test_a_lost_answer_makes_no_second_one(
        self, backend: Any, model: Model, weights: Path, emulated: Live[Any]
    ) -> None:
        emulated.faults.add(DropAfter(), method="POST", path="/models/")
        backend.deployments.create(model, name="v", weights=weights)
        assert [version.name for version in backend.versions.list(model)] == ["v"]

    def test_what_cannot_be_made_changes_nothing(
        self, backend: Any, model: Model, weights: Path, tmp_path: Path
    ) -> None:
        first = backend.deployments.create(model, name="v", weights=weights)
        weights.write_bytes(b"others")
        with pytest.raises(Conflict):
            backend.deployments.create(model, name="v", weights=weights)
        with pytest.raises(InvalidData, match="no file"):
            backend.deployments.create(model, name="w", weights=tmp_path / "none")
        with pytest.raises(NotFound):
            backend.deployments.create("999", name="w", weights=weights)
        assert [version.id for version in backend.deployments.active()] == [first.version.id]

    def test_a_plugin_is_waited_for_until_it_answers(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.settings.job_polls = 2
        found = backend.deployments.serve()
        assert (found.status, found.plugin) == ("RUNNING", "detector")
        assert backend.waited == [2.0, 2.0]
        assert backend.deployments.applications() == (found,)

    def test_a_plugin_that_does_not_come_up_is_told(self, backend: Any, emulated: Live[Any]) -> None:
        plugin(emulated).fail_with = "no image"
        with pytest.raises(PlatformError, match="DEPLOY_FAILED"):
            backend.deployments.serve()

    def test_settings_without_a_plugin_say_so(self, emulated: Live[Any]) -> None:
        settings = {"endpoint": emulated.url, **emulated.credentials}
        with dragoman.connect("synapse", **settings) as bare, pytest.raises(InvalidData, match="No plugin is set"):
            bare.deployments.serve()

    def test_without_an_agent_nothing_runs(self, backend: Any, emulated: Live[Any]) -> None:
        for agent in emulated.state.home.agents.values():
            agent.status = "disconnected"
        with pytest.raises(NotFound, match="No agent"):
            backend.deployments.serve()


class TestEvaluation:
    def test_a_deployed_version_is_evaluated_against_labels(
        self, backend: Any, deployed: Version, emulated: Live[Any]
    ) -> None:
        dataset = seeded(emulated, [], title="held out")
        for name, part in (("a.png", "test"), ("b.png", "train")):
            add_truth(emulated, int(dataset), name, [Label(name, "car", Box(2.5, 2, 10, 8))], split=part)
        found = backend.evaluations.evaluate(deployed, dataset=dataset, split="test")
        assert found.metrics["mAP50"] == pytest.approx(1.0)
        assert (found.labels, found.version) == (1, deployed.id)


class TestHandoff:
    @pytest.fixture
    def project(self, emulated: Live[Any]) -> str:
        """An annotation project."""
        dataset = emulated.state.home.add_dataset("to be annotated")
        return str(dataset.project)

    def test_chosen_items_are_sent(self, backend: Any, dataset: str, project: str, emulated: Live[Any]) -> None:
        backend.handoff.send_items(dataset, project=project, items=["1.png", "3.png"])
        tasks = emulated.state.home.tasks.values()
        assert [task.unit.files["image_1"].name for task in tasks] == ["1.png", "3.png"]
        with pytest.raises(NotFound, match="nowhere"):
            backend.handoff.send_items(dataset, project=project, items=["nowhere"])

    def test_items_are_sent_with_predictions_to_begin_with(
        self, backend: Any, deployed: Version, dataset: str, project: str, emulated: Live[Any]
    ) -> None:
        emulated.state.home.review_automatically = True
        backend.handoff.send_predictions(deployed, dataset=dataset, project=project)
        reviewed = str(emulated.state.home.project(project).dataset)
        found = list(backend.labels.read(reviewed))
        assert {label.item for label in found} == set(NAMES)
        assert {(label.feature, label.attributes["score"]) for label in found} == {("car", 1.0), ("person", 0.5)}

    def test_an_unknown_project_is_not_found(self, backend: Any, dataset: str) -> None:
        with pytest.raises(NotFound):
            backend.handoff.send_items(dataset, project="999")


def test_a_platform_that_is_down_is_not_taken_for_a_plugin_that_is(
    backend: Any, deployed: Version, dataset: str, emulated: Live[Any]
) -> None:
    items = list(backend.datasets.read_items(dataset))[:1]
    emulated.faults.add(Answer(503), path="*/run/", times=None)
    with pytest.raises(Unavailable):
        list(backend.inference.predict(deployed, items))
