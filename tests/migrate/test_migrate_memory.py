"""Memory: that of a migration does not grow with its rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SLACK = 6.0
"""MiB by which two runs may differ for other reasons; 120 000 rows held as objects would be 30."""


def peak_of(rows: int) -> float:
    command = [sys.executable, str(TESTS / "migrate" / "many_rows.py"), str(TESTS / "core"), str(rows)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="The peak is read from /proc.")
def test_four_times_the_rows_need_no_more_memory() -> None:
    # The smaller run, too, is long enough for all buffers to fill.
    assert peak_of(160_000) - peak_of(40_000) < SLACK
