"""Labels and predictions of files, for an evaluation.

Plain boxes of Dragoman's own formats become columns without becoming rows first. From the first row on that is none,
or that breaks the schema, the file's reader does the work, and says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from dragoman.evaluate import plain
from dragoman.evaluate.index import Index
from dragoman.evaluate.sources import Batch, Batched, Pieces, Row
from dragoman.formats.base import Reader
from dragoman.formats.native.ndjson import FILES, NdjsonReader
from dragoman.formats.native.parquet import ROWS, ParquetReader
from dragoman.schema import Label, Prediction

Watch = Callable[[Iterable[Any]], Iterable[Any]]


class FileRows(Batched[Row]):
    """The labels or the predictions of a file; each iteration reads it anew.

    Args:
        reader: Reads the file.
        kind: `Label` or `Prediction`.
        watch: Wraps what is read as rows, to show how far it is.
    """

    def __init__(self, reader: Reader, kind: type[Row], *, watch: Watch = iter) -> None:
        self._reader = reader
        self._kind = kind
        self._watch = watch

    def __iter__(self) -> Iterator[Row]:
        return iter(self._watch(self._mine(self._reader.rows())))

    def batches(self, units: Index, features: Index, items: Container[str] | None) -> Pieces:
        """Yield columns as long as all rows are plain boxes, then the other rows."""
        done = 0
        try:
            for batch in self._plain(plain.Wanted(self._kind, units, features, items)):
                yield batch
                done += batch.read
        except plain.NotPlainError:
            yield self._watch(self._mine(islice(self._reader.rows(), done, None)))

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return width and height of the items that have them, by key."""
        return {item.key: (item.width, item.height) for item in self._reader.items() if item.width and item.height}

    def _plain(self, wanted: plain.Wanted) -> Iterator[Batch]:
        path = self._reader.path
        if isinstance(self._reader, NdjsonReader):
            return plain.of_lines(path / FILES["rows"] if path.is_dir() else path, wanted)
        if isinstance(self._reader, ParquetReader):
            return plain.of_table(path / ROWS, wanted)
        raise plain.NotPlainError

    def _mine(self, rows: Iterable[Label]) -> Iterator[Label]:
        return (row for row in rows if isinstance(row, Prediction) == (self._kind is Prediction))


def labels_of(path: str | Path, read_as: str | None = None) -> FileRows[Label]:
    """Return the labels of a file or folder, for `evaluate` and `study`.

    Args:
        path: The file or folder.
        read_as: Name of its format; recognised if not given.

    Raises:
        NotFound: There is no such file, or no such format.
        InvalidData: It looks like no format, or like several.
    """
    return FileRows(_reader_of(path, read_as), Label)


def predictions_of(path: str | Path, read_as: str | None = None) -> FileRows[Prediction]:
    """Return the predictions of a file or folder; see `labels_of`."""
    return FileRows(_reader_of(path, read_as), Prediction)


def _reader_of(path: str | Path, read_as: str | None) -> Reader:
    from dragoman.formats.convert import open_reader

    return open_reader(Path(path), read_as)
