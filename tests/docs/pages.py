"""How the pages of the documentation are run: their blocks in order, in a folder of their own, as a reader would.

A Python block is executed, a shell block is run, and a block whose first line is a comment with a file's name is saved
under it. Blocks in TOML, YAML and JSON that are not saved are parsed. `text` shows what something prints, and is left.

A comment at the top of a page says what it needs: `<!-- emulated: nucleus labelbox -->` serves those platforms and lets
the environment lead to them; `<!-- slow -->` puts the page among the slow tests. `<!--- skip: next "reason" -->` leaves
a block out, for one of the reasons in `NOT_RUN`.

Sybil finds the blocks. It is imported on use, because environments without it load this helper, too.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import SkipTest

if TYPE_CHECKING:
    from sybil import Example

ROOT = Path(__file__).parents[2]
FILES = ROOT / "docs/files"
GENERATED = {"matrix.md", "coverage.md", "performance.md"}
NOT_RUN = {"installs packages", "needs an account", "needs a server", "runs the tests of this repository"}
"""Why a block may be left out. What is installed is tried by `tests/packaging/environments.py`."""
NAMED = re.compile(r"(?:#|//) (?P<name>[\w/.-]+\.\w+)\n")
SECONDS = 300
SESSIONS = "_sessions"
"""Name under which a page's namespace has the sessions of its shell blocks."""


def pages() -> list[Path]:
    """Return the pages that people write, decisions left aside: those record what was, and are not kept up."""
    inside = [page for page in sorted((ROOT / "docs").rglob("*.md")) if page.parent.name != "decisions"]
    return [*sorted(ROOT.glob("*.md")), *(page for page in inside if page.name not in GENERATED)]


def wanted(page: Path, word: str) -> list[str] | None:
    """Return what a comment on a page says, word by word; None if there is no such comment."""
    found = re.search(rf"^<!-- {word}(?:: (.*))? -->$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return None if found is None else (found[1] or "").split()


def run(page: Path) -> None:
    """Run the blocks of a page in the working folder."""
    from sybil import Document
    from sybil.parsers.markdown import CodeBlockParser, SkipParser

    parsers = [CodeBlockParser(language, run) for language, run in LANGUAGES.items()]
    document = Document.parse(str(page), *parsers, SkipParser())
    try:
        for example in document.examples():
            try:
                example.evaluate()
            except SkipTest as left_out:
                if str(left_out) not in NOT_RUN:
                    raise
    finally:
        end_sessions(document.namespace.get(SESSIONS, []))


def languages(page: Path) -> set[str]:
    """Return the languages of a page's blocks; the empty one for a block that names none."""
    opening = re.findall(r"^ *```+ *([\w{}-]*).*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return set(opening[::2])


def run_python(example: Example) -> None:
    from sybil.evaluators.python import PythonEvaluator

    if not saved(example):
        PythonEvaluator()(example)


def run_shell(example: Example) -> None:
    """Run a block; what it leaves running in the background ends with the page."""
    if saved(example):
        return
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["bash", "-euo", "pipefail", "-c", example.parsed]
    # Through a pipe, what runs in the background would have to be waited for.
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            command, stdout=printed, stderr=printed, env={**os.environ, "PATH": path}, start_new_session=True
        )
        example.namespace.setdefault(SESSIONS, []).append(process.pid)
        code = process.wait(SECONDS)
        printed.seek(0)
        assert code == 0, f"{example.parsed}\n{printed.read()}"


def end_sessions(sessions: list[int]) -> None:
    """End what shell blocks have left running."""
    for session in sessions:
        with suppress(ProcessLookupError):
            os.killpg(session, signal.SIGTERM)


def parsed_by(parse: Callable[[str], object]) -> Callable[[Example], None]:
    """Return what is done with a block of data."""

    def check(example: Example) -> None:
        if not saved(example):
            parse(example.parsed)

    return check


def read_yaml(text: str) -> object:
    import yaml

    return yaml.safe_load(text)


def saved(example: Example) -> bool:
    """Save a block that begins with a file's name under it, and say whether it does."""
    if (named := NAMED.match(example.parsed)) is None:
        return False
    path = Path(named["name"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(example.parsed, encoding="utf-8")
    return True


LANGUAGES: dict[str, Callable[[Example], None]] = {
    "python": run_python,
    "bash": run_shell,
    "toml": parsed_by(tomllib.loads),
    "yaml": parsed_by(read_yaml),
    "json": parsed_by(json.loads),
}
SHOWN = {"text", "{eval-rst}", "{include}", "{toctree}"}
"""Blocks that are only shown, or that the generator reads."""
