"""`python -m benchmarks` runs all of them; names as arguments run only those. `--write` puts them into the docs."""

from __future__ import annotations

import sys
from types import ModuleType

from benchmarks import (
    call,
    encord,
    evaluate,
    formats,
    geometry,
    imports,
    labelbox,
    local,
    migrate,
    nucleus,
    page,
    synapse,
    vendors,
    viam,
)
from benchmarks.measure import FIGURES

ALL: dict[str, ModuleType] = {
    "imports": imports,
    "call": call,
    "geometry": geometry,
    "formats": formats,
    "vendors": vendors,
    "encord": encord,
    "nucleus": nucleus,
    "labelbox": labelbox,
    "synapse": synapse,
    "viam": viam,
    "evaluate": evaluate,
    "migrate": migrate,
    "local": local,
}


def main(words: list[str]) -> None:
    """Run what the words name, or all."""
    names = [word for word in words if word != "--write"] or list(ALL)
    for name in names:
        FIGURES.clear()
        ALL[name].run()
        if "--write" in words:
            page.keep(name, ALL[name], FIGURES)
            page.write(ALL)


if __name__ == "__main__":
    main(sys.argv[1:])
