"""A fresh plugin as its author has it: made, installed beside Dragoman as a package of its own, and tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a new plugin."""
    folder = tmp_path_factory.mktemp("author") / "dragoman-zeta"
    subprocess.run([sys.executable, "-m", "dragoman", "new-plugin", "zeta", "--folder", str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def environment(made: Path) -> dict[str, str]:
    """An environment in which the plugin is installed, without a change to the one of these tests."""
    site = made.parent / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(made)]
    subprocess.run(install, check=True)
    return {**os.environ, "PYTHONPATH": str(site)}


def test_it_is_found_like_any_other(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "dragoman", "backends", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout)["zeta"] == "Zeta: pictures with boxes and tags."


def test_its_own_tests_pass(made: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(made / "tests")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=made)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
