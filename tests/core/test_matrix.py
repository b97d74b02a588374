"""The generated pages say what the plugins declare, and every documented method is reached or explained."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.interface import FACETS
from dragoman.matrix import Method, coverage

ROOT = Path(__file__).parents[2]
METHODS = coverage(ROOT / "docs" / "coverage.toml")
OPERATIONS = {str(operation) for base in FACETS for operation in base.operations.values()}


def platforms() -> str:
    """The plugins that the pages are about, as the Makefile names them."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    return next(line.removeprefix("PLATFORMS := ") for line in lines if line.startswith("PLATFORMS := "))


def test_the_pages_are_up_to_date(tmp_path: Path) -> None:
    (tmp_path / "coverage.toml").write_bytes((ROOT / "docs" / "coverage.toml").read_bytes())
    command = [sys.executable, "-m", "dragoman", "matrix", "--write", str(tmp_path)]
    subprocess.run(command, check=True, env={**os.environ, "DRAGOMAN_PLUGINS": platforms()})
    for page in ("matrix.md", "coverage.md"):
        assert (tmp_path / page).read_text() == (ROOT / "docs" / page).read_text(), f"{page}: run `make docs`"


@pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method.platform}.{method.method}")
def test_every_documented_method_has_a_neutral_call(method: Method) -> None:
    assert method.call in OPERATIONS


@pytest.mark.parametrize(
    "method", [method for method in METHODS if method.test], ids=lambda method: f"{method.platform}.{method.method}"
)
def test_the_proof_is_there(method: Method) -> None:
    path, *names = method.test.split("::")
    tree: ast.AST = ast.parse((ROOT / path).read_text())
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assert names[0] in found
    if len(names) > 1 and names[1] not in found:
        from dragoman import conformance

        kit = {name for base in vars(conformance).values() if isinstance(base, type) for name in vars(base)}
        assert names[1] in kit


@pytest.mark.parametrize("platform", platforms().split(","))
def test_every_method_of_a_platform_with_a_plugin_has_its_proof(platform: str) -> None:
    assert [method.method for method in METHODS if method.platform == platform and not method.test] == []
