"""The rest of `dragoman migrate` as its users run it: refused rows, status, report, rollback, files, kills, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import dragoman
from dragoman import Box, Item, Label, RotatedBox

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of a local backend with two items, a box, and a turned box."""
    root = tmp_path / "state"
    with dragoman.connect("local", root=root) as local:
        dataset = local.datasets.create("street")
        for key in ("a.png", "b.png"):
            cv2.imwrite(str(tmp_path / key), np.full((30, 40, 3), 90, np.uint8))
        items = [Item(key, uri=str(tmp_path / key), split="train") for key in ("a.png", "b.png")]
        local.datasets.write_items(items, dataset=dataset).raise_for_problems()
        rows = [
            Label("a.png", "car", Box(1, 2, 3, 4)),
            Label("b.png", "car", RotatedBox(20, 15, 8, 4, 30), id="turned"),
        ]
        local.labels.write(rows, dataset=dataset).raise_for_problems()
    return root


@pytest.fixture
def migrate(root: Path, tmp_path: Path) -> Any:
    """Run `dragoman migrate` and return what it did."""

    def run(*words: str, settings: bool = True) -> subprocess.CompletedProcess[str]:
        where = ["--source-set", f"root={root}", "--target-set", f"root={tmp_path / 'other'}"] if settings else []
        command = [sys.executable, "-m", "dragoman", "migrate", *words, *where]
        environment = {"PATH": "", "HOME": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    return run


PLAN = ("plan", "--source", "local", "--target", "local", "--dataset", "street")


def test_from_plan_to_rollback(migrate: Any, tmp_path: Path) -> None:
    planned = migrate(*PLAN, "--rename", "car=vehicle", "--where", "items.split=train", "--json")
    assert json.loads(planned.stdout)["features"] == {"car": "vehicle"}, planned.stderr
    assert migrate("apply", "plan.json").returncode == 0
    assert migrate("verify", "plan.json").returncode == 0

    status = json.loads(migrate("status", "plan.json", "--json", settings=False).stdout)
    assert status["counts"]["labels"] == {"confirmed": 2}

    assert migrate("status", "plan.json", "--watch", settings=False).returncode == 0, "it ends with the run"

    reported = migrate("report", "plan.json", "--html", "page.html", "--json-file", "all.json", settings=False)
    assert reported.returncode == 0, reported.stderr
    assert "Everything is on the target, and was verified." in (tmp_path / "page.html").read_text()
    assert json.loads((tmp_path / "all.json").read_text())["ok"]

    rolled = migrate("rollback", "plan.json", "--json")
    assert json.loads(rolled.stdout)["deleted"]["labels"] == 2, rolled.stderr
    with dragoman.connect("local", root=tmp_path / "other") as other:
        assert other.datasets.find("street") is None


def test_a_dataset_goes_into_a_file_and_back(migrate: Any, root: Path, tmp_path: Path) -> None:
    words = ("--dataset", "street", "--target", "ndjson:street.ndjson", "--source", "local")
    source = ("--source-set", f"root={root}")
    assert migrate("plan", *words, *source, settings=False).returncode == 0
    applied = migrate("apply", "plan.json", *source, settings=False)
    assert applied.returncode == 0, applied.stderr
    assert migrate("verify", "plan.json", *source, settings=False).returncode == 0

    target = ("--target-set", f"root={tmp_path / 'third'}")
    back = ("--source", "ndjson:street.ndjson", "--target", "local", "--dataset", "street", "-o", "back.json")
    assert migrate("plan", *back, *target, settings=False).returncode == 0
    assert migrate("apply", "back.json", *target, settings=False).returncode == 0
    assert migrate("verify", "back.json", *target, settings=False).returncode == 0


def test_refused_rows_are_mended_and_sent_again(migrate: Any, root: Path, tmp_path: Path) -> None:
    migrate(*PLAN)
    hidden = tmp_path / "hidden.png"
    (tmp_path / "b.png").rename(hidden)
    applied = migrate("apply", "plan.json")
    assert applied.returncode == 1, applied.stderr
    dead = tmp_path / "plan.dead.ndjson"
    assert {json.loads(line)["key"] for line in dead.read_text().splitlines()} == {"b.png", "turned"}

    hidden.rename(tmp_path / "b.png")
    retried = migrate("retry", "plan.json")

    assert retried.returncode == 0, retried.stdout + retried.stderr
    assert not dead.exists()
    assert migrate("verify", "plan.json").returncode == 0


def test_ctrl_c_is_clean_and_the_next_run_goes_on(migrate: Any, root: Path, tmp_path: Path) -> None:
    migrate(*PLAN)
    program = (
        "import os, signal, sys\n"
        # A shell has it ignored by what it runs in the background, such as these tests.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from dragoman.migrate.ledger import Ledger\n"
        "def interrupt(self, kind, numbers, *rest):\n"
        "    Ledger.settle = settle\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return settle(self, kind, numbers, *rest)\n"
        "settle, Ledger.settle = Ledger.settle, interrupt\n"
        "from dragoman.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    where = ["--source-set", f"root={root}", "--target-set", f"root={tmp_path / 'other'}"]
    command = [sys.executable, "-c", program, "migrate", "apply", "plan.json", *where]
    environment = {**os.environ, "HOME": str(tmp_path)}
    stopped = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)

    assert stopped.returncode == 130, stopped.stderr
    assert "the same command goes on from there" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert migrate("apply", "plan.json").returncode == 0
    assert migrate("verify", "plan.json").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "pictures"), "only"),
        (("--where", "split=train"), "not a condition"),
        (("--on-loss", "burn"), "not a policy"),
        (("--rename", "car"), "name=value"),
    ],
)
def test_words_that_mean_nothing_are_refused(migrate: Any, words: tuple[str, ...], said: str) -> None:
    done = migrate(*PLAN, *words)

    assert done.returncode in (2, 3)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_that_was_not_applied_has_no_status(migrate: Any) -> None:
    migrate(*PLAN)

    done = migrate("status", "plan.json", settings=False)

    assert done.returncode == 3
    assert "Apply the plan first." in done.stderr


def test_the_kill_of_a_whole_process_is_survived(migrate: Any, root: Path, tmp_path: Path) -> None:
    migrate(*PLAN)
    program = (
        "import os, signal, sys\n"
        "from dragoman.migrate.ledger import Ledger\n"
        "Ledger.settle = lambda *rest: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from dragoman.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    where = ["--source-set", f"root={root}", "--target-set", f"root={tmp_path / 'other'}"]
    command = [sys.executable, "-c", program, "migrate", "apply", "plan.json", *where]
    killed = subprocess.run(command, capture_output=True, cwd=tmp_path, check=False)

    assert killed.returncode == -signal.SIGKILL
    assert migrate("apply", "plan.json").returncode == 0
    assert migrate("verify", "plan.json").returncode == 0
