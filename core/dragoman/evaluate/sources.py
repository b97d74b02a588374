"""Where the rows of an evaluation come from: chosen by their items, and each on the frames on which it holds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Container, Iterable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dragoman.evaluate.frames import on_frames
from dragoman.schema import Box, Label

if TYPE_CHECKING:
    from array import array

    from dragoman.evaluate.ids import Names
    from dragoman.evaluate.index import Floats, Index, Integers
    from dragoman.evaluate.tracking import Tracks


class Batch(NamedTuple):
    """Some boxes as columns, which `Columns` explains.

    Args:
        areas: Place of a row in here to the area that its metadata say, for labels that say one.
        read: How many rows of any kind were looked at for them.
        left_out: How many of these were on other items than the chosen ones.
    """

    unit: Integers | array[int]
    feature: Integers | array[int]
    score: Floats | array[float]
    boxes: Floats | array[float]
    crowd: bytes
    areas: dict[int, float]
    ids: Names
    read: int
    left_out: int


Row = TypeVar("Row", bound=Label, covariant=True)
Pieces = Iterator[Batch | Iterable[Label]]


class Batched(Iterable[Row]):
    """Rows that can be had as columns, too, and whose items are known."""

    @abstractmethod
    def batches(self, units: Index, features: Index, items: Container[str] | None) -> Pieces:
        """Yield boxes as columns until that cannot be done, then all other rows; each row once.

        Args:
            units: Gives images their numbers.
            features: Gives features their numbers.
            items: Keys of the chosen items, None for all; what is yielded as rows is not chosen yet.
        """

    @abstractmethod
    def sizes(self) -> Mapping[str, tuple[int, int]]:
        """Return width and height of the items that have them, by key."""


class Source:
    """Labels or predictions.

    Args:
        rows: The rows.
        items: Keys of the items that are evaluated, None for all; rows on others are counted in `left_out`.
        tracks: Notes the tracks of rows as they pass, if they are wanted.
        sizes: Width and height of items by key; where not given, those that the rows come with.
    """

    def __init__(
        self,
        rows: Iterable[Label],
        items: Container[str] | None = None,
        tracks: Tracks | None = None,
        sizes: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        self.left_out = 0
        self._rows = rows
        self._items = items
        self._tracks = tracks
        self._sizes = sizes

    def sizes(self) -> Mapping[str, tuple[int, int]]:
        """Return width and height of items by key, as far as they are known."""
        if self._sizes is not None:
            return self._sizes
        return self._rows.sizes() if isinstance(self._rows, Batched) else {}

    def __iter__(self) -> Iterator[Label]:
        return self._drawn(self._rows)

    def pieces(self, units: Index, features: Index) -> Pieces:
        """Yield boxes as columns where they can be had so, and all else as rows; see `Batched.batches`."""
        if self._tracks is not None or not isinstance(self._rows, Batched):
            yield self
            return
        for some in self._rows.batches(units, features, self._items):
            if isinstance(some, Batch):
                self.left_out += some.left_out
                yield some
            else:
                yield self._drawn(some)

    def _drawn(self, rows: Iterable[Label]) -> Iterator[Label]:
        drawn = on_frames(self._chosen(rows))
        return drawn if self._tracks is None else self._tracks.watch(drawn)

    def _chosen(self, rows: Iterable[Label]) -> Iterator[Label]:
        for row in rows:
            if self._items is None or row.item in self._items:
                yield row
            else:
                self.left_out += 1


def kind_of(pieces: Pieces) -> tuple[str | None, Pieces]:
    """Return the kind of the first row's geometry, None if there is no row, and all pieces."""
    for piece in pieces:
        if isinstance(piece, Batch):
            if len(piece.ids):
                return Box.kind, chain([piece], pieces)
            continue
        stream = iter(piece)
        if (first := next(stream, None)) is not None:
            return first.geometry.kind, chain([chain([first], stream)], pieces)
    return None, pieces


def rows_of(pieces: Pieces) -> Iterator[Label]:
    """Yield the rows of pieces of which none are columns."""
    for piece in pieces:
        assert not isinstance(piece, Batch)
        yield from piece
