"""Every route that occurs in the SDK's source is served; the SDK's next release will tell which are missing."""

from __future__ import annotations

import ast
from pathlib import Path

import nucleus
import pytest

from dragoman_nucleus.emulator import create
from dragoman_nucleus.emulator.app import SUBJECTS
from dragoman_nucleus.emulator.routes.names import BASE

FIRST = {
    "annotation",
    "autocurate",
    "autotag",
    "benchmarks",
    "dataset",
    "evaluationV2Presets",
    "evaluationsV2",
    "indexing",
    "job",
    "jobs",
    "leaderboard",
    "model",
    "modelRun",
    "models",
    "slice",
    "task",
    "validate",
}
"""What routes begin with, apart from those that begin with the id of a dataset."""
WITHOUT_PREFIX = {"x/upload_scenes", "x/upload_video_scenes", "x/list_autotags"}
COMPOSED = {"dataset/x/x"}
"""Not a route: the SDK puts one together of two texts."""


def texts(node):
    """Yield the literal texts of a module, with `x` in place of what is filled in."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        for child in ast.iter_child_nodes(node):
            yield from texts(child)


def routes_of_the_sdk():
    modules = sorted(Path(nucleus.__file__).parent.rglob("*.py"))
    found = {text.partition("?")[0] for path in modules for text in texts(ast.parse(path.read_text("utf-8")))}
    routes = {text for text in found if " " not in text and "\n" not in text and "/" in text}
    named = {text for text in routes if text.partition("/")[0] in FIRST and not text.startswith("//")}
    return sorted((named | (found & WITHOUT_PREFIX) | (found & {"benchmarks", "evaluationV2Presets"})) - COMPOSED)


def test_the_source_has_the_routes_that_are_looked_for():
    routes = routes_of_the_sdk()
    assert len(routes) > 130
    assert set(routes) >= WITHOUT_PREFIX


@pytest.fixture(scope="module")
def served():
    state = create().state
    return [*state.jobs.routes(BASE), *(route for subject in SUBJECTS for route in subject(state).routes())]


@pytest.mark.parametrize("route", routes_of_the_sdk())
def test_the_route_is_served(route, served):
    # Numbers take the place of what must be one.
    paths = (f"{BASE}/{route}", f"{BASE}/{route}".replace("/x", "/0"))
    assert any(known.path_regex.match(path) for known in served for path in paths)
