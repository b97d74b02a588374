"""`docs/performance.md`: the figures as a page. `docs/performance.json` keeps the newest ones of each benchmark."""

from __future__ import annotations

import inspect
import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.measure import Figure

DOCS = Path(__file__).parents[1] / "docs"
HEAD = """# Performance

Ratios, less is better: what Dragoman takes over what the peer takes for equal work, whose results are checked to be
equal, measured in one run on one machine. `make bench` measures all of them anew and writes this page;
`python -m benchmarks NAME` prints one. Seconds are those of the machine named; ratios are what to look at. A ratio
beyond its limit is a goal that was missed.
"""


def keep(name: str, figures: list[Figure]) -> None:
    """Keep the figures of one benchmark, in the place of those that it had."""
    file = DOCS / "performance.json"
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    day = datetime.now(UTC).date().isoformat()
    kept[name] = {"day": day, "machine": _machine(), "figures": [asdict(figure) for figure in figures]}
    file.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write(benchmarks: dict[str, ModuleType]) -> None:
    """Write the page of all figures that are kept.

    Args:
        benchmarks: The modules by name, in the order of the page; what they are is in their docstrings.
    """
    kept: dict[str, Any] = json.loads((DOCS / "performance.json").read_text(encoding="utf-8"))
    sections = (_section(kept[name], module) for name, module in benchmarks.items() if name in kept)
    (DOCS / "performance.md").write_text("\n".join([HEAD, *sections]), encoding="utf-8")


def _section(found: dict[str, Any], module: ModuleType) -> str:
    title, _, how = (inspect.getdoc(module) or "").partition("\n")
    rows = [
        f"| {one['what']} | {one['ours']:.3f} {one['unit']} | {one['peer']:.3f} {one['unit']} "
        f"| {one['ours'] / one['peer']:.2f} | {one['limit']:.2f}{'' if one['kept'] else ', missed'} |"
        for one in found["figures"]
    ]
    table = ["| what | Dragoman | peer | ratio | limit |", "|---|---|---|---|---|", *rows]
    made = f"Measured on {found['day']}: {found['machine']}."
    return "\n".join([f"## {title.rstrip('.')}", "", *([how.strip(), ""] if how.strip() else []), *table, "", made, ""])


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}"
    )
