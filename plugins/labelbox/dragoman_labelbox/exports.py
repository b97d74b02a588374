"""Exports: made and waited for by task, read chunk by chunk; one line per data row.

A page of a listing is one chunk of an export; its cursor names the task, the byte that comes next, and what was left of
a line that the chunk cut. Nothing is spooled, and a page that failed can be asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import msgspec

from dragoman.calls.pipeline import Page
from dragoman.errors import NotFound, PlatformError
from dragoman.schema import Label, Mask, Prediction
from dragoman_labelbox import queries
from dragoman_labelbox.codec import label_in, label_of, prediction_in, prediction_of, whole_in
from dragoman_labelbox.jobs import Waiter
from dragoman_labelbox.keys import Keys
from dragoman_labelbox.masks import mask_in, pixels_of
from dragoman_labelbox.sdk import ExportTask, session_of
from dragoman_labelbox.shapes import Masks
from dragoman_labelbox.tracks import video_in
from dragoman_labelbox.wire import Drawn, Labelled, Line

Json = dict[str, Any]

FILTER_IDS = 2000
"""Most ids in a filter of an export, by the SDK."""
_LINE = msgspec.json.Decoder(Line)
MASK = b'mask"'
"""How the key of a mask ends in a line."""

R = TypeVar("R")


class Cursor(msgspec.Struct, array_like=True):
    """Where the next chunk of an export begins."""

    task: str
    offset: int
    size: int
    rest: bytes = b""


class Part(NamedTuple):
    """The lines of a chunk, whether there may be masks in them, and the cursor of the next one if there is one."""

    lines: list[bytes | memoryview]
    masks: bool
    after: str | None


class Exporter:
    """Reads exports on behalf of one adapter.

    Args:
        adapter: The adapter.
        start: Makes the export with the SDK and returns its `ExportTask`.
        what: Its name, for errors.
    """

    def __init__(self, adapter: Any, start: Callable[[], ExportTask], what: str) -> None:
        self._adapter = adapter
        self._start = start
        self._what = what

    def lines(self, cursor: str | None) -> Page[Line]:
        """Return the lines of the next chunk."""
        part = self._next(cursor)
        return Page(list(map(_LINE.decode, part.lines)), part.after)

    def rows(self, cursor: str | None, rows_of: Callable[[Line], Iterable[R]]) -> Page[R]:
        """Return the rows of the next chunk, each made when it is asked for, so that none has left the caches by then.

        Masks have to be fetched, which belongs to this call: a chunk that has any is read as a whole.

        Args:
            cursor: Where the chunk begins.
            rows_of: Returns the rows of a line.
        """
        part = self._next(cursor)
        rows = chain.from_iterable(map(rows_of, map(_LINE.decode, part.lines)))
        return Page(list(rows) if part.masks else rows, part.after)

    def _next(self, cursor: str | None) -> Part:
        """Return the lines of the next chunk as they come, and the cursor of the chunk after it."""
        here = self._begun() if cursor is None else msgspec.json.decode(cursor, type=Cursor)
        content, offset = self._chunk(here) if here.offset < here.size else (b"", here.size)
        lines, rest = _lines_in(content, here.rest)
        # A key may have begun in what was left over.
        masks = MASK in content or MASK in here.rest + content[: len(MASK)]
        if offset < here.size:
            return Part(lines, masks, msgspec.json.encode(Cursor(here.task, offset, here.size, rest)).decode())
        return Part([line for line in (*lines, rest) if line], masks, None)

    def page(self, cursor: str | None, size: int) -> Page[Line]:
        """Return the lines of the next chunk, as the core asks for pages; Labelbox decides how much one holds."""
        return self.lines(cursor)

    def all(self) -> Iterator[Line]:
        """Yield all lines."""
        cursor: str | None = None
        while True:
            page = self.lines(cursor)
            yield from page.items
            if page.next is None:
                return
            cursor = page.next

    def address(self) -> str | None:
        """Return where the export can be fetched as one file; None if it is empty.

        Labelbox keeps large exports in several files. Those are fetched and uploaded as one.
        """
        here = self._begun()
        if not here.size:
            return None
        content, offset = self._chunk(here)
        if offset >= here.size:
            return str(self._file(here)["file"])
        parts = [content]
        while offset < here.size:
            content, offset = self._chunk(Cursor(here.task, offset, here.size))
            parts.append(content)
        name, kind = "export.ndjson", "application/x-ndjson"
        return str(self._adapter.client.upload_data(b"".join(parts), filename=name, content_type=kind))

    def _begun(self) -> Cursor:
        task = Waiter(self._adapter).task(self._start()._task, self._what)
        variables = {"where": {"id": task.uid}, "streamType": "RESULT"}
        header = self._adapter.client.execute(queries.EXPORT_HEADER, variables)["task"]["exportMetadataHeader"]
        # An empty export has no header.
        return Cursor(task.uid, 0, int(header["totalSize"]) if header else 0)

    def _chunk(self, here: Cursor) -> tuple[bytes, int]:
        """Return the bytes from an offset on as far as the file goes that holds it, and the offset after it."""
        found = self._file(here)
        start, end = int(found["offsets"]["start"]), int(found["offsets"]["end"])
        content = self._adapter.files.fetch(found["file"])
        if len(content) != end - start + 1:
            raise PlatformError(
                f"A file of Labelbox's {self._what} has {len(content)} bytes instead of {end - start + 1}."
            )
        return content[here.offset - start :], end + 1

    def _file(self, here: Cursor) -> Json:
        """Return what Labelbox says of the file that holds an offset."""
        variables = {"where": {"id": here.task}, "streamType": "RESULT", "offset": str(here.offset)}
        found: Json | None = self._adapter.client.execute(queries.EXPORT_FILE, variables)["task"][
            "exportFileFromOffset"
        ]
        if found is None:
            raise PlatformError(f"Labelbox's {self._what} {here.task} has no file at byte {here.offset}.")
        return found


def _lines_in(content: bytes, before: bytes) -> tuple[list[bytes | memoryview], bytes]:
    """Return the lines that end in a content, without copying them, and what is left of one that goes on.

    Args:
        content: The bytes.
        before: How its first line began.
    """
    lines: list[bytes | memoryview] = []
    whole, start = memoryview(content), 0
    while (end := content.find(b"\n", start)) >= 0:
        lines.append(whole[start:end])
        start = end + 1
    if before and lines:
        lines[0] = before + bytes(lines[0])
        before = b""
    return lines, before + content[start:]


def of_run(adapter: Any, version: str, *, predictions: bool = False) -> Exporter:
    """Return an export of a run, whose lines say in which dataset a data row is."""
    params = {"predictions": predictions, "data_row_details": True}

    def begin() -> ExportTask:
        return adapter.client.get_model_run(version).export(params=params)

    return Exporter(adapter, begin, "export of a run")


class Images:
    """Fetches masks, each image once: many annotations share one. Images of the platform's own need the key."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self._images: dict[str, Any] = {}

    def __call__(self, drawn: Drawn) -> Mask:
        """Return the mask of an exported annotation."""
        if drawn.url not in self._images:
            # One image is in use at a time: annotations come in the order of their items.
            self._images = {drawn.url: pixels_of(self._fetch(drawn.url))}
        return mask_in(self._images[drawn.url], drawn.color_rgb)

    def _fetch(self, url: str) -> bytes:
        settings, client = self._adapter.settings, self._adapter.client
        if not url.startswith(settings.rest_endpoint):
            fetched: bytes = self._adapter.files.fetch(url)
            return fetched
        answer = session_of(client).get(url, timeout=settings.timeout)
        answer.raise_for_status()
        content: bytes = answer.content
        return content


