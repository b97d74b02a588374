"""What is imported when: the core knows no vendor, and listing costs nothing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import dragoman

CORE = Path(dragoman.__file__).parent
VENDORS = {"nucleus", "labelbox", "encord", "encord_agents", "synapse_sdk", "viam"}
HEAVY = {"torch", "transformers", "cv2", "numpy", "httpx", "requests", "PIL", "sklearn", "grpc", "uvicorn", "starlette"}
SCRIPT = "import json, sys; {}; print(); print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh process has loaded after a statement."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(statement)], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_dragoman_loads_next_to_nothing() -> None:
    loaded = loaded_by("import dragoman")

    assert "dragoman" in loaded
    assert not loaded & (VENDORS | HEAVY | {"pydantic", "msgspec", "pluggy", "typer", "rich", "tenacity"})


def test_listing_the_backends_loads_no_vendor_and_nothing_heavy() -> None:
    loaded = loaded_by("import dragoman; assert 'nucleus' in dragoman.backends()")

    assert "dragoman_nucleus" in loaded
    assert not loaded & (VENDORS | HEAVY)


@pytest.mark.parametrize("words", [["backends"], ["backends", "--json"], ["--help"], ["migrate", "--help"]])
def test_the_command_line_loads_no_vendor_and_nothing_heavy(words: list[str]) -> None:
    loaded = loaded_by(f"from dragoman.cli import main; assert main({words!r}) == 0")

    assert "typer" in loaded
    assert not loaded & (VENDORS | HEAVY)


@pytest.mark.parametrize("name", ["Box", "Adapter", "connect", "Migration"])
def test_a_public_name_is_loaded_when_it_is_first_used(name: str) -> None:
    loaded = loaded_by(f"import dragoman; dragoman.{name}")

    assert not loaded & (VENDORS | HEAVY)


def test_every_public_name_is_there() -> None:
    assert dragoman.__all__ == sorted(dragoman.__all__) == dir(dragoman)
    for name in dragoman.__all__:
        assert getattr(getattr(dragoman, name), "__name__", name) == name


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Bocks"):
        dragoman.Bocks  # noqa: B018


def imported(path: Path) -> set[str]:
    """Return the top-level names of all modules that a file imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_knows_no_vendor_and_no_plugin(path: Path) -> None:
    names = imported(path)

    assert not names & VENDORS
    assert not [name for name in names if name.startswith("dragoman_")]


def test_the_check_sees_imports_wherever_they_are(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("def f():\n    import nucleus.dataset as d\n    from dragoman_local.x import y\n")

    assert imported(path) == {"nucleus", "dragoman_local"}
