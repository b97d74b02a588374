"""The distributions of this repository, and how their wheels are built; for the tests beside this file."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Distribution:
    """A folder with a `pyproject.toml`, from which a wheel is built."""

    folder: Path

    @cached_property
    def project(self) -> dict[str, Any]:
        """The `[project]` table."""
        table: dict[str, Any] = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        return table

    @property
    def name(self) -> str:
        return str(self.project["name"])

    @property
    def package(self) -> str:
        """Name of the package that it ships."""
        return self.name.replace("-", "_")

    @property
    def source(self) -> Path:
        """Folder of that package."""
        return self.folder / self.package

    def wheel(self, folder: Path) -> Path:
        """Build the wheel into a folder and return its path. No network is needed."""
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        (made,) = folder.glob(f"{self.package}-*.whl")
        return made


ALL = [
    Distribution(file.parent) for file in (ROOT / "core/pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml")))
]
