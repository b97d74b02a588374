"""The site of the documentation, and the links of the pages that are not on it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pages
import pytest


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=pages.ROOT)

    assert done.returncode == 0, done.stderr
    assert "dragoman.testing.emulated" in (tmp_path / "reference/testing.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", sorted(pages.ROOT.glob("*.md")), ids=lambda page: page.name)
def test_links_of_the_pages_at_the_root_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))

    assert not [target for target in targets if not (pages.ROOT / target).exists()]
