"""Each wheel, installed alone in a fresh environment, does what it is for.

Not found by a plain run of the tests, because it fills an environment for each distribution, torch included:
`make test-wheels`, or `pytest tests/packaging/environments.py -k NAME` for one of them. uv makes the environments.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributions import ALL, ROOT, Distribution

import dragoman

pytestmark = pytest.mark.timeout(1800)

EXTRAS = ("emulator", "grpc", "serve")
"""Extras with modules that are imported for nothing else."""

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


@dataclass(frozen=True)
class Environment:
    """A fresh environment with one distribution in it."""

    folder: Path
    wheels: Path

    def install(self, requirement: str) -> None:
        """Install a requirement; our own distributions come from the wheels that were built here."""
        python = str(self.folder / "bin/python")
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python]
        constraint = ["--constraint", str(ROOT / "constraints.txt"), "--find-links", str(self.wheels)]
        subprocess.run([*command, *constraint, requirement], check=True)

    def run(self, *words: str) -> str:
        """Run a program of the environment outside of the repository and return what it prints."""
        command = [str(self.folder / "bin" / words[0]), *words[1:]]
        bare = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
        # All environments have one path, so that what they share is compiled once.
        bare["PYTHONPYCACHEPREFIX"] = str(self.folder.with_name("compiled"))
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, env=bare)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of all distributions."""
    folder = tmp_path_factory.mktemp("wheels")
    for distribution in ALL:
        distribution.wheel(folder)
    return folder


@pytest.fixture(scope="module", params=ALL, ids=lambda one: one.name)
def distribution(request: pytest.FixtureRequest) -> Distribution:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def alone(distribution: Distribution, wheels: Path) -> Iterator[Environment]:
    """An environment in which that distribution is installed, without extras, and what it asks for."""
    folder = wheels.with_name("environment")
    subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    made = Environment(folder, wheels)
    made.install(distribution.name)
    yield made
    # One of them alone has gigabytes.
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def test_it_is_there_in_this_version(distribution: Distribution, alone: Environment) -> None:
    script = f"import importlib.metadata; print(importlib.metadata.version({distribution.name!r}))"

    assert alone.run("python", "-c", script).strip() == dragoman.__version__


def test_its_backend_is_listed(distribution: Distribution, alone: Environment) -> None:
    listed = json.loads(alone.run("dragoman", "backends", "--json"))

    name = distribution.package.removeprefix("dragoman_")
    assert (name in listed) == (name not in ("dragoman", "demo"))


def test_its_adapter_can_be_imported(distribution: Distribution, alone: Environment) -> None:
    if (distribution.source / "adapter.py").exists():
        alone.run("python", "-c", f"import {distribution.package}.adapter")


def test_the_command_line_runs_without_plugins(distribution: Distribution, alone: Environment) -> None:
    if distribution.name == "dragoman":
        assert "Usage" in alone.run("dragoman", "--help")
        assert "coco" in alone.run("dragoman", "formats")
        assert "pyproject.toml" in alone.run("dragoman", "new-plugin", "zeta", "--folder", "zeta")


@pytest.mark.slow
def test_a_new_plugin_passes_the_kit_with_what_it_asks_for(distribution: Distribution, alone: Environment) -> None:
    if distribution.name == "dragoman":
        folder = alone.folder / "dragoman-eta"
        alone.run("dragoman", "new-plugin", "eta", "--folder", str(folder))
        alone.install(f"{folder}[test]")
        alone.run("pytest", "-q", str(folder))


@pytest.mark.slow
def test_every_module_can_be_imported(distribution: Distribution, alone: Environment) -> None:
    if distribution.name == "dragoman":
        alone.run("python", "-c", "import dragoman; [getattr(dragoman, name) for name in dragoman.__all__]")
        alone.run("python", "-c", "import dragoman.aio, dragoman.cli.app, dragoman.testing")
        return
    # A module may belong to an extra.
    if extras := [name for name in distribution.project.get("optional-dependencies", {}) if name in EXTRAS]:
        alone.install(f"{distribution.name}[{','.join(extras)}]")
    alone.run("python", "-c", IMPORT_ALL, distribution.package)


@pytest.mark.slow
def test_with_the_extra_its_emulator_answers(distribution: Distribution, alone: Environment) -> None:
    if "emulator" not in distribution.project.get("optional-dependencies", {}):
        assert not (distribution.source / "emulator").exists() or "emulate" in str(distribution.project["dependencies"])
        return
    name = distribution.package.removeprefix("dragoman_")

    script = f"""
from dragoman.testing import emulated
with emulated({name!r}) as platform:
    print(list(platform.backend.datasets.list()))
"""
    assert alone.run("python", "-c", script).strip() == "[]"
    assert json.loads(alone.run("dragoman", "doctor", "--json"))[name]["ok"]
