"""Training: managed and custom, the rules that a dataset must keep, and every state and field of a job."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Box, Conflict, InvalidData, Item, Label, NotFound, OutcomeUnknown, PlatformError, Whole
from dragoman.conformance.difficult import png
from dragoman.emulate import Answer, DropAfter, Live, ManualClock, running
from dragoman.errors import Unsupported
from dragoman_viam.emulator import create
from dragoman_viam.messages import modules
from dragoman_viam.training import STATUSES


@pytest.fixture
def script(backend: Any, tmp_path: Path) -> str:
    """A training script in the registry."""
    folder = tmp_path / "script"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "training.py").write_text("print('trained')\n")
    made: str = backend.registry.upload_script("trainer", folder, version="1", framework="pytorch")
    return made


class TestManaged:
    def test_it_ends_in_a_version_of_its_model(self, backend: Any, labelled: Any, model: Any) -> None:
        job = backend.training.submit(model, dataset=labelled, parameters={"version": "v1"})
        assert (job.model, job.version) == (model.id, f"{model.id}@v1")
        version = backend.versions.get(job.version)
        assert (version.name, version.model, version.status) == ("v1", model.id, "succeeded")
        assert backend.models.get(model).features == ("car",), "the model is described as before"

    def test_its_weights_are_the_platform_s_archive(
        self, backend: Any, labelled: Any, model: Any, tmp_path: Path
    ) -> None:
        import tarfile

        job = backend.training.submit(model, dataset=labelled)
        with tarfile.open(backend.versions.download_weights(job.version, tmp_path / "model.tar.gz")) as archive:
            assert archive.getnames() == ["model.tflite", "labels.txt"]
            labels = archive.extractfile("labels.txt")
            assert labels is not None
            assert labels.read() == b"car"

    def test_every_field_of_a_job_is_told(self, backend: Any, labelled: Any, model: Any) -> None:
        job = backend.training.submit(model, dataset=labelled, parameters={"version": "v1", "framework": "tensorflow"})
        organization = backend.workspace.organization
        times = {name: job.config.pop(name) for name in ("started_at", "modified_at")}
        assert all(times.values())
        assert job.config == {
            "status": "COMPLETED",
            "dataset": labelled.id,
            "version": "v1",
            "type": "object_detection",
            "framework": "tensorflow",
            "tags": ["car"],
            "synced_model_id": f"{organization}/detector",
        }
        assert job.created_at <= job.ended_at

    def test_a_version_is_named_by_the_time(self, backend: Any, labelled: Any, model: Any) -> None:
        before = backend.now()
        jobs = [backend.training.submit(model, dataset=labelled) for _ in range(3)]
        times = [datetime.strptime(f"{job.config['version']}+0000", "%Y-%m-%dT%H-%M-%S-%f%z") for job in jobs]
        assert before < times[0] < times[1] < times[2] < backend.now()
        assert [job.status for job in jobs] == ["succeeded"] * 3, "none has the name of another"

    @pytest.mark.parametrize(("several", "kind"), [(False, "single"), (True, "multi")])
    def test_classification_learns_tags(
        self, backend: Any, dataset: Any, items: list[Item], several: bool, kind: str
    ) -> None:
        rows = [Label(item.key, name, Whole()) for item in items for name in ("day", "dry")]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        model = backend.models.create("weather", task="classification", features=["day", "dry"])
        job = backend.training.submit(model, dataset=dataset, parameters={"multi_label": several})
        assert job.config["type"] == f"{kind}_label_classification"
        assert backend.models.get(model).task == "classification"

    @pytest.mark.parametrize(
        ("parameters", "field"),
        [
            ({"epochs": 3}, "parameters.epochs"),
            ({"framework": "onnx"}, "parameters.framework"),
            ({"arguments": {"a": "b"}}, "parameters.arguments"),
            ({"container": "tf:2.16"}, "parameters.container"),
        ],
    )
    def test_parameters_that_it_does_not_know_are_refused(
        self, backend: Any, labelled: Any, model: Any, parameters: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidData) as refusal:
            backend.training.submit(model, dataset=labelled, parameters=parameters)
        assert refusal.value.field == field

    def test_what_viam_would_not_do_is_not_passed_over(self, backend: Any, labelled: Any, model: Any) -> None:
        with pytest.raises(Unsupported, match="no version"):
            backend.training.submit(model, dataset=labelled, pretrained="o:m@v")
        with pytest.raises(Unsupported, match="under that name"):
            backend.training.submit(model, dataset=labelled, features={"lorry": "car"})
        with pytest.raises(Unsupported, match="one dataset"):
            backend.training.submit(model, dataset=[labelled, labelled])
        assert list(backend.training.list()) == []

    def test_items_that_are_not_to_be_trained_on_stop_it(
        self, backend: Any, labelled: Any, model: Any, tmp_path: Path
    ) -> None:
        path = tmp_path / "held back.png"
        path.write_bytes(png(200))
        backend.datasets.write_items([Item("held back", uri=str(path), split="test")], dataset=labelled)
        with pytest.raises(Unsupported, match="split 'test'"):
            backend.training.submit(model, dataset=labelled)

    def test_unknown_models_and_datasets_are_not_found(self, backend: Any, labelled: Any, model: Any) -> None:
        with pytest.raises(NotFound):
            backend.training.submit("no:such", dataset=labelled)
        with pytest.raises(NotFound):
            backend.training.submit(model, dataset="no such")


class TestRules:
    """The cloud's rules for training sets, as one clear error each."""

    def refusal(self, backend: Any, dataset: Any, model: Any, **parameters: Any) -> str:
        with pytest.raises(InvalidData) as refused:
            backend.training.submit(model, dataset=dataset, parameters=parameters)
        assert refused.value.field in ("tags", "dataset_id")
        assert list(backend.training.list()) == []
        return str(refused.value)

    def test_an_empty_dataset(self, backend: Any, model: Any) -> None:
        assert "no images" in self.refusal(backend, backend.datasets.create("empty"), model)

    def test_too_few_labelled_images(self, backend: Any, dataset: Any, model: Any, items: list[Item]) -> None:
        backend.labels.write([Label(item.key, "car", Box(1, 1, 2, 2)) for item in items[:12]], dataset=dataset)
        assert "75% of the images are labelled" in self.refusal(backend, dataset, model)

    def test_too_few_images(self, backend: Any, labelled: Any, model: Any, items: list[Item]) -> None:
        few = list(backend.datasets.read_items(labelled))[:14]
        dataset = backend.datasets.create("few")
        backend.images.join([item.id for item in few], dataset.id)
        assert "at least 15 images, and there are 14" in self.refusal(backend, dataset, model)

    def test_too_few_examples_of_a_label(self, backend: Any, labelled: Any, model: Any, items: list[Item]) -> None:
        backend.labels.write([Label(item.key, "bus", Box(1, 1, 2, 2)) for item in items[:9]], dataset=labelled)
        assert "'bus' has 9 examples" in self.refusal(backend, labelled, model, tags=["car", "bus"])

    def test_a_classification_of_one_label(self, backend: Any, dataset: Any, items: list[Item]) -> None:
        backend.labels.write([Label(item.key, "day", Whole()) for item in items], dataset=dataset)
        model = backend.models.create("weather", task="classification", features=["day"])
        assert "at least 2 labels" in self.refusal(backend, dataset, model)


