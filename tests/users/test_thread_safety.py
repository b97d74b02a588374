"""One backend used by several threads at once: nothing is lost, doubled, or mixed up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import dragoman
from dragoman import Adapter, Item
from dragoman.conformance.difficult import HEIGHT, WIDTH, png
from dragoman.plugins import installed
from dragoman.testing import emulated

THREADS = 6


def able() -> list[str]:
    """Return the platforms to which items can be written: those of emulators, and the local one."""
    platforms = installed().platforms.values()
    chosen = [platform for platform in platforms if platform.emulator or platform.name == "local"]
    return sorted(one.name for one in chosen if one.load("adapter").capabilities()["datasets.write_items"].supported)


@pytest.fixture(params=able())
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Adapter]:
    """A backend that has not been used: what it opens at its first use, all threads find closed."""
    if request.param == "local":
        with dragoman.connect("local", root=tmp_path / "state") as local:
            yield local
        return
    with emulated(request.param) as platform:
        yield platform.backend


def at_once(work: Callable[[int], object]) -> list[object]:
    """Do the work in several threads that begin together."""
    start = threading.Barrier(THREADS)

    def begin(number: int) -> object:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def test_threads_share_a_backend(backend: Adapter, tmp_path: Path) -> None:
    def fill(number: int) -> object:
        path = tmp_path / f"{number}.png"
        path.write_bytes(png(number))
        dataset = backend.datasets.create(f"of thread {number}")
        item = Item(path.name, uri=str(path), width=WIDTH, height=HEIGHT)
        backend.datasets.write_items([item], dataset=dataset).raise_for_problems()
        return dataset.id, [read.key for read in backend.datasets.read_items(dataset)]

    filled = at_once(fill)

    assert len({dataset for dataset, _ in filled}) == THREADS  # type: ignore[misc]
    assert [keys for _, keys in filled] == [[f"{number}.png"] for number in range(THREADS)]  # type: ignore[misc]
    assert {one.name for one in backend.datasets.list()} == {f"of thread {number}" for number in range(THREADS)}
