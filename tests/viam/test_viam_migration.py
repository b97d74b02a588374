"""A move to Viam as its users make it: processes, files, and what Viam has no place for said beforehand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Box, Item, Label, Prediction, Whole
from dragoman.conformance.difficult import png
from dragoman.emulate import Live


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder of a local backend with two items, labels, a model and predictions of a version."""
    with dragoman.connect("local", root=tmp_path / "state") as local:
        dataset = local.datasets.create("street")
        for number, key in enumerate(("a.png", "b.png")):
            (tmp_path / key).write_bytes(png(number))
        items = [Item(key, uri=str(tmp_path / key), split="train") for key in ("a.png", "b.png")]
        local.datasets.write_items(items, dataset=dataset).raise_for_problems()
        rows = [Label("a.png", "car", Box(1, 2, 3, 4)), Label("b.png", "rain", Whole())]
        local.labels.write(rows, dataset=dataset).raise_for_problems()
        model = local.models.create("detector", task="object_detection", features=["car"])
        version = local.versions.create(model, name="first")
        found = [Prediction("b.png", "car", Box(5, 6, 7, 8), confidence=0.5)]
        local.predictions.write(found, version=version, dataset=dataset).raise_for_problems()
    return tmp_path / "state"


def migrate(source: Path, live: Live[Any], *words: str) -> subprocess.CompletedProcess[str]:
    """Run `dragoman migrate` with the settings of both sides."""
    where = ["--source-set", f"root={source}", "--target-set", f"endpoint={live.url}"]
    keys = {f"VIAM_{name.upper()}": value for name, value in live.credentials.items()}
    return subprocess.run(
        [sys.executable, "-m", "dragoman", "migrate", *words, *where],
        capture_output=True,
        text=True,
        cwd=source.parent,
        env={"PATH": "", "HOME": str(source.parent), "COLUMNS": "160", **keys},
        check=False,
    )


PLAN = ("plan", "--source", "local", "--target", "viam", "--dataset", "street")


def test_items_and_labels_arrive_and_media_are_the_same(source: Path, emulated: Live[Any]) -> None:
    planned = migrate(source, emulated, *PLAN, "--on-loss", "convert")
    assert "provenance" in planned.stdout, planned.stderr
    assert emulated.state.datasets == {}, "a plan writes nothing"

    applied = migrate(source, emulated, "apply", "plan.json", "--json")
    lost = [{"what": "field provenance", "survival": "approximate", "how": "Viam's own", "rows": 2}]
    assert json.loads(applied.stdout) == {
        "items": {"rows": 2, "created": 2},
        "labels": {"rows": 2, "created": 2, "losses": lost},
    }

    verified = json.loads(migrate(source, emulated, "verify", "plan.json", "--media", "--json").stdout)
    assert verified["ok"]
    assert verified["counts"] == {"items": {"same": 2}, "media": {"same": 2}, "labels": {"same": 0, "lossy": 2}}


def test_predictions_are_said_to_have_no_place(source: Path, emulated: Live[Any]) -> None:
    planned = migrate(source, emulated, *PLAN, "--model", "detector")
    assert "all predictions" in planned.stdout
    refused = migrate(source, emulated, "apply", "plan.json", "--json")
    assert json.loads(refused.stderr)["error"]["code"] == "would-lose"
    assert emulated.state.images == {}