class TestCustom:
    def test_it_passes_its_arguments_and_container(self, backend: Any, labelled: Any, model: Any, script: str) -> None:
        parameters = {
            "version": "v2",
            "script": script,
            "script_version": "1",
            "arguments": {"epochs": 8, "learning-rate": "0.1"},
            "container": "tf:2.16",
        }
        job = backend.training.submit(model, dataset=labelled, parameters=parameters)
        told = {name: job.config[name] for name in ("custom", "script", "script_version", "arguments", "container")}
        assert told == {
            "custom": True,
            "script": script,
            "script_version": "1",
            "arguments": {"epochs": "8", "learning-rate": "0.1"},
            "container": "tf:2.16",
        }
        assert job.version == f"{model.id}@v2"

    def test_a_container_of_the_organisation(self, backend: Any, labelled: Any, model: Any, script: str) -> None:
        mine = backend.containers.register("registry.example/trainer:1", description="ours")
        parameters = {"script": script, "script_version": "1", "container_id": mine.id}
        assert backend.training.submit(model, dataset=labelled, parameters=parameters).config["container_id"] == mine.id

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"script": "no:such"}, NotFound),
            ({"script_version": "7"}, NotFound),
            ({"script_version": None}, InvalidData),
            ({"arguments": {"not a key": "x"}}, InvalidData),
            ({"container": "tf:1.0"}, InvalidData),
            ({"container_id": "none"}, NotFound),
            ({"tags": ["car"]}, InvalidData),
        ],
    )
    def test_what_does_not_exist_is_one_clear_error(
        self, backend: Any, labelled: Any, model: Any, script: str, changes: dict[str, Any], kind: type
    ) -> None:
        parameters = {"script": script, "script_version": "1", **changes}
        with pytest.raises(kind):
            backend.training.submit(model, dataset=labelled, parameters=parameters)
        assert list(backend.training.list()) == []


