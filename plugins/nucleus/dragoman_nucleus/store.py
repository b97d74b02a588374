"""Where rows are: the annotations of a dataset, or the predictions of a run on it. Writing, looking up and reading.

`labels` and `predictions` say which routes these are; what is done with them is here, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import msgspec

from dragoman.errors import InvalidData
from dragoman.schema import IGNORED, Geometry, Label, Mask, RowResult, Whole
from dragoman_nucleus import jobs
from dragoman_nucleus.codec import STEPS, escape, row_out
from dragoman_nucleus.listing import scene_keys
from dragoman_nucleus.masks import Canvas, compose
from dragoman_nucleus.reading import canvas_of, rows_in
from dragoman_nucleus.receipts import REPLACED, Counts, compare, replaced, row_results
from dragoman_nucleus.sdk import File, NucleusAPIError
from dragoman_nucleus.wire import FoundMask, Groups, MaskRow, Upload, is_category

SYNCHRONOUS = 5000
"""Most rows of one synchronous upload, as in the SDK: Nucleus gives up after about a minute."""
CHUNK_ROWS = 500
"""Rows that are translated and encoded in one go, in memory that is used again for the next: their bytes are fewer than
the C library asks the system for anew each time (128 KiB), whose pages cost more than the encoding."""
CHUNK_BYTES = 32 << 20
"""Size at which a file of rows is sent and the next is begun."""
FILES_PER_REQUEST = 10
"""Hard limit of the SDK for files in one form."""
SINGLY = 20
"""Most items that are looked up one by one; for more, all rows are read."""
UNSAFE = frozenset("/?#")
"""Characters of a key that the SDK does not escape in the routes of predictions, so that Nucleus never saw them."""

_encoder = msgspec.json.Encoder()


class Store(ABC):
    """Rows of one kind on a dataset.

    Args:
        adapter: The connected adapter.
        dataset: Id of the dataset.
    """

    noun: str
    """What Nucleus calls a row in its answers."""
    kind: type[Label]
    """What a row is here."""
    upload: str
    """Route of uploads."""

    def __init__(self, adapter: Any, dataset: str) -> None:
        self.adapter = adapter
        self.dataset = dataset
        self.connection = adapter.client.connection
        self._sent = False

    @abstractmethod
    def on_item(self, key: str) -> Groups:
        """Return the rows on one item; `NucleusAPIError` says that there is no such item."""

    @abstractmethod
    def everything(self) -> Iterator[tuple[str | None, Groups]]:
        """Yield all rows: under the key of their item, or under None where each names its own."""

    # -- writing -------------------------------------------------------------------------------------------------------

    def write(self, rows: Sequence[Label], *, update: bool) -> list[RowResult]:
        """Write a batch and return one result per row: few rows at once, many through a job, masks item by item."""
        with jobs.under_way(lambda: self._sent):
            return self._write(rows, update=update)

    def _write(self, rows: Sequence[Label], *, update: bool) -> list[RowResult]:
        kinds = {type(row.geometry) for row in rows}
        if Whole in kinds:
            self.adapter.taxonomies.admit(self.dataset, rows)
            if update and (doomed := replaced(rows)):
                kept = [place for place in range(len(rows)) if place not in doomed]
                results = dict(zip(kept, self._write([rows[place] for place in kept], update=update), strict=True))
                return [results.get(place, REPLACED) for place in range(len(rows))]
            written = self._write_kinds(rows, kinds, update)
            return written if update else self._left_alone(rows, written)
        return self._write_kinds(rows, kinds, update)

    def _write_kinds(self, rows: Sequence[Label], kinds: Set[type[Geometry]], update: bool) -> list[RowResult]:
        if Mask not in kinds:
            return self._write_plain(rows, update)
        results: dict[int, RowResult] = {}
        masks = [place for place, row in enumerate(rows) if type(row.geometry) is Mask]
        apart = set(masks)
        plain = [place for place in range(len(rows)) if place not in apart]
        if plain:
            results |= zip(plain, self._write_plain([rows[place] for place in plain], update), strict=True)
        results |= zip(masks, self._write_masks([rows[place] for place in masks], update), strict=True)
        return [results[place] for place in range(len(rows))]

    def _write_plain(self, rows: Sequence[Label], update: bool) -> list[RowResult]:
        if len(rows) > SYNCHRONOUS:
            return self._write_by_job(rows, update)
        answer = self.connection.make_request(Upload(update, [row_out(row) for row in rows]), self.upload)
        self._sent = True
        return row_results(rows, Counts.of_answer(answer, self.noun), update=update, name=_name)

    def _write_by_job(self, rows: Sequence[Label], update: bool) -> list[RowResult]:
        client = self.adapter.client
        sent = [
            (part, jobs.send_rows(client, self.dataset, self.upload, content, update=update))
            for part, content in _files(rows)
        ]
        self._sent = True
        messages = jobs.followed(self.adapter, [job for _, job in sent])
        results: list[RowResult] = []
        for part, job in sent:
            counts = Counts.of_job(messages[job], jobs.errors(client, job), self.noun)
            results += row_results(part, counts, update=update, name=_name)
        return results

    def _write_masks(self, rows: Sequence[Label], update: bool) -> list[RowResult]:
        """Paint masks into the images of their items, and send those that change. The last writer of an item wins."""
        by_item: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            by_item.setdefault(row.item, []).append(place)
        results: dict[int, RowResult] = {}
        changed: list[tuple[str, Canvas]] = []
        for key, there in self.masks_on(by_item):
            places = by_item[key]
            canvas, outcomes = self._painted(key, there, [rows[place] for place in places], update)
            results |= zip(places, outcomes, strict=True)
            if canvas is not None:
                changed.append((key, canvas))
            if len(changed) == FILES_PER_REQUEST:
                self._send_masks(changed)
                changed = []
        if changed:
            self._send_masks(changed)
        return [results[place] for place in range(len(rows))]

    def masks_on(self, keys: Iterable[str]) -> Iterator[tuple[str, Sequence[FoundMask] | None]]:
        """Yield each of some items with its masks, or None for an item that is not there."""
        for key in keys:
            # Of a key that is a step in an address nothing can be asked.
            groups = None if key in STEPS else self._there(key)
            yield key, None if groups is None else groups.masks()

    def _painted(
        self, key: str, masks: Sequence[FoundMask] | None, rows: Sequence[Label], update: bool
    ) -> tuple[Canvas | None, list[RowResult]]:
        if masks is None:
            return None, [RowResult("rejected", reason=f"There is no item {key!r}.")] * len(rows)
        return compose(canvas_of(self.connection, masks), rows, update=update)

    def _send_masks(self, canvases: Sequence[tuple[str, Canvas]]) -> None:
        files = [File(f"mask_{number}.png", canvas.png()) for number, (_, canvas) in enumerate(canvases)]
        masks = [
            MaskRow(file.name, list(canvas.segments.values()), key, "dragoman")
            for file, (key, canvas) in zip(files, canvases, strict=True)
        ]
        # What was there is in the new images, so they replace the old ones whatever the caller's `update` is.
        form = {"segmentations": masks, "update": True}
        answer = self.connection.upload_files(self.upload, "serialized_request", form, "mask", files)
        self._sent = True
        counts = Counts.of_answer(answer, self.noun)
        if counts.errored or counts.processed != len(masks):
            raise InvalidData(f"Nucleus took {counts.processed} of {len(masks)} masks: {list(counts.errors)}")

    # -- looking up and reading ----------------------------------------------------------------------------------------

    def find(self, rows: Sequence[Label]) -> list[RowResult | None]:
        """Look rows up; see `dragoman.calls.bulk`."""
        found = (row for key, groups in self._on({row.item: None for row in rows}) for row in self.rows(groups, key))
        return compare(rows, {(row.item, row.id): row for row in found})

    def _on(self, keys: Mapping[str, None]) -> Iterator[tuple[str | None, Groups]]:
        """Yield the rows on some items, as `everything` does; an item that is not there has none."""
        if len(keys) > SINGLY or any(map(UNSAFE.intersection, keys)):
            yield from self._among(keys.keys())
            return
        for key in keys:
            if (groups := self._there(key)) is not None:
                yield key, groups

    def _there(self, key: str) -> Groups | None:
        try:
            return self.on_item(key)
        except NucleusAPIError as error:
            if error.status_code != HTTPStatus.NOT_FOUND:
                raise
            return None

    def _among(self, keys: Set[str]) -> Iterator[tuple[str | None, Groups]]:
        for key, groups in self.everything():
            if key is None:
                yield key, groups.where(lambda row: row.reference_id in keys)
            elif key in keys:
                yield key, groups

    def _left_alone(self, rows: Sequence[Label], results: list[RowResult]) -> list[RowResult]:
        """Reject the classifications that were ignored because another has their place: Nucleus calls that the same."""
        places = [place for place, row in enumerate(rows) if results[place] is IGNORED and type(row.geometry) is Whole]
        if not places:
            return results
        sent = [rows[place] for place in places]
        stored: dict[tuple[str, str], Label] = {}
        for key, groups in self._on({row.item: None for row in sent}):
            # Another's row that cannot be read must not cost those that were sent their outcomes.
            with suppress(InvalidData):
                stored |= {(row.item, row.id): row for row in self.rows(groups.where(is_category), key)}
        looked_up = zip(places, compare(sent, stored), strict=True)
        rejected = {place: result for place, result in looked_up if result and result.status == "rejected"}
        return [rejected.get(place, result) for place, result in enumerate(results)]

    def of(self, key: str) -> list[Label]:
        """Return the rows on one item."""
        return list(self.rows(self.on_item(key), key))

    def all(self, keys: Set[str] | None = None) -> Iterator[Label]:
        """Yield all rows, or those on the items whose keys are given."""
        for key, groups in self.everything() if keys is None else self._among(keys):
            yield from self.rows(groups, key)

    def check(self, key: str) -> None:
        """Make sure that the dataset has an item, or a scene; `NucleusAPIError` says that it has not."""
        try:
            self.connection.read(msgspec.Raw, f"dataset/{self.dataset}/refloc/{escape(key)}")
        except NucleusAPIError as error:
            if error.status_code != HTTPStatus.NOT_FOUND or key not in scene_keys(self.adapter.client, self.dataset):
                raise

    def rows(self, groups: Groups, key: str | None) -> Iterator[Label]:
        """Yield the rows of an answer; `key` names their item where they do not."""
        return rows_in(self.connection, self.kind, groups, key)


def _name(row: Label) -> tuple[str, str]:
    return row.item, row.id


def _files(rows: Sequence[Label]) -> Iterator[tuple[Sequence[Label], bytearray]]:
    """Cut rows into files of NDJSON of about `CHUNK_BYTES`, so that memory stays bounded whatever a row holds."""
    begin, content = 0, bytearray()
    for start in range(0, len(rows), CHUNK_ROWS):
        end = start + CHUNK_ROWS
        content += _encoder.encode_lines([row_out(row) for row in rows[start:end]])
        if len(content) >= CHUNK_BYTES or end >= len(rows):
            yield rows[begin:end], content
            begin, content = end, bytearray()
