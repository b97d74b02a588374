"""Shards: every row falls to exactly one, each has a ledger of its own, and the whole is as if there were one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dragoman
from dragoman import Box, Conflict, Item, Label, Migration, PlatformError, Prediction, Unsupported
from dragoman.conformance.difficult import HEIGHT, WIDTH, png
from dragoman.migrate import Ledger, Scope, State
from dragoman.migrate.reading import Shard
from dragoman.migrate.shards import Endpoint, Job, _in_processes, apply_sharded

ITEMS, ROWS = 9, 30
SCOPE = Scope(dataset="street", model="detector")


@pytest.fixture
def ends(tmp_path: Path) -> tuple[Endpoint, Endpoint]:
    """A filled local backend and an empty one."""
    with dragoman.connect("local", root=tmp_path / "here") as local:
        dataset = local.datasets.create("street")
        items = [Item(f"{n}.png", uri=str(tmp_path / f"{n}.png"), width=WIDTH, height=HEIGHT) for n in range(ITEMS)]
        for number, item in enumerate(items):
            Path(item.uri or "").write_bytes(png(number))
        local.datasets.write_items(items, dataset=dataset).raise_for_problems()
        labels = [Label(f"{n % ITEMS}.png", "car", Box(n, 1, 9, 9)) for n in range(ROWS)]
        local.labels.write(labels, dataset=dataset).raise_for_problems()
        model = local.models.create("detector", task="object_detection", features=["car"])
        version = local.versions.create(model, name="first")
        rows = [Prediction(f"{n % ITEMS}.png", "car", Box(n, 2, 9, 9), confidence=0.5) for n in range(ROWS)]
        local.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
    return (
        Endpoint("local", settings={"root": str(tmp_path / "here")}),
        Endpoint("local", settings={"root": str(tmp_path / "there")}),
    )


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for Ray that runs its tasks here and now; the test of the real one is marked as such."""

    def remote(**options: Any) -> Any:
        return lambda function: SimpleNamespace(remote=function)

    stand_in = SimpleNamespace(
        is_initialized=lambda: False, init=lambda **options: None, shutdown=lambda: None, remote=remote, get=list
    )
    monkeypatch.setitem(sys.modules, "ray", stand_in)


def test_every_key_falls_to_one_shard() -> None:
    shards = [Shard(number, 3) for number in range(3)]

    for key in map(str, range(100)):
        assert sum(shard.has(key) for shard in shards) == 1


@pytest.mark.parametrize("engine", ["ray", "processes"])
def test_the_shards_together_move_everything_once(
    ends: tuple[Endpoint, Endpoint], tmp_path: Path, inline: None, engine: Any
) -> None:
    source, target = ends
    ledger = tmp_path / "plan.ledger"
    with source.open() as here, target.open() as there:
        migration = Migration(here, there, SCOPE)
        plan = migration.plan()

        applied = apply_sharded(source, target, plan, ledger=ledger, shards=2, engine=engine)

        assert {kind: dict(report.counts) for kind, report in applied.reports.items()} == {
            "items": {"created": ITEMS},
            "labels": {"created": ROWS},
            "predictions": {"created": ROWS},
        }
        assert migration.verify(plan).ok
    book = Ledger(ledger)
    assert book.counts()["labels"] == {State.CONFIRMED: ROWS}
    assert book.about("ended")
    book.close()
    assert len(list(tmp_path.glob("plan.ledger.shard-*-of-2"))) == 2


def test_done_again_nothing_is_doubled(ends: tuple[Endpoint, Endpoint], tmp_path: Path, inline: None) -> None:
    source, target = ends
    with source.open() as here, target.open() as there:
        migration = Migration(here, there, SCOPE)
        plan = migration.plan()
        for _ in range(2):
            apply_sharded(source, target, plan, ledger=tmp_path / "ledger", shards=3, engine="ray")
        assert migration.verify(plan).counts("labels") == {"same": ROWS}
    book = Ledger(tmp_path / "ledger")
    assert book.counts()["predictions"] == {State.CONFIRMED: ROWS}
    book.close()


def test_a_second_run_is_refused(ends: tuple[Endpoint, Endpoint], tmp_path: Path, inline: None) -> None:
    source, target = ends
    with source.open() as here, target.open() as there:
        plan = Migration(here, there, SCOPE).plan()

    with Ledger(tmp_path / "ledger").locked(), pytest.raises(Conflict, match="Another run is at"):
        apply_sharded(source, target, plan, ledger=tmp_path / "ledger", shards=2, engine="ray")


def test_rejected_rows_of_all_shards_are_in_the_merged_ledger(
    ends: tuple[Endpoint, Endpoint], tmp_path: Path, inline: None
) -> None:
    source, target = ends
    for gone in ("0.png", "5.png"):
        (tmp_path / gone).unlink()
    with source.open() as here, target.open() as there:
        plan = Migration(here, there, SCOPE).plan()

    applied = apply_sharded(source, target, plan, ledger=tmp_path / "ledger", shards=3, engine="ray")

    assert applied.reports["items"].counts == {"created": ITEMS - 2, "rejected": 2}
    from dragoman.migrate import letters

    book = Ledger(tmp_path / "ledger")
    assert {"0.png", "5.png"} <= {letter.key for letter in letters.of_ledger(book)}
    book.close()


def test_without_ray_the_reason_says_what_to_install(
    ends: tuple[Endpoint, Endpoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = ends
    monkeypatch.setitem(sys.modules, "ray", None)
    with source.open() as here, target.open() as there:
        plan = Migration(here, there, SCOPE).plan()

    with pytest.raises(Unsupported, match="Ray is not installed"):
        apply_sharded(source, target, plan, ledger=tmp_path / "ledger", shards=2, engine="ray")


def test_no_process_outlives_the_one_that_it_works_for(ends: tuple[Endpoint, Endpoint], tmp_path: Path) -> None:
    source, target = ends
    with source.open() as here, target.open() as there:
        Migration(here, there, SCOPE).plan().save(tmp_path / "plan.json")
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from dragoman.migrate import Plan\n"
        "from dragoman.migrate.shards import Endpoint, apply_sharded\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "def killed(self, *rest, **options):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "if __name__ == '__main__':\n"
        "    ProcessPoolExecutor.shutdown = killed\n"
        "    here, there, plan, ledger = sys.argv[1:]\n"
        "    ends = [Endpoint('local', settings={'root': root}) for root in (here, there)]\n"
        "    apply_sharded(*ends, Plan.load(Path(plan)), ledger=Path(ledger), shards=2)\n"
    )
    (tmp_path / "program.py").write_text(program)
    places = [str(tmp_path / name) for name in ("program.py", "here", "there", "plan.json", "ledger")]

    # It returns when nobody has the pipe any more: neither the process nor those that it started.
    done = subprocess.run([sys.executable, *places], capture_output=True, check=False, timeout=200)

    assert done.returncode == -signal.SIGKILL


class Deadly:
    """Ends the process into which it is sent."""

    def __reduce__(self) -> Any:
        return os._exit, (1,)


def test_a_process_that_dies_is_an_error_of_ours(tmp_path: Path) -> None:
    job = Job(Deadly(), Deadly(), "", tmp_path / "ledger", Shard(0, 1), None, None)  # type: ignore[arg-type]

    with pytest.raises(PlatformError, match="A process that carried a shard has died") as failed:
        _in_processes([job])
    assert "Apply again" in str(failed.value)
