"""Label rows on the wire: which there are, reading them by pages, and writing rows of ours into them.

A save replaces a label row as a whole and the last writer wins, so a row is read right before it is changed, and not
saved if somebody else has edited it since. Labels and predictions are both kept this way, on branches of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, TypeVar

from encord.common.time_parser import parse_datetime
from encord.exceptions import ResourceExistsError

from dragoman.calls.pipeline import Page
from dragoman.errors import Conflict, NotFound, PlatformError
from dragoman.schema import Label, RowResult
from dragoman_encord.codec import Sheet
from dragoman_encord.places import Place
from dragoman_encord.projects import KINDS

T = TypeVar("T", bound=Label)
MAIN = "main"
"""The branch of the ground truth."""
PER_REQUEST = 500
"""Most label rows of one request; Encord's own limit is a thousand."""
CHANGED = RowResult(
    "rejected", reason="Somebody changed the labels of this item while they were being written; send the row again."
)
FOUND = RowResult("created", reason="Found by look-up: Encord holds a row of that id.")


class LabelRows:
    """The label rows of one dataset on one branch of its project.

    Args:
        adapter: The backend.
        dataset: The dataset's id.
        branch: The branch's name.
    """

    def __init__(self, adapter: Any, dataset: str, branch: str) -> None:
        self._adapter = adapter
        self._dataset = dataset
        self._branch = branch
        self._project: str = adapter.projects.of(dataset)
        self._client = adapter.client.project(self._project)

    # -- reading ------------------------------------------------------------------------------------------------------

    def page(
        self, items: Sequence[str] | None, cursor: str | None, size: int, rows_of: Callable[[Sheet], Iterator[T]]
    ) -> Page[T]:
        """Return the rows of some label rows; `size` counts label rows."""
        places = self._chosen(items, fresh=cursor is None)
        start = _after(cursor, places)
        part = places[start : start + min(size, PER_REQUEST)]
        # Decoded here, so that a broken row fails the call it came with.
        found = [row for sheet in self._sheets(part) for row in rows_of(sheet)]
        # Named and not counted: rows that are labelled while these are read shift nothing.
        return Page(found, part[-1].data_hash if start + len(part) < len(places) else None)

    def _chosen(self, items: Sequence[str] | None, *, fresh: bool) -> list[Place]:
        places = self._places(fresh=fresh)
        if items is None:
            return [place for place in places.values() if place.label_hash is not None]
        if unknown := [key for key in items if key not in places]:
            raise NotFound(f"Dataset {self._dataset} has no item {unknown[0]!r}.")
        return [places[key] for key in dict.fromkeys(items) if places[key].label_hash is not None]

    def _places(self, *, fresh: bool) -> dict[str, Place]:
        """Return all data by key, as last listed: Encord has one answer for them, too long to ask for every page."""
        held: dict[tuple[str, str], dict[str, Place]] = self._adapter.listings
        place = (self._dataset, self._branch)
        if fresh or place not in held:
            held[place] = self._adapter.projects.places(self._project, self._dataset, self._branch)
        return held[place]

    def _sheets(self, places: Sequence[Place]) -> Iterator[Sheet]:
        if not places:
            return
        structure = self._adapter.projects.structure(self._project)
        contents = self._read([place.label_hash or "" for place in places])
        for place in places:
            content = contents.get(place.label_hash or "")
            if content is None:
                raise PlatformError(f"Encord left out the label row of {place.key!r}.")
            if place.kind not in KINDS:
                raise PlatformError(f"{place.key!r} is {place.kind}; its labels are not read yet.")
            yield Sheet(content, place, structure)

    def _read(self, hashes: list[str]) -> dict[str, Any]:
        found = self._client.get_label_rows(hashes, get_signed_url=False) if hashes else []
        return {row["label_hash"]: row for row in found}

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, rows: Sequence[Label], *, update: bool) -> list[RowResult]:
        """Put rows into their label rows and save those; return one result per row."""
        places = self._places(fresh=False)
        if any(row.item not in places for row in rows):
            places = self._places(fresh=True)
        results: dict[int, RowResult] = {}
        by_item: dict[str, list[int]] = {}
        for position, row in enumerate(rows):
            if row.item in places:
                by_item.setdefault(row.item, []).append(position)
            else:
                results[position] = RowResult("rejected", reason=f"The dataset has no item {row.item!r}.")
        keys = list(by_item)
        for start in range(0, len(keys), PER_REQUEST):
            part = keys[start : start + PER_REQUEST]
            self._write_part(rows, {key: by_item[key] for key in part}, results, update=update)
        return [results[position] for position in range(len(rows))]

    def _write_part(
        self, rows: Sequence[Label], by_item: dict[str, list[int]], results: dict[int, RowResult], *, update: bool
    ) -> None:
        mine = [rows[position] for positions in by_item.values() for position in positions]
        structure = self._adapter.projects.structure_for(self._project, mine)
        now = _stamp(self._adapter.now())
        changed: dict[str, Sheet] = {}
        for place, content in self._opened(list(by_item)):
            sheet = Sheet(content, place, structure, now)
            for position in by_item[place.key]:
                results[position] = sheet.put(rows[position], update=update)
                if results[position].status in ("created", "updated"):
                    changed[place.key] = sheet
        for key in self._save(changed):
            for position in by_item[key]:
                if results[position].status in ("created", "updated"):
                    results[position] = CHANGED

    def _opened(self, keys: list[str]) -> list[tuple[Place, Any]]:
        """Return the label rows of items, and make those that are not there yet."""
        made = self._made(keys)
        places = self._places(fresh=False)
        there = [places[key] for key in keys if places[key].data_hash not in made]
        contents = self._read([place.label_hash or "" for place in there])
        opened = []
        for key in keys:
            place = places[key]
            content = made.get(place.data_hash) or contents.get(place.label_hash or "")
            if content is None:
                raise PlatformError(f"Encord made or left out the label row of {key!r}.")
            opened.append((place, content))
        return opened

    def _made(self, keys: list[str]) -> dict[str, Any]:
        """Make the label rows of items that have none, and return them by the hash of their data."""
        new = self._without_row(keys, fresh=False)
        try:
            return self._create(new)
        except ResourceExistsError:
            # An earlier answer was lost, or somebody else was faster: what is there now is read like the others.
            left = self._without_row(keys, fresh=True)
            if left == new:
                raise
            return self._create(left)

    def _without_row(self, keys: list[str], *, fresh: bool) -> list[str]:
        places = self._places(fresh=fresh)
        return [places[key].data_hash for key in keys if places[key].label_hash is None]

    def _create(self, hashes: list[str]) -> dict[str, Any]:
        if not hashes:
            return {}
        made = {row["data_hash"]: row for row in self._client.create_label_rows(hashes, branch_name=self._branch)}
        places = self._places(fresh=False)
        for key, place in places.items():
            if row := made.get(place.data_hash):
                places[key] = replace(place, label_hash=row["label_hash"])
        return made

    def _save(self, sheets: dict[str, Sheet]) -> list[str]:
        """Save label rows; return the keys of those that somebody else has edited since they were read."""
        contents = {key: sheet.content() for key, sheet in sheets.items()}
        stale = self._edited(contents)
        kept = [content for key, content in contents.items() if key not in stale]
        if kept:
            self._client.save_label_rows([content["label_hash"] for content in kept], kept)
        return stale

    def _edited(self, contents: dict[str, Any]) -> list[str]:
        hashes = [content["label_hash"] for content in contents.values()]
        if not hashes:
            return []
        listed = self._adapter.projects.places(self._project, self._dataset, self._branch, labels=hashes)
        since = {place.label_hash: place.edited for place in listed.values()}
        return [key for key, row in contents.items() if _later(since.get(row["label_hash"]), row["last_edited_at"])]

    def find(self, rows: Sequence[Label]) -> list[RowResult | None]:
        """Return what became of rows: found, or None."""
        places = self._places(fresh=True)
        keys = dict.fromkeys(row.item for row in rows if row.item in places)
        there = [places[key] for key in keys if places[key].label_hash is not None]
        held: dict[str, Sheet] = {}
        for start in range(0, len(there), PER_REQUEST):
            part = there[start : start + PER_REQUEST]
            held |= {place.key: sheet for place, sheet in zip(part, self._sheets(part), strict=True)}
        return [FOUND if row.item in held and held[row.item].holds(row.id) else None for row in rows]

    def discard(self, ids: Iterable[str] | None) -> None:
        """Take rows out of all label rows; all of them if no ids are given.

        Raises:
            Conflict: Somebody edited a label row meanwhile; the others have been saved.
        """
        chosen = None if ids is None else set(ids)
        places = self._chosen(None, fresh=True)
        for start in range(0, len(places), PER_REQUEST):
            part = places[start : start + PER_REQUEST]
            changed: dict[str, Sheet] = {}
            for place, sheet in zip(part, self._sheets(part), strict=True):
                if chosen is None or any(sheet.holds(row_id) for row_id in chosen):
                    sheet.discard(chosen)
                    changed[place.key] = sheet
            if stale := self._save(changed):
                raise Conflict(f"Somebody changed the labels of {stale[0]!r} meanwhile.", hint="Delete again.")

    def labelled(self) -> list[Place]:
        """Return the data that has a label row on this branch."""
        return self._chosen(None, fresh=True)


def _after(cursor: str | None, places: Sequence[Place]) -> int:
    """Return where the page after the one that ended with the cursor begins."""
    if cursor is None:
        return 0
    for position, place in enumerate(places):
        if place.data_hash == cursor:
            return position + 1
    raise Conflict(f"The data {cursor} has gone while the labels were read.", hint="Read again.")


def _stamp(moment: datetime) -> str:
    """Return a time as Encord has it in label rows, such as `Fri, 02 Jan 2026 03:04:05 UTC`."""
    return format_datetime(moment.astimezone(UTC)).replace("+0000", "UTC")


def _later(now: datetime | None, then: str) -> bool:
    """Return whether a row was edited after the time that its content says, as far as that time is precise."""
    if now is None:
        return False
    before = parse_datetime(then)
    precise = now if before.microsecond else now.replace(microsecond=0)
    return precise > before
