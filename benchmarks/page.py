"""`docs/performance.md`: the figures as a page. `docs/performance.json` keeps the newest ones of each benchmark."""

from __future__ import annotations

import inspect
import json
import os
import platform
from collections.abc import Iterable
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


def keep(name: str, benchmark: ModuleType, figures: list[Figure]) -> None:
    """Keep the figures of one benchmark, in the place of those that it had, and what it says of itself.

    That is kept with them: a benchmark that changes its ways has not measured the older figures so.
    """
    file = DOCS / "performance.json"
    kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    day = datetime.now(UTC).date().isoformat()
    about = inspect.getdoc(benchmark) or ""
    kept[name] = {"about": about, "day": day, "machine": _machine(), "figures": [asdict(one) for one in figures]}
    file.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write(names: Iterable[str]) -> None:
    """Write the page of all figures that are kept.

    Args:
        names: Names of the benchmarks, in the order of the page.
    """
    kept: dict[str, Any] = json.loads((DOCS / "performance.json").read_text(encoding="utf-8"))
    sections = (_section(kept[name]) for name in names if name in kept)
    (DOCS / "performance.md").write_text("\n".join([HEAD, *sections]), encoding="utf-8")


def _section(found: dict[str, Any]) -> str:
    title, _, how = found["about"].partition("\n")
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
