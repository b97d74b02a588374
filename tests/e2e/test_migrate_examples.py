"""The migrations in examples/ do what they say when they are run as their reader would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "migrations"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if "_to_" in path.name)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_migration_runs(script: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[-1] == "everything arrived"
    assert "something is missing or different" not in said
