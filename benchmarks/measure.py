"""How things are measured: interleaved runs, CPU time of whole processes, one printed line per ratio."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One ratio: what was measured, on both sides, and the limit that it is to keep. Less is better."""

    what: str
    ours: float
    peer: float
    unit: str
    limit: float
    kept: bool


FIGURES: list[Figure] = []
"""What was reported so far."""


def report(what: str, ours: float, peer: float, *, limit: float, unit: str) -> None:
    """Print one ratio with both figures and whether it keeps its limit, and remember it."""
    figure = Figure(what, ours, peer, unit, limit, ours / peer <= limit)
    FIGURES.append(figure)
    ratio, verdict = f"{ours / peer:5.2f}", "ok" if figure.kept else "MISSED"
    print(f"{what:<58} {ours:10.3f} / {peer:10.3f} {unit:<4} = {ratio}  (limit {limit:.2f}) {verdict}", flush=True)


def cpu_seconds(command: list[str]) -> float:
    """Return the user and system time of a command, run as a process of its own."""
    before = os.times()
    subprocess.run(command, check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def medians(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each figure of several turns.

    The least would favour the shorter of two sides, which fits into a quick moment of the machine.
    """
    return {figure: median(turn[figure] for turn in turns) for figure in turns[0]}


def interleaved(commands: dict[str, list[str]], runs: int) -> dict[str, float]:
    """Return the median CPU seconds of each command; they take turns, after one uncounted round."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            seconds = cpu_seconds(command)
            if turn:
                times[name].append(seconds)
    return {name: median(values) for name, values in times.items()}


@contextmanager
def emulator(platform: str) -> Iterator[dict[str, Any]]:
    """Run a platform's emulator as a process of its own and yield what it announces."""
    command = [sys.executable, "-m", "dragoman", "emulate", platform, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def peak_mib() -> float:
    """Return the peak of this process's resident memory. Linux only."""
    # getrusage would not do: a child begins with the peak of the process that started it.
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def peers(name: str, packages: tuple[str, ...]) -> str:
    """Return an interpreter that has packages which we are compared with, in an environment of their own.

    It is the one that `DRAGOMAN_PEERS_PYTHON` names, or that of `.venv-peers/<name>`, which is made if need be.
    """
    named = os.environ.get("DRAGOMAN_PEERS_PYTHON")
    if named:
        return named
    home = Path(__file__).parents[1] / ".venv-peers" / name
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    return str(python)
