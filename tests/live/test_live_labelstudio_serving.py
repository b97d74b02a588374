"""`dragoman serve labelstudio` under a real Label Studio: it connects, has a training started, and gets predictions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from labelstudio_server import TOKEN
from PIL import Image
from servers import Server

import dragoman
from dragoman import Feature, Item, Label, Ontology, Whole
from dragoman.schema import Status

pytestmark = [pytest.mark.live_labelstudio, pytest.mark.slow]

CLASSES = ("dark", "bright")
LABELLED, ALL = 24, 30
PARAMETERS = {"steps": 20, "batch_size": 8, "image_size": 32, "seed": 1, "device": "cpu"}


@pytest.fixture
def project(studio: Any, tmp_path: Path) -> str:
    """A project of dark and bright pictures; some are labelled, and the last ones wait for predictions."""
    made = studio.datasets.create("light")
    features = tuple(Feature(name=name, geometries=("whole",)) for name in CLASSES)
    studio.ontologies.create(Ontology(name="light", features=features), dataset=made)
    random = np.random.default_rng(0)
    items = []
    for number in range(ALL):
        low, high = ((0, 100), (150, 256))[number % 2]
        path = tmp_path / f"{number}.png"
        Image.fromarray(random.integers(low, high, (16, 16, 3)).astype(np.uint8)).save(path)
        items.append(Item(path.name, uri=str(path), width=16, height=16))
    studio.datasets.write_items(items, dataset=made).raise_for_problems()
    labels = [Label(item.key, CLASSES[number % 2], Whole()) for number, item in enumerate(items[:LABELLED])]
    studio.labels.write(labels, dataset=made).raise_for_problems()
    return made.id


@contextmanager
def served(root: Path, folder: Path) -> Iterator[str]:
    """Serve the model of a local backend by the command line, and give its address."""
    command = [sys.executable, "-m", "dragoman", "serve", "labelstudio", "--backend", "local", "--model", "light"]
    process = subprocess.Popen(
        [*command, "--set", f"root={root}"],
        env={**os.environ, "DRAGOMAN_LABELSTUDIO_FOLDER": str(folder)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 0


def test_annotators_get_predictions_of_what_they_taught(
    studio: Any, project: str, labelstudio_server: Server, tmp_path: Path
) -> None:
    root = tmp_path / "local"
    with (
        dragoman.connect("local", root=root) as local,
        httpx.Client(
            base_url=labelstudio_server.url, headers={"Authorization": f"Token {TOKEN}"}, timeout=120, trust_env=False
        ) as api,
    ):
        model = local.models.create("light", task="classification", features=list(CLASSES))
        with served(root, tmp_path / "media") as url:
            body = {"project": int(project), "url": url, "title": "light", "extra_params": PARAMETERS}
            connection = api.post("/api/ml", json=body).raise_for_status().json()
            assert connection["state"] == "CO", "connected"
            (attachment,) = studio.attachments.list(project)
            assert attachment.model == url

            api.post(f"/api/ml/{connection['id']}/train", json={}).raise_for_status()
            (job,) = _jobs(local)
            trained = local.training.wait(job, timeout=180)
            assert trained.status is Status.SUCCEEDED
            assert trained.progress.steps == PARAMETERS["steps"], "as the connection's settings say"

            action = {"project": int(project), "id": "retrieve_tasks_predictions"}
            everything = {"selectedItems": {"all": True, "excluded": []}}
            api.post("/api/dm/actions", params=action, json=everything).raise_for_status()

        version = local.versions.get(trained.version or "")
        assert local.versions.list(model)
        found = {row.item: row for row in studio.predictions.read(version.name or version.id, dataset=project)}
        assert len(found) == ALL
        right = [key for key, row in found.items() if row.feature == CLASSES[int(key.removesuffix(".png")) % 2]]
        assert len(right) == ALL
        assert all(0 < (row.confidence or 0) <= 1 for row in found.values())


def _jobs(local: Any) -> list[Any]:
    """Return the trainings once there is one: Label Studio does not wait until its labels have been moved."""
    for _ in range(600):
        if jobs := list(local.training.list()):
            return jobs
        local.sleep(0.1)
    return []
