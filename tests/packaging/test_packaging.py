"""What each distribution says of itself, and what is in its wheel.

`environments.py` beside this file installs each wheel alone and tries it; that takes minutes and is not run from here.
"""

from __future__ import annotations

import subprocess
import sys
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
from distributions import ALL, ROOT, Distribution

import dragoman

NOT_IMPORTED = {
    "dragoman": ["python-multipart", "scipy"],  # Starlette's forms, and TrackEval
    "dragoman-demo": ["dragoman-local", "dragoman-nucleus"],  # found through entry points
    "dragoman-labelbox": ["python-multipart"],  # Starlette's forms
    "dragoman-local": ["scipy", "onnx", "onnxscript"],  # transformers' matching, and torch's exporter
    "dragoman-viam": ["viam-sdk"],  # its message modules, loaded by name
}
"""What is needed and not imported, by distribution."""
PART_OF_ANOTHER = {
    "dragoman": ["pydantic_core"],  # pydantic pins it
    "dragoman-labelbox": ["lbox"],  # the SDK's own part
}
"""Modules of packages that another one, which is declared, brings in the version that fits."""
OPTIONAL = {
    "dragoman": ["cvat_sdk"],  # whoever has CVAT run a function of ours has it
    "dragoman-local": ["torchvision"],
}
"""Modules that are looked at where they happen to be installed."""


@pytest.fixture(scope="module", params=ALL, ids=lambda one: one.name)
def distribution(request: pytest.FixtureRequest) -> Distribution:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def wheel(distribution: Distribution, tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    return ZipFile(distribution.wheel(tmp_path_factory.mktemp("wheels")))


def tracked(folder: Path) -> set[str]:
    """Return the files of a folder that belong to the repository, as paths from its parent."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "."]
    found = subprocess.run(listed, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()
    return {f"{folder.name}/{path}" for path in found if (folder / path).exists()}


def test_the_version_is_written_once_in_the_core(distribution: Distribution, wheel: ZipFile) -> None:
    (metadata,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))

    assert "version" not in distribution.project
    assert distribution.project["dynamic"] == ["version"]
    assert Parser().parsestr(wheel.read(metadata).decode())["Version"] == dragoman.__version__


def test_the_wheel_has_every_file_of_the_package(distribution: Distribution, wheel: ZipFile) -> None:
    inside = set(wheel.namelist())

    assert tracked(distribution.source) <= inside
    assert {f"{distribution.package}/py.typed", f"{distribution.package}/LICENSE"} <= inside


def test_the_wheel_has_nothing_else(distribution: Distribution, wheel: ZipFile) -> None:
    package = f"{distribution.package}/"
    strangers = {name for name in wheel.namelist() if not name.startswith((package, f"{distribution.package}-"))}

    assert not strangers
    assert not [name for name in wheel.namelist() if "__pycache__" in name or name.endswith((".pyc", ".sqlite"))]


def test_a_plugin_is_found_through_its_entry_point(distribution: Distribution) -> None:
    groups = distribution.project["entry-points"]

    if distribution.name == "dragoman":
        assert set(groups) == {"pytest11"}
    else:
        assert groups["dragoman"] == {distribution.package.removeprefix("dragoman_"): distribution.package}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported(distribution: Distribution) -> None:
    ignored = {
        "DEP001": OPTIONAL.get(distribution.name, []),
        "DEP002": NOT_IMPORTED.get(distribution.name, []),
        "DEP003": PART_OF_ANOTHER.get(distribution.name, []),
    }
    given = ",".join(f"{rule}={'|'.join(names)}" for rule, names in ignored.items() if names)
    command = [sys.executable, "-m", "deptry", ".", "--no-ansi", *(["--per-rule-ignores", given] if given else [])]

    done = subprocess.run(command, cwd=distribution.folder, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr + done.stdout


def test_the_core_ships_the_template_of_plugins(tmp_path: Path) -> None:
    core = next(one for one in ALL if one.name == "dragoman")
    template = ROOT / "examples/plugin-template"

    inside = set(ZipFile(core.wheel(tmp_path)).namelist())

    assert {f"dragoman/cli/template/{path.removeprefix('plugin-template/')}" for path in tracked(template)} <= inside
