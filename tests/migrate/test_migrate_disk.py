"""A ledger on a disk that is full, or where none can be: an error of ours, and the next run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from moving import LABELS

from dragoman import InvalidData, Migration, PlatformError
from dragoman.migrate import Ledger


def test_a_full_disk_stops_a_run_and_the_next_goes_on(migration: Migration, tmp_path: Path) -> None:
    plan = migration.plan()
    book = Ledger(tmp_path / "ledger")
    (pages,) = book._database.execute("pragma page_count").fetchone()
    book._database.execute(f"pragma max_page_count = {pages}")

    with pytest.raises(PlatformError, match="cannot be written: database or disk is full") as stopped:
        book.note("filler", "x" * 100_000)
    assert "goes on from there" in str(stopped.value)
    with pytest.raises(PlatformError, match="disk is full"):
        book.plan("labels", [str(number) * 50 for number in range(LABELS * 1000)])

    book._database.execute("pragma max_page_count = 1000000")
    assert migration.apply(plan, ledger=book).ok
    assert migration.verify(plan).ok
    book.close()


@pytest.mark.parametrize("place", ["", "file/ledger", "x" * 300])
def test_a_ledger_where_none_can_be_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(InvalidData, match=r"The ledger .* cannot be opened: "):
        Ledger(tmp_path / place)


def test_a_ledger_beside_which_no_lock_can_be_is_refused(migration: Migration, tmp_path: Path) -> None:
    (tmp_path / "ledger.lock").mkdir()

    with pytest.raises(InvalidData, match="cannot be locked"):
        migration.apply(migration.plan(), ledger=tmp_path / "ledger")
