"""Every block of the README and of the documentation does what the page says, run in order as a reader would."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import pages
import pytest

import dragoman
from dragoman.testing import emulated


def marked(page: Path) -> object:
    """Return a page as a parameter, among the slow ones if it says so."""
    slow = [] if pages.wanted(page, "slow") is None else [pytest.mark.slow]
    return pytest.param(page, marks=slow, id=str(page.relative_to(pages.ROOT)))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", [marked(page) for page in pages.pages()])
def test_a_page_does_what_it_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(pages.FILES, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRAGOMAN_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("COLUMNS", "120")
    with ExitStack() as served:
        for platform in pages.wanted(page, "emulated") or ():
            for name, value in served.enter_context(emulated(platform)).variables.items():
                monkeypatch.setenv(name, value)
        pages.run(page)


@pytest.mark.parametrize("page", pages.pages(), ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_every_block_says_what_it_is(page: Path) -> None:
    assert pages.languages(page) <= set(pages.LANGUAGES) | pages.SHOWN


def test_every_code_of_an_error_has_its_section() -> None:
    headings = {line[3:] for line in (pages.ROOT / "docs/errors.md").read_text().splitlines() if line.startswith("## ")}
    kinds = [one for one in vars(dragoman.errors).values() if isinstance(one, type)]
    codes = {kind.code for kind in kinds if issubclass(kind, dragoman.DragomanError)}

    assert headings == codes
