"""Verification: both sides are read back and compared row by row.

Rows meet in a temporary SQLite file, so that memory does not grow with their number.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from dragoman.adapter import Adapter
from dragoman.fidelity import FidelityTable, Keeper, LossPolicy, Survival, restore
from dragoman.migrate.plan import Selection
from dragoman.progress import Progress
from dragoman.schema import Item, Label, Model

Verdict = Literal["missing", "extra", "changed", "lossy"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same on both sides. `lossy` rows lost what was declared, and nothing else."""

    kind: str
    verdict: Verdict
    key: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.verdict} {self.kind} {self.key}" + (f" {self.detail}" if self.detail else "")


@dataclass(slots=True)
class Verification:
    """The result: how many rows are the same, by kind, and what is not."""

    same: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything arrived; declared losses do not count against it."""
        return all(difference.verdict == "lossy" for difference in self.differences)

    def counts(self, kind: str) -> dict[str, int]:
        """Return the rows of one kind by verdict, `same` among them."""
        verdicts: Counter[str] = Counter(found.verdict for found in self.differences if found.kind == kind)
        return {"same": self.same[kind], **verdicts}


class Fact(NamedTuple):
    """What is compared of one row.

    Args:
        key: Its id or key.
        content: What should be there, as JSON; None if the row was left out as the policy says.
        lossy: Whether that is less than the source has.
        known: Whether the content can be told beforehand; where the platform itself rounds, it cannot.
    """

    key: str
    content: bytes | None
    lossy: bool = False
    known: bool = True


def verify(
    source: Adapter,
    target: Adapter,
    ours: Selection,
    theirs: Selection,
    *,
    on_loss: LossPolicy,
    media: bool,
    progress: Progress,
) -> Verification:
    """Compare what was selected on the source with its counterpart on the target."""
    assert ours.dataset is not None
    assert theirs.dataset is not None

    def both(kind: str, here: Iterable[Fact], there: Iterable[Fact]) -> None:
        here, there = track(here, f"verify {kind}: {source.name}"), track(there, f"verify {kind}: {target.name}")
        _compare(result, kind, here, there)

    track = progress.track
    result = Verification()
    read_here, read_there = source.datasets.read_items, target.datasets.read_items
    both("items", map(_item_fact, read_here(ours.dataset)), map(_item_fact, read_there(theirs.dataset)))
    if media:
        both("media", map(_media_fact, read_here(ours.dataset)), map(_media_fact, read_there(theirs.dataset)))
    labels = _expected(source.labels.read(ours.dataset), target.label_fidelity, on_loss)
    both("labels", labels, _row_facts(target.labels.read(theirs.dataset)))
    if ours.version is not None and theirs.version is not None:
        sent = source.predictions.read(ours.version, dataset=ours.dataset)
        arrived = target.predictions.read(theirs.version, dataset=theirs.dataset)
        both("predictions", _expected(sent, target.prediction_fidelity, on_loss), _row_facts(arrived))
    if ours.model is not None:
        both("model", [_model_fact(ours.model)], [_model_fact(theirs.model)] if theirs.model else [])
    return result


# -- what is compared -------------------------------------------------------------------------------------------------

_encode = msgspec.json.Encoder(order="sorted").encode


def _item_fact(item: Item) -> Fact:
    content = {name: getattr(item, name) for name in ("width", "height", "media", "split", "metadata")}
    return Fact(item.key, _encode(content))


def _media_fact(item: Item) -> Fact:
    """Digest the media itself. Where it cannot be read, the reason takes the digest's place and so is a difference."""
    uri = item.uri or ""
    try:
        if uri.startswith(("http://", "https://")):
            with urllib.request.urlopen(uri, timeout=60) as answer:
                digest = hashlib.file_digest(answer, "sha256").hexdigest()
        else:
            with Path(uri.removeprefix("file://")).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        digest = f"cannot be read from {uri!r}: {error}"
    return Fact(item.key, _encode({"sha256": digest}))


def _row_facts(rows: Iterable[Label]) -> Iterator[Fact]:
    return (Fact(row.id, _row_content(row)) for row in rows)


def _expected(rows: Iterable[Label], table: FidelityTable, on_loss: LossPolicy) -> Iterator[Fact]:
    """Yield what should be there of the source's rows, once they were written as the policy says."""
    # A plan whose losses were refused is compared with what comes closest.
    keeper = Keeper(table, "drop" if on_loss == "raise" else on_loss)
    for row in rows:
        kept = keeper.keep(row)
        if kept is None:
            yield Fact(row.id, None, lossy=True)
            continue
        rounded = any(
            loss.fidelity.survival is Survival.APPROXIMATE and loss.fidelity.to is None for loss in table.losses(row)
        )
        there = restore(kept)
        known = not rounded or on_loss == "store"
        yield Fact(row.id, _row_content(there), lossy=not known or there != row, known=known)


def _row_content(row: Label) -> bytes:
    """Provenance is left out: it says where a row came from, and that differs by nature."""
    return _encode(msgspec.structs.replace(row, provenance=None))


def _model_fact(model: Model) -> Fact:
    content = {name: getattr(model, name) for name in ("name", "task", "features", "description")}
    return Fact(model.key or model.id, _encode(content))


# -- comparing --------------------------------------------------------------------------------------------------------


def _compare(result: Verification, kind: str, here: Iterable[Fact], there: Iterable[Fact]) -> None:
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "meeting.db")) as meeting:
        for side, facts in (("here", here), ("there", there)):
            meeting.execute(f"create table {side} (key text, content blob, lossy integer, known integer)")
            meeting.executemany(f"insert into {side} values (?, ?, ?, ?)", facts)
            meeting.execute(f"create index by_key_{side} on {side} (key)")
        result.same[kind] = meeting.execute(_SAME).fetchone()[0]
        for verdict, key, ours, theirs in meeting.execute(_DIFFERENT):
            detail = _changes(ours, theirs) if verdict == "changed" else ""
            result.differences.append(Difference(kind, verdict, key, detail))


_SAME = """
select count(*) from here join there using (key) where not here.lossy and here.content = there.content
"""
_DIFFERENT = """
select 'lossy', key, null, null from here join there using (key)
    where here.lossy and (here.content = there.content or not here.known)
union all
select 'lossy', key, null, null from here where content is null and key not in (select key from there)
union all
select 'changed', key, here.content, there.content from here join there using (key)
    where here.content <> there.content and here.known
union all
select 'missing', key, null, null from here where content is not null and key not in (select key from there)
union all
select 'extra', key, null, null from there
    where key not in (select key from here where content is not null)
union all
select 'extra', key, null, null from there group by key
    having count(*) > 1 and count(*) > (select count(*) from here where here.key = there.key)
"""


def _changes(ours: bytes, theirs: bytes) -> str:
    """Name the fields that differ, with both values."""
    here: dict[str, Any] = msgspec.json.decode(ours)
    there: dict[str, Any] = msgspec.json.decode(theirs)
    fields = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    return "; ".join(f"{name}: {here.get(name)!r} became {there.get(name)!r}" for name in fields)
