"""Import time: `import dragoman` against `import pydantic`, whole processes, CPU time."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.measure import interleaved, report

UNWANTED = ("nucleus", "labelbox", "encord", "viam", "torch", "numpy", "httpx", "requests")
RUNS = 11


def run() -> None:
    """Print the ratio, and refuse if the import loads what it must not."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import dragoman, sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not set(UNWANTED) & set(loaded), "import dragoman loads what it must not"
    statements = {
        "dragoman": "import dragoman",
        "pydantic": "import pydantic",
        "first use": "from dragoman import connect, Prediction, Box, Model",
        "pydantic used": "from pydantic import BaseModel, TypeAdapter",
    }
    times = interleaved({name: [sys.executable, "-c", code] for name, code in statements.items()}, RUNS)
    report("import dragoman / import pydantic", times["dragoman"], times["pydantic"], limit=1.5, unit="s")
    report(
        "first use of dragoman / first use of pydantic", times["first use"], times["pydantic used"], limit=3, unit="s"
    )
