"""The demo at a small size: a real process, real training, a real server, the real SDK."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

CANVASES, DIGITS = 40, 100
COMMAND = [sys.executable, "-m", "dragoman", "demo", "--json", "--epochs", "2"]

# It trains for a minute; `make demo` is the same.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the demo leaves its things."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def result(folder: Path) -> dict[str, Any]:
    """What the demo printed."""
    sizes = ["--canvases", str(CANVASES), "--digits", str(DIGITS), "--folder", str(folder)]
    done = subprocess.run([*COMMAND, *sizes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_everything_arrived(result: dict[str, Any]) -> None:
    assert result["ok"]
    moved = {(row["dataset"], row["what"]): row for row in result["moved"]}
    assert moved["digit canvases", "items"]["same"] == CANVASES
    assert moved["digit canvases", "media"]["same"] == CANVASES
    assert moved["plain digits", "labels"]["same"] == DIGITS
    assert moved["plain digits", "predictions"]["same"] == DIGITS // 5
    assert not [row for row in result["moved"] if row["different"]]


def test_the_models_were_evaluated(result: dict[str, Any]) -> None:
    assert 0 <= result["metrics"]["digit canvases"]["mAP50"] <= 1
    assert result["metrics"]["plain digits"]["accuracy"] > 0.2, "a tenth would be chance"


def test_there_is_a_picture_to_look_at(result: dict[str, Any]) -> None:
    picture = cv2.imread(result["picture"])
    assert picture is not None
    assert min(picture.shape[:2]) > 500


def test_plans_and_outcomes_are_left(result: dict[str, Any], folder: Path) -> None:
    outcomes = next(folder.glob("*/plain-digits.outcomes.ndjson")).read_text().splitlines()
    kinds = {json.loads(line)["kind"] for line in outcomes}
    assert kinds == {"items", "labels", "predictions"}
    assert {json.loads(line)["status"] for line in outcomes} == {"created"}
