"""`dragoman migrate` as its users run it: processes, files, an emulator behind the real SDK."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import dragoman
from dragoman import Box, Item, Label, Prediction
from dragoman.emulate import Live, running
from dragoman_nucleus.emulator import create


@pytest.fixture
def emulated() -> Iterator[Live[Any]]:
    """The target platform."""
    with running(create()) as live:
        yield live


@pytest.fixture
def source(tmp_path: Path) -> dict[str, str]:
    """A local backend with two items, labels, a model and predictions of a version; its folder as a setting."""
    root = tmp_path / "state"
    with dragoman.connect("local", root=root) as local:
        dataset = local.datasets.create("street")
        for key in ("a.png", "b.png"):
            cv2.imwrite(str(tmp_path / key), np.full((30, 40, 3), 90, np.uint8))
        items = [Item(key, uri=str(tmp_path / key), split="train") for key in ("a.png", "b.png")]
        local.datasets.write_items(items, dataset=dataset).raise_for_problems()
        local.labels.write([Label("a.png", "car", Box(1, 2, 3, 4))], dataset=dataset).raise_for_problems()
        model = local.models.create("detector", task="object_detection", features=["car"])
        version = local.versions.create(model, name="first")
        rows = [Prediction("b.png", "car", Box(5, 6, 7, 8), confidence=0.0)]
        local.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
    return {"root": str(root)}


@pytest.fixture
def migrate(source: dict[str, str], emulated: Live[Any], tmp_path: Path) -> Any:
    """Run `dragoman migrate` with the settings of both sides and return what it did."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        where = ["--source-set", f"root={source['root']}", "--target-set", f"endpoint={emulated.url}"]
        command = [sys.executable, "-m", "dragoman", "migrate", *words, *where]
        environment = {"PATH": "", "NUCLEUS_API_KEY": emulated.credentials["api_key"], "HOME": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    return run


PLAN = ("plan", "--source", "local", "--target", "nucleus", "--dataset", "street", "--model", "detector")


def test_plan_apply_verify(migrate: Any, emulated: Live[Any], tmp_path: Path) -> None:
    planned = migrate(*PLAN)
    assert planned.returncode == 0, planned.stderr
    assert "Nothing is lost" in planned.stdout
    assert emulated.state.datasets == {}, "a plan writes nothing"

    applied = migrate("apply", "plan.json", "--json")
    assert applied.returncode == 0, applied.stderr
    assert json.loads(applied.stdout)["items"] == {"rows": 2, "created": 2}

    verified = migrate("verify", "plan.json", "--media", "--json")
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["differences"] == []

    again = migrate("apply", "plan.json", "--json")
    assert {kind: counts.get("ignored") for kind, counts in json.loads(again.stdout).items()} == {
        "items": 2,
        "labels": 1,
        "predictions": 1,
    }
    outcomes = (tmp_path / "plan.outcomes.ndjson").read_text().splitlines()
    assert len(outcomes) == 4


def test_verify_names_what_is_gone(migrate: Any, emulated: Live[Any]) -> None:
    migrate(*PLAN)
    migrate("apply", "plan.json")
    key = emulated.credentials["api_key"]
    with dragoman.connect("nucleus", endpoint=emulated.url, api_key=key) as target:
        dataset = target.datasets.find("street")
        target.client.get_dataset(dataset.id).delete_item("a.png")
    verified = migrate("verify", "plan.json")
    assert verified.returncode == 1
    assert "missing items a.png" in verified.stdout
    assert "missing labels" in verified.stdout


def test_a_stale_plan_is_refused(migrate: Any, source: dict[str, str], emulated: Live[Any]) -> None:
    migrate(*PLAN)
    with dragoman.connect("local", **source) as local:
        dataset = local.datasets.find("street")
        local.labels.write([Label("a.png", "car", Box(9, 9, 9, 9))], dataset=dataset)
    refused = migrate("apply", "plan.json")
    assert refused.returncode == 3
    assert "stale" in refused.stderr
    assert emulated.state.datasets == {}


def test_the_key_is_nowhere(migrate: Any, emulated: Live[Any], tmp_path: Path) -> None:
    seen = [migrate(*PLAN), migrate("apply", "plan.json"), migrate("verify", "plan.json")]
    key = emulated.credentials["api_key"]
    assert not [done for done in seen if key in done.stdout + done.stderr]
    assert not [path for path in tmp_path.glob("*.*json") if key in path.read_text()]
