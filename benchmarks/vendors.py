"""A COCO file to each vendor's rows: Dragoman against labelformat and datumaro with the vendor's own objects, CPU time.

200 000 boxes and 50 000 polygons over 20 000 images become what Nucleus, Labelbox, Encord and Viam are sent. A peer
reads the file into its objects, and of these come the objects of the vendor's SDK, which make the rows: there is no
other way from here to there. What all of them send is decoded and compared. Viam takes boxes only; Synapse takes no
labels. The median of three turns counts, on each side. The network is left out: it is in `nucleus`, `labelbox`,
`encord` and `viam`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.formats import BOXES, POLYGONS, write_coco
from benchmarks.measure import medians, peers, report
from benchmarks.vendors_sides import READERS, VENDORS, Result

TURNS = 3
KINDS = {"boxes": BOXES, "polygons": POLYGONS}
PEERS = (
    "labelformat==0.1.17",
    "datumaro==1.13.12",
    "scale-nucleus==0.22.3",
    "labelbox[data]==7.17.0",
    "encord==0.1.211",
    "viam-sdk==0.85.1",
)
LIMITS = {"Labelbox": 1 / 15}
"""Less than the fifth that is allowed else."""


def run() -> None:
    """Print the ratios of CPU time."""
    python = peers("vendors", PEERS)
    with tempfile.TemporaryDirectory() as folder:
        for kind, count in KINDS.items():
            write_coco(Path(folder) / kind, kind, count)
            for vendor in VENDORS:
                if kind in VENDORS[vendor].kinds:
                    _compare(python, vendor, Path(folder) / kind, count)


def _compare(python: str, vendor: str, folder: Path, count: int) -> None:
    turns: dict[str, list[Result]] = {side: [] for side in ("dragoman", *READERS)}
    for _ in range(TURNS):
        for side, results in turns.items():
            results.append(_child(python, vendor, side, folder))
    found = {side: medians(results) for side, results in turns.items()}
    ours = found.pop("dragoman")
    for peer, theirs in found.items():
        for fact in ("rows", "numbers", "sum"):
            assert math.isclose(ours[fact], theirs[fact], rel_tol=1e-6), (vendor, peer, ours, theirs)
        what = f"COCO to {vendor}'s rows, {count} {folder.name} / {peer} and SDK"
        report(what, ours["cpu"], theirs["cpu"], limit=LIMITS.get(vendor, 1 / 5), unit="s")


def _child(python: str, vendor: str, side: str, folder: Path) -> Result:
    """Go the whole way in a fresh process; return its CPU seconds and what it counted."""
    interpreter = sys.executable if side == "dragoman" else python
    command = [interpreter, "-m", "benchmarks.vendors_sides", vendor, side, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result
