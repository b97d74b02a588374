"""`python -m benchmarks` runs all of them; names as arguments run only those."""

from __future__ import annotations

import sys

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
    synapse,
    vendors,
    viam,
)

ALL = {
    "imports": imports.run,
    "call": call.run,
    "geometry": geometry.run,
    "formats": formats.run,
    "vendors": vendors.run,
    "encord": encord.run,
    "nucleus": nucleus.run,
    "labelbox": labelbox.run,
    "synapse": synapse.run,
    "viam": viam.run,
    "evaluate": evaluate.run,
    "migrate": migrate.run,
    "local": local.run,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        ALL[name]()
