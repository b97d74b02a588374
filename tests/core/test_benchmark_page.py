"""The page of the benchmarks keeps the newest figures of each, missed goals among them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from benchmarks import page
from benchmarks.measure import Figure


def test_a_benchmark_that_is_run_again_replaces_its_own_figures_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "DOCS", tmp_path)
    first, second = (ModuleType(name, f"The {name} one.\n\nHow it is made.") for name in ("first", "second"))
    page.keep("first", first, [Figure("write / peer", 3.0, 2.0, "s", 1.0, False)])
    page.keep("second", second, [Figure("read / peer", 1.0, 2.0, "s", 1.0, True)])
    page.keep("first", first, [Figure("write / peer", 4.0, 2.0, "s", 1.0, False)])

    page.write(["first", "second", "never run"])

    text = (tmp_path / "performance.md").read_text()
    assert "## The first one\n\nHow it is made." in text
    assert "| write / peer | 4.000 s | 2.000 s | 2.00 | 1.00, missed |" in text
    assert "| read / peer | 1.000 s | 2.000 s | 0.50 | 1.00 |" in text
    assert "3.000" not in text
    assert text.index("first one") < text.index("second one")
