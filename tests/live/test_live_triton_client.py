"""`dragoman serve openinference` with a model of the local backend, judged by Triton's own client."""

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

import numpy as np
import pytest
from PIL import Image
from servers import GRACE, environment

import dragoman
from dragoman import Item
from dragoman.schema import Version
from dragoman_local.engine.architectures import build
from dragoman_local.engine.weights import save

pytestmark = pytest.mark.live_triton
FEATURES = ["car", "person"]


@contextmanager
def served(*words: str) -> Iterator[dict[str, Any]]:
    """Run `dragoman serve` and give what it announces."""
    command = [sys.executable, "-m", "dragoman", "serve", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(GRACE) == 0


@pytest.fixture
def version(tmp_path: Path) -> Version:
    """A version of a model of the local backend, with weights that nobody trained: it finds something everywhere."""
    with dragoman.connect("local", root=tmp_path / "local") as local:
        model = local.models.create("street", task="object_detection", features=FEATURES)
        weights = tmp_path / "weights.safetensors"
        save(build("detection", "compact", len(FEATURES), (64, 64), {"width": 8}), FEATURES, weights)
        return local.versions.upload_weights(local.versions.create(model, name="first"), weights)


def test_triton_s_own_client_gets_what_the_backend_predicts(version: Version, tmp_path: Path) -> None:
    pixels = np.random.default_rng(7).integers(0, 255, (48, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", pixels)
    root = tmp_path / "local"
    with dragoman.connect("local", root=root) as local:
        expected = list(local.inference.predict(version, [Item("a", uri=str(tmp_path / "a.png"))], confidence=0.0))
    assert expected
    words = ["--backend", "local", "--model", "street", "--set", f"root={root}", "--grpc-port", "0"]
    with served("openinference", *words) as announced:
        addresses = [announced[name].partition("://")[2] for name in ("url", "grpc")]
        python = environment("tritonclient") / "bin" / "python"
        script = Path(__file__).with_name("triton_client.py")
        command = [python, script, *addresses, "street", tmp_path / "a.npy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ready"] == [True, True, True]
    assert found["model"]["versions"] == [entry["version"] for entry in found["index"]] == [version.id]
    assert found["grpc"]["versions"] == found["grpc"]["index"] == [version.id]
    assert found["grpc"]["ready"] == [True, True, True]
    assert (found["refusal"], found["grpc"]["refusal"]) == ("404", "StatusCode.NOT_FOUND")
    for form in ("binary", "json", "grpc"):
        answer = found[form]
        assert answer["id"] == "7"
        assert answer["labels"] == [row.feature for row in expected]
        assert answer["scores"] == pytest.approx([row.confidence for row in expected], rel=1e-6)
        boxes = [[box.x, box.y, box.x + box.width, box.y + box.height] for box in (row.geometry for row in expected)]
        assert np.asarray(answer["boxes"]) == pytest.approx(np.asarray(boxes), abs=1e-4)