class TestContainers:
    def test_viam_s_own_are_listed(self, backend: Any) -> None:
        assert [container.key for container in backend.containers.supported()] == ["tf:2.16", "tf:2.17", "tf:2.21"]

    def test_those_of_the_organisation_come_and_go(self, backend: Any) -> None:
        mine = backend.containers.register("registry.example/trainer:1")
        assert mine.description == mine.uri, "Viam takes none without a description"
        assert mine in backend.containers.list()
        assert backend.containers.get(mine.id) == mine
        backend.containers.delete(mine.id)
        with pytest.raises(NotFound):
            backend.containers.get(mine.id)


class TestJobs:
    @pytest.fixture
    def clocked(self) -> Iterator[Live[Any]]:
        """An emulator whose trainings take an hour on a clock that stands still."""
        with running(create(clock=ManualClock())) as live:
            live.state.training_seconds = 3600
            yield live

    def test_a_job_runs_for_its_time(self, clocked: Live[Any], items: list[Item]) -> None:
        with dragoman.connect("viam", endpoint=clocked.url, **clocked.credentials) as backend:
            waits: list[float] = []

            def rest(seconds: float) -> None:
                waits.append(seconds)
                clocked.emulation.clock.advance(600)

            backend.sleep = rest
            job = self.submitted(backend, items)
            assert job.status == "running"
            seen: list[Any] = []
            ended = backend.training.wait(job, on_progress=seen.append)
            assert (ended.status, len(waits)) == ("succeeded", 6)
            assert ended.ended_at - ended.created_at == timedelta(hours=1)
            assert [one.version is None for one in seen] == [True] * 6 + [False]

    def test_a_job_is_cancelled_on_its_way(self, clocked: Live[Any], items: list[Item]) -> None:
        with dragoman.connect("viam", endpoint=clocked.url, **clocked.credentials) as backend:
            job = self.submitted(backend, items)
            with pytest.raises(Conflict, match="has not ended"):
                backend.training.delete(job)
            assert backend.training.cancel(job).status == "cancelled"
            assert backend.training.cancel(job).status == "cancelled", "what has ended stays as it is"
            backend.training.delete(job)
            with pytest.raises(NotFound):
                backend.training.get(job)

    def submitted(self, backend: Any, items: list[Item]) -> Any:
        """A job over the items."""
        dataset = backend.datasets.create("street")
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        backend.labels.write([Label(item.key, "car", Box(1, 2, 30, 20)) for item in items], dataset=dataset)
        model = backend.models.create("detector", task="object_detection", features=["car"])
        return backend.training.submit(model, dataset=dataset)

    def test_a_failed_job_says_why(self, backend: Any, labelled: Any, model: Any, emulated: Live[Any]) -> None:
        emulated.state.fail_next_training("the script ended with 1")
        job = backend.training.submit(model, dataset=labelled)
        assert (job.status, job.version, job.error) == ("failed", None, "the script ended with 1")
        with pytest.raises(PlatformError, match="ended with 1"):
            backend.training.wait(job)
        assert [found.id for found in backend.training.list(status="failed")] == [job.id]

    def test_the_log_is_read_page_by_page(self, backend: Any, labelled: Any, model: Any, emulated: Live[Any]) -> None:
        job = backend.training.submit(model, dataset=labelled)
        lines = list(backend.training.logs(job))
        assert [line.partition(" ")[2] for line in lines] == [
            "INFO training job submitted",
            "INFO training started",
            "INFO training completed",
        ]
        asked = [seen.path for seen in emulated.journal.entries()]
        assert sum(path.endswith("/GetTrainingJobLogs") for path in asked) == 2

    def test_jobs_are_listed_newest_first_and_by_status(
        self, backend: Any, labelled: Any, model: Any, emulated: Live[Any]
    ) -> None:
        emulated.settings.job_polls = 5
        jobs = [backend.training.submit(model, dataset=labelled, parameters={"version": f"v{n}"}) for n in range(3)]
        assert [job.id for job in backend.training.list()] == [job.id for job in reversed(jobs)]
        backend.training.cancel(jobs[1])
        assert [job.id for job in backend.training.list(status="cancelled")] == [jobs[1].id]
        assert {job.id for job in backend.training.list(status="running")} == {jobs[0].id, jobs[2].id}
        assert list(backend.training.list(status="queued")) == []

    def test_a_status_that_is_new_is_one_of_a_job_that_goes_on(
        self, backend: Any, labelled: Any, model: Any, emulated: Live[Any]
    ) -> None:
        job = backend.training.submit(model, dataset=labelled)
        emulated.state.jobs[job.id].metadata.status = 42
        assert backend.training.get(job).status == "running"
        assert backend.training.get(job).config["status"] == "42"

    def test_every_status_of_the_messages_is_known(self) -> None:
        kinds = modules()["training"].DESCRIPTOR.enum_types_by_name["TrainingStatus"].values_by_name
        assert {name.removeprefix("TRAINING_STATUS_") for name in kinds} - {"UNSPECIFIED"} == set(STATUSES)

    def test_a_lost_answer_is_unknown_and_no_second_job_is_made(
        self, backend: Any, labelled: Any, model: Any, emulated: Live[Any]
    ) -> None:
        emulated.faults.add(DropAfter(), path="*/SubmitTrainingJob")
        with pytest.raises(OutcomeUnknown):
            backend.training.submit(model, dataset=labelled)
        assert len(emulated.state.jobs) == 1

    @pytest.mark.parametrize("method", ["GetRegistryItem", "BinaryDataByFilter", "ListOrganizations", "Authenticate"])
    def test_a_look_that_fails_before_the_job_is_submitted_is_tried_again(
        self, emulated: Live[Any], labelled: Any, model: Any, method: str
    ) -> None:
        with dragoman.connect("viam", endpoint=emulated.url, **emulated.credentials) as fresh:
            fresh.sleep = lambda seconds: None
            emulated.faults.add(DropAfter(), path=f"*/{method}")
            assert fresh.training.submit(model, dataset=labelled).status == "succeeded"
        assert len(emulated.state.jobs) == 1

    def test_a_job_that_cannot_be_looked_at_yet_was_submitted_all_the_same(
        self, backend: Any, labelled: Any, model: Any, emulated: Live[Any]
    ) -> None:
        emulated.faults.add(Answer(14), path="*/GetTrainingJob")
        job = backend.training.submit(model, dataset=labelled)
        assert (job.id, job.model, job.status) == (next(iter(emulated.state.jobs)), model.id, "queued")
