"""Imports of annotations: sent once, found again by name, waited for, and read row by row.

An import's name is a digest of its content, so that one whose answer was lost is found instead of repeated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import msgspec

from dragoman.errors import InvalidData, PlatformError
from dragoman.schema import IGNORED, RowResult
from dragoman_labelbox.jobs import Waiter
from dragoman_labelbox.sdk import SENDERS, AnnotationImportState, exceptions
from dragoman_labelbox.wire import BareBox, ImportRow

_encoder = msgspec.json.Encoder()
CREATED = RowResult("created")
UNCLEAR = RowResult("unknown", reason="Labelbox's import does not say what became of this row.")


class Failure(msgspec.Struct, gc=False):
    """One entry of a row's errors."""

    name: str = ""
    message: str = ""


class Status(msgspec.Struct, gc=False):
    """One row of a status file."""

    uuid: str | None = None
    status: str = ""
    errors: tuple[Failure, ...] = ()


Said = tuple[list[str | None], list[RowResult]]
"""The uuids of rows, and what became of each: two lists, which cost less than a list of pairs."""

_STATUS = msgspec.json.Decoder(Status)

PIECE = 200
"""Rows that are encoded in one go: what they are made of is gone before the processor's caches are full of it."""


class Lines:
    """The rows of an import, as NDJSON, and for which of our rows each of them stands."""

    def __init__(self) -> None:
        self.uuids: list[str] = []
        self.owners: list[Sequence[int]] = []
        """Positions of our rows, for each row of the import."""
        self.metrics: dict[str, str] = {}
        """Names of metrics, by the uuid of the row that is one."""
        self._pending: list[ImportRow | BareBox] = []
        self._encoded: list[bytes] = []

    def extend(self, rows: Sequence[BareBox], positions: Sequence[int]) -> None:
        """Add as many rows of an import as we have at some positions, in their order."""
        self._encode()
        self.uuids += [row.uuid for row in rows]
        self.owners += zip(positions)
        self._encoded.append(_encoder.encode_lines(rows))

    def add(self, row: ImportRow | BareBox, positions: Sequence[int], metrics: Sequence[ImportRow] = ()) -> None:
        """Add a row of an import that our rows at some positions are, and their metrics after it."""
        self.uuids.append(row.uuid)
        self.owners.append(positions)
        self._pending.append(row)
        for metric in metrics:
            self.metrics[metric.uuid] = metric.metricName or ""
            self.add(metric, positions)
        if len(self._pending) >= PIECE:
            self._encode()

    def content(self) -> bytes:
        """Return all of them, one a line."""
        self._encode()
        return b"".join(self._encoded)

    def _encode(self) -> None:
        self._encoded.append(_encoder.encode_lines(self._pending))
        self._pending.clear()


class Importer:
    """Sends imports of one kind on behalf of one adapter.

    Args:
        adapter: The adapter.
        kind: The SDK's class: `MEAPredictionImport`, `LabelImport` or `MALPredictionImport`.
        parent: Id of the run or project.
    """

    def __init__(self, adapter: Any, kind: Any, parent: str) -> None:
        self._adapter = adapter
        self._kind = kind
        self._parent = parent

    def send(self, lines: Lines, *, anew: bool = False) -> list[RowResult]:
        """Import rows and return what became of each, in order; `IGNORED` if an earlier call has imported them.

        Args:
            lines: The rows.
            anew: Import them again even if an earlier call did: what it made is not there any more.

        Raises:
            PlatformError: The import failed as a whole and names no row.
        """
        uuids, results = self.send_content(lines.content(), anew=anew)
        if uuids == lines.uuids:  # as most imports answer
            return results
        said = dict(zip(uuids, results, strict=True))
        return [said.get(uuid, UNCLEAR) for uuid in lines.uuids]

    def send_content(self, content: bytes, *, anew: bool = False) -> Said:
        """Import lines in Labelbox's own form; return what became of each. See `send`."""

        def create(name: str) -> Any:
            return SENDERS[self._kind](self._adapter.client, self._parent, name, content, len(content))

        return self._run(content, create, anew=anew)

    def fetch(self, url: str) -> Said:
        """Let Labelbox fetch a file of lines and import them; see `send_content`.

        Raises:
            InvalidData: There is no such file.
        """

        def create(name: str) -> Any:
            try:
                return self._kind.create_from_url(self._adapter.client, self._parent, name, url)
            except ValueError as error:
                raise InvalidData(f"There is no file at {url}.", field="source") from error

        return self._run(url.encode(), create)

    def _run(self, identity: bytes, create: Callable[[str], Any], *, anew: bool = False) -> Said:
        job, ours = self._made(identity, create, anew)
        Waiter(self._adapter).ended(job)
        uuids, results = self._results(job)
        self._adapter.sent.discard(job.name)
        return uuids, results if ours else [IGNORED if result is CREATED else result for result in results]

    def _made(self, identity: bytes, create: Callable[[str], Any], anew: bool) -> tuple[Any, bool]:
        """Return the import of a content, and whether it was sent in this call.

        One of an earlier call is taken, unless it failed or is not wanted.
        """
        digest = hashlib.sha256(identity).hexdigest()[:24]
        for number in count(1):
            name = f"dragoman-{digest}" if number == 1 else f"dragoman-{digest}-{number}"
            found = self._found(name)
            if found is None:
                self._adapter.sent.add(name)
                return create(name), True
            ours = name in self._adapter.sent
            if ours or not (anew or found.state is AnnotationImportState.FAILED):
                return found, ours
        raise AssertionError("count() does not end")

    def _found(self, name: str) -> Any:
        try:
            return self._kind.from_name(self._adapter.client, self._parent, name)
        except exceptions.ResourceNotFoundError:
            return None

    def _results(self, job: Any) -> Said:
        failed = job.state is AnnotationImportState.FAILED
        if failed:
            self._adapter.sent.discard(job.name)
        # The SDK fetches nothing of an import that failed, and so hides why.
        url = job.error_file_url if failed else job.status_file_url
        uuids, results = statuses_in(self._adapter.files.fetch(url))
        if failed and not results:
            raise PlatformError(f"Labelbox's import {job.name} failed and does not say why.", maybe_applied=True)
        return uuids, results


def statuses_in(content: bytes) -> Said:
    """Return what the content of a status or error file says of each row."""
    statuses = _STATUS.decode_lines(content)
    results = [CREATED if status.status == "SUCCESS" else _refused(status) for status in statuses]
    return [status.uuid for status in statuses], results


def _refused(status: Status) -> RowResult:
    reasons = [f"{error.name}: {error.message}" if error.name else error.message for error in status.errors]
    return RowResult("rejected", reason="; ".join(reasons) or f"Labelbox says {status.status} and no more.")
