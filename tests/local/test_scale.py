"""Several processes for one training, several trainings at a time, and weights for other runtimes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import dragoman
from dragoman import Dataset, Model, PlatformError, Status, Unsupported
from dragoman.adapter import Adapter
from dragoman_local import workers
from dragoman_local.settings import LocalSettings
from dragoman_local.worker import _environment

from .conftest import Trained

pytestmark = pytest.mark.slow

SHORT = {"steps": 3, "batch_size": 4, "image_size": 32, "options": {"width": 8, "neck": 16}}


class TestProcesses:
    def test_two_processes_train_one_version(
        self, local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
    ) -> None:
        with dragoman.connect("local", root=tmp_path / "home", processes=2, device="cpu") as backend:
            job = backend.training.submit(detector, dataset=boxes, parameters=SHORT)
            ended = backend.training.wait(job, timeout=200)
        assert (ended.status, ended.progress.step) == (Status.SUCCEEDED, 3)
        assert any("by 2 processes" in line for line in local.training.logs(job))
        assert len(list(local.versions.list(detector))) == 1
        assert list(local.inference.predict(ended.version or "", [tmp_path / "a.png"], confidence=0.0))

    def test_what_goes_wrong_in_one_of_them_is_the_error_of_the_job(
        self, local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path, image: Callable[..., Path]
    ) -> None:
        whole = (tmp_path / "c.png").read_bytes()
        (tmp_path / "c.png").write_bytes(whole[: len(whole) // 2])
        with dragoman.connect("local", root=tmp_path / "home", processes=2, device="cpu") as backend:
            job = backend.training.submit(detector, dataset=boxes, parameters=SHORT)
            with pytest.raises(PlatformError, match=r"c\.png cannot be decoded"):
                backend.training.wait(job, timeout=200)


class TestSlots:
    def test_one_for_each_gpu_or_as_many_as_are_set(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(workers, "_GPUS", tmp_path / "none")
        assert workers.slots(LocalSettings()) == 1
        for number in range(3):
            (tmp_path / "gpus" / f"0000:0{number}").mkdir(parents=True)
        monkeypatch.setattr(workers, "_GPUS", tmp_path / "gpus")
        assert workers.slots(LocalSettings()) == 3
        assert workers.slots(LocalSettings(device="cpu")) == 1
        assert workers.slots(LocalSettings(workers=2)) == 2

    def test_each_slot_has_a_gpu_of_its_own(
        self, local: Adapter, detector: Model, boxes: Dataset, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(workers, "ensure_workers", lambda home, settings: None)
        monkeypatch.setattr("dragoman_local.worker.gpus", lambda: 4)
        job = local.training.submit(detector, dataset=boxes, parameters=SHORT)
        waiting = local.home.jobs.get(job.id)  # type: ignore[attr-defined]
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        assert [_environment(waiting, slot)["CUDA_VISIBLE_DEVICES"] for slot in range(3)] == ["0", "1", "2"]
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3")
        assert [_environment(waiting, slot)["CUDA_VISIBLE_DEVICES"] for slot in range(3)] == ["2", "3", "2"]

    def test_two_workers_train_at_a_time_and_a_third_job_waits(
        self, local: Adapter, detector: Model, boxes: Dataset, tmp_path: Path
    ) -> None:
        with dragoman.connect("local", root=tmp_path / "home", workers=2) as backend:
            jobs = [
                backend.training.submit(detector, dataset=boxes, parameters={**SHORT, "steps": 1_000_000})
                for _ in range(3)
            ]

            def both(job: dragoman.Training) -> None:
                states = [backend.training.get(job).status for job in jobs]
                if states == [Status.RUNNING, Status.RUNNING, Status.QUEUED]:
                    raise StopIteration

            with pytest.raises(StopIteration):
                backend.training.wait(jobs[2], timeout=60, on_progress=both)
            assert [backend.training.cancel(job).status for job in reversed(jobs)] == [Status.CANCELLED] * 3


class TestWeights:
    def test_card_lies_beside_the_weights(self, shapes: Trained, tmp_path: Path) -> None:
        path = shapes.backend.versions.download_weights(shapes.version, tmp_path / "w.safetensors")
        card = json.loads((tmp_path / "w.safetensors.json").read_text())
        assert (card["task"], card["architecture"], card["features"]) == ("detection", "compact", ["square", "stripe"])
        assert path.stat().st_size > 1_000_000

    def test_onnx_says_what_the_network_says(self, classifier: Trained, tmp_path: Path) -> None:
        runtime = pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
        from dragoman_local.engine.images import letterbox, read_image

        path = classifier.backend.versions.download_weights(classifier.version, tmp_path / "new" / "w.onnx")
        session = runtime.InferenceSession(path)
        card = json.loads(session.get_modelmeta().custom_metadata_map["dragoman"])
        assert card["features"] == ["dark", "bright"]
        items = classifier.items("validation")[:3]
        images = np.stack([letterbox(read_image(Path(item.uri or "")), (32, 32))[0] for item in items])
        (found,) = session.run(["probabilities"], {"images": images.transpose(0, 3, 1, 2).astype(np.float32)})
        rows = classifier.backend.inference.predict(classifier.version, items, confidence=0.0)
        wanted = [[(row.class_pdf or {})[name] for name in card["features"]] for row in rows]
        assert found == pytest.approx(np.array(wanted), abs=0.02)

    def test_without_the_exporter_it_says_what_to_install(
        self, shapes: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("dragoman_local.engine.export.find_spec", lambda name: None)
        with pytest.raises(Unsupported, match=r"dragoman-local\[onnx\]"):
            shapes.backend.versions.download_weights(shapes.version, tmp_path / "w.onnx")
        assert list(tmp_path.iterdir()) == []
