"""Where the rows of both sides meet to be compared: a temporary SQLite file, so that memory does not grow with them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dragoman.errors import Unsupported
from dragoman.migrate.content import digest
from dragoman.migrate.differences import Difference, Example, Verification
from dragoman.migrate.expect import Expected, without
from dragoman.schema import AnyGeometry

_SEPARATOR = "\n"


class Fact(NamedTuple):
    """What is compared of one row.

    Args:
        key: Its id or key.
        expected: What should be there, on the source's side; what is there, on the target's.
        original: The source's own content of a row whose shape may have lost something.
    """

    key: str
    expected: Expected
    original: bytes | None = None


def compare(result: Verification, kind: str, here: Iterable[Fact], there: Iterable[Fact]) -> None:
    """Compare the rows of one kind and put what was found into the result."""
    with _meeting() as meeting:
        for side, facts in (("here", here), ("there", there)):
            meeting.executemany(f"insert into {side} values (?, ?, ?, ?, ?, ?, ?)", map(_record, facts))
            meeting.execute(f"create index by_key_{side} on {side} (key)")
        result.same[kind] = meeting.execute(_SAME).fetchone()[0]
        for row in meeting.execute(_MET):
            _judge(result, kind, *row)
        for verdict, key in meeting.execute(_APART):
            result.add(Difference(kind, verdict, key))


@contextmanager
def _meeting() -> Iterator[sqlite3.Connection]:
    with (
        tempfile.TemporaryDirectory(prefix="dragoman-") as folder,
        closing(sqlite3.connect(Path(folder) / "meeting.db", isolation_level=None)) as meeting,
    ):
        meeting.executescript("pragma journal_mode = off; pragma synchronous = off; begin;")
        for side in ("here", "there"):
            meeting.execute(
                f"create table {side} (key text, content blob, digest blob, lossy integer, loose text, what text, "
                "original blob)"
            )
        yield meeting


def _record(fact: Fact) -> tuple[Any, ...]:
    content, lossy, loose, what = fact.expected
    told = digest(content) if content is not None else None
    return (fact.key, content, told, lossy, _SEPARATOR.join(loose), _SEPARATOR.join(what), fact.original)


def _judge(
    result: Verification, kind: str, key: str, ours: bytes | None, theirs: bytes, loose: str, what: str, original: bytes
) -> None:
    """Say what became of a row that is on both sides and was not expected to be the same, or is not."""
    if ours is None:
        result.add(Difference(kind, "extra", key))
        return
    fields = tuple(filter(None, loose.split(_SEPARATOR)))
    if ours != theirs and without(ours, fields) != without(theirs, fields):
        result.add(Difference(kind, "changed", key, _changes(ours, theirs)))
        return
    overlap = _overlap(result, kind, key, original, theirs) if original is not None else None
    for name in filter(None, what.split(_SEPARATOR)):
        result.measure(kind, name, overlap if name.startswith("geometry") else None)
    result.add(Difference(kind, "lossy", key, "" if overlap is None else f"iou: {overlap:.4f}"))


class _Shape(msgspec.Struct):
    """What of a row's content its shape is read from."""

    item: str
    feature: str
    geometry: AnyGeometry
    frame: int | None = None


def _overlap(result: Verification, kind: str, key: str, original: bytes, theirs: bytes) -> float | None:
    """Measure how much of a row's shape is left; None where it has not changed or has no area."""
    before, after = (msgspec.json.decode(content, type=_Shape) for content in (original, theirs))
    if before.geometry == after.geometry:
        return None
    try:
        from dragoman.geometry import iou

        overlap = float(iou(before.geometry, after.geometry))
    except (Unsupported, ImportError):
        return None
    shapes = (before.geometry, after.geometry)
    result.show(Example(kind, key, before.item, before.feature, overlap, *shapes, frame=before.frame))
    return overlap


def _changes(ours: bytes, theirs: bytes) -> str:
    """Name the fields that differ, with both values."""
    here: dict[str, Any] = msgspec.json.decode(ours)
    there: dict[str, Any] = msgspec.json.decode(theirs)
    fields = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    return "; ".join(f"{name}: {here.get(name)!r} became {there.get(name)!r}" for name in fields)


_SAME = """
select count(*) from here join there using (key) where not here.lossy and here.digest = there.digest
"""
_MET = """
select key, here.content, there.content, here.loose, here.what, here.original from here join there using (key)
    where here.lossy or here.digest <> there.digest
"""
_APART = """
with missing as (
    select key, digest, row_number() over (partition by digest order by key) as place from here
        where content is not null and key not in (select key from there)
), extra as (
    select key, digest, row_number() over (partition by digest order by key) as place from there
        where key not in (select key from here)
), twins as (
    select missing.key as ours, extra.key as theirs from missing join extra using (digest, place)
)
select 'lossy', key from here where content is null and key not in (select key from there)
union all select 'twin', ours from twins
union all select 'missing', key from missing where key not in (select ours from twins)
union all select 'extra', key from extra where key not in (select theirs from twins)
union all
select 'extra', key from there group by key
    having count(*) > 1 and count(*) > (select count(*) from here where here.key = there.key)
    and key in (select key from here)
"""
