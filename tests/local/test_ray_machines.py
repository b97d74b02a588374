"""Several machines: two nodes of Ray's, of one processor each, share a training or a prediction, and one of them dies.

The nodes are processes of this machine, started by the class that Ray's own tests use. The cluster takes them for two
machines: nothing that needs two processors fits on one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dragoman
from dragoman import Dataset, Item, Model, Status
from dragoman.adapter import Adapter
from dragoman_local.cluster import prediction
from dragoman_local.engine.architectures import build
from dragoman_local.engine.weights import save
from dragoman_local.predicting import Asked

from .conftest import SHAPES
from .test_ray import PATIENCE, log, require_ray
from .test_training_faults import ENDLESS, jobs, until

pytestmark = [pytest.mark.ray, pytest.mark.timeout(2 * PATIENCE)]


@dataclass
class Machines:
    """A cluster: a head that computes nothing, and nodes that can be added and killed."""

    cluster: Any

    def add(self) -> str:
        """Add a node with one processor and return its id."""
        node_id: str = self.cluster.add_node(num_cpus=1).node_id
        return node_id

    def kill(self, id: str) -> None:
        """Kill a node and all that runs on it."""
        node = next(node for node in self.cluster.list_all_nodes() if node.node_id == id)
        self.cluster.remove_node(node, allow_graceful=False)


@pytest.fixture
def machines() -> Iterator[Machines]:
    require_ray()
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
    yield Machines(cluster)
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def backend(machines: Machines, tmp_path: Path) -> Iterator[Adapter]:
    """The local backend with that cluster as its engine, in the folder of the `local` fixture."""
    with dragoman.connect(
        "local",
        root=tmp_path / "home",
        device="cpu",
        batch_size=1,
        processes=2,
        engine="ray",
        ray_address=machines.cluster.address,
    ) as made:
        yield made


def nodes_of(said: str) -> list[str]:
    """The nodes that the processes of a training began on, in the order of the log."""
    return re.findall(r"is number \d of 2 on .*, node (\w+)", said)


def test_two_processes_train_one_version_on_two_nodes(
    machines: Machines, backend: Adapter, detector: Model, boxes: Dataset
) -> None:
    nodes = {machines.add(), machines.add()}
    job = backend.training.submit(detector, dataset=boxes, parameters={**ENDLESS, "steps": 20, "batch_size": 4})
    ended = backend.training.wait(job, timeout=PATIENCE)
    assert (ended.status, ended.progress.step) == (Status.SUCCEEDED, 20)
    assert set(nodes_of(log(backend, job))) == nodes
    assert [version.id for version in backend.versions.list(detector)] == [ended.version]


def test_training_that_loses_a_node_waits_for_another_and_goes_on_from_its_checkpoint(
    machines: Machines, backend: Adapter, detector: Model, boxes: Dataset
) -> None:
    machines.add()
    lost = machines.add()
    parameters = {**ENDLESS, "steps": 400, "batch_size": 4, "checkpoint_every": 20}
    job = backend.training.submit(detector, dataset=boxes, parameters=parameters)
    until(backend, job, lambda job: job.progress.step > 40)
    machines.kill(lost)
    until(backend, job, lambda job: log(backend, job).count("waiting for 2 times") == 2)
    assert jobs(backend).get(job.id).training.status is Status.RUNNING
    new = machines.add()
    ended = backend.training.wait(job, timeout=PATIENCE)
    assert (ended.status, ended.progress.step) == (Status.SUCCEEDED, 400)
    said = log(backend, job)
    assert "is lost" in said
    assert said.count("going on from the checkpoint") == 1, said
    assert lost in nodes_of(said)[:2]
    assert new in nodes_of(said)[2:]
    assert len(list(backend.versions.list(detector))) == 1


def test_both_nodes_predict_at_a_time_what_this_machine_predicts_alone(
    machines: Machines, backend: Adapter, detector: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = tmp_path / "met"
    met.mkdir()
    nodes = {machines.add(), machines.add()}

    class Met:
        """Answers as soon as two nodes have something to answer. Ray sends it there as it is, being no module's."""

        def __init__(self, asked: Asked) -> None:
            from dragoman_local.cluster.prediction import Answers

            self._answers = Answers(asked)

        def __call__(self, batch: Any) -> Any:
            import ray

            (met / ray.get_runtime_context().get_node_id()).touch()
            deadline = time.monotonic() + PATIENCE / 2
            while len(list(met.iterdir())) < 2:
                assert time.monotonic() < deadline, "one node was given everything"
                time.sleep(0.05)
            return self._answers(batch)

    save(build("detection", "compact", len(SHAPES), (64, 64), {"width": 8}), SHAPES, tmp_path / "w.safetensors")
    version = backend.versions.upload_weights(backend.versions.create(detector, name="v"), tmp_path / "w.safetensors")
    # A block is eight batches, and more blocks than one actor is given at a time.
    items = [_picture(tmp_path / f"{number}.png", number) for number in range(80)]
    with dragoman.connect("local", root=tmp_path / "home", device="cpu", batch_size=1) as here:
        wanted = list(here.inference.predict(version, items, confidence=0.0))
    monkeypatch.setattr(prediction, "Answers", Met)
    assert list(backend.inference.predict(version, items, confidence=0.0)) == wanted != []
    assert {path.name for path in met.iterdir()} == nodes


def _picture(path: Path, seed: int) -> Item:
    pixels = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return Item(path.stem, uri=str(path))
