"""How Sphinx builds the documentation: Markdown pages through MyST, and the reference from docstrings."""

from __future__ import annotations

import re
from typing import Any

import dragoman

project = "Dragoman"
author = "The Dragoman contributors"
copyright = "The Dragoman contributors, Apache-2.0"
version = release = dragoman.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "sphinx_copybutton"]
exclude_patterns = ["files", "_build"]
html_theme = "furo"
html_title = f"Dragoman {release}"

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
# ref.python: several facets have a method named like a type, `list` above all, and annotations need not link to either.
suppress_warnings = ["myst.header", "ref.python"]

autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "exclude-members": "model_config, model_post_init, operations",
}
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_mock_imports = ["fiftyone", "ray"]
napoleon_numpy_docstring = False
napoleon_use_ivar = True

CODE = re.compile(r"(?<![`:\w])`([^`\n]+)`(?![`_])")


def plain(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Read docstrings as they are written: names between single backticks are code, and so are indented paragraphs."""
    lines[:] = [CODE.sub(r"``\1``", line) for line in lines]
    for number in range(len(lines) - 2, 0, -1):
        before, blank, after = lines[number - 1 : number + 2]
        if before and not blank and indentation(after) >= indentation(before) + 4:
            lines[number:number] = ["", " " * indentation(before) + "::"]


def indentation(line: str) -> int:
    """Return how many spaces a line begins with."""
    return len(line) - len(line.lstrip())


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", plain, priority=400)