def key_of(line: Line, keys: Keys) -> str:
    """Return the key of the item that a line is about."""
    row = line.data_row
    return keys.read(row.global_key, row.external_id, row.id)


def labels_of(item: str, label: Labelled, masks: Masks) -> Iterator[Label]:
    """Yield the rows of one exported label."""
    annotations = label.annotations
    if annotations.frames is not None:
        yield from map(label_of, video_in(item, annotations, masks))
        return
    for shown in annotations.objects or ():
        yield label_in(shown, item, masks)
    for answered in annotations.classifications or ():
        yield label_of(whole_in(answered, {"item": item}))


def predictions_of(item: str, label: Labelled, masks: Masks) -> Iterator[Prediction]:
    """Yield the rows of the predictions of a run on one data row."""
    annotations = label.annotations
    if annotations.frames is not None:
        yield from map(prediction_of, video_in(item, annotations, masks))
        return
    for shown in annotations.objects or ():
        yield prediction_in(shown, item, masks)
    for answered in annotations.classifications or ():
        yield prediction_of(whole_in(answered, {"item": item}))


def labels_in(line: Line, projects: Iterable[str] | None, keys: Keys, masks: Masks) -> Iterator[Label]:
    """Yield the labels of a line in some projects; in all if None."""
    item = key_of(line, keys)
    for project, held in line.projects.items():
        if projects is None or project in projects:
            for label in held.labels:
                yield from labels_of(item, label, masks)


def labels_of_run(line: Line, run: str, keys: Keys, masks: Masks) -> Iterator[Label]:
    """Yield the labels of a line that a run keeps."""
    item = key_of(line, keys)
    for model in line.experiments.values():
        for label in (model.runs[run].labels if run in model.runs else None) or ():
            yield from labels_of(item, label, masks)


def predictions_in(line: Line, run: str, keys: Keys, masks: Masks) -> Iterator[Prediction]:
    """Yield the predictions of a line in a run."""
    return predictions_on(key_of(line, keys), line, run, masks)


def predictions_on(item: str, line: Line, run: str, masks: Masks) -> Iterator[Prediction]:
    """Yield the predictions of a line in a run, on an item whose key is known."""
    for model in line.experiments.values():
        held = model.runs.get(run)
        for label in (held.predictions if held is not None else None) or ():
            yield from predictions_of(item, label, masks)


def chosen_lines(adapter: Any, dataset: str, items: Sequence[str], params: dict[str, Any]) -> list[Line]:
    """Return the lines of an export of some items of a dataset.

    Raises:
        NotFound: The dataset has no item of one of the keys.
    """
    if not items:
        return []
    keys = adapter.keys(dataset)
    filters = {"global_keys": [keys.out(item) for item in items]}
    found = adapter.client.get_dataset(dataset)
    lines = list(Exporter(adapter, lambda: found.export(filters=filters, params=params), "export of items").all())
    there = {key_of(line, keys) for line in lines}
    for item in items:
        if item not in there:
            raise NotFound(f"The dataset has no item {item!r}.")
    return lines
