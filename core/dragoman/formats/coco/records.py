"""Decodes the elements of a table into structs, and gives the keys that a struct does not know besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.coco.decode import Batch, batches
from dragoman.formats.coco.scan import Section
from dragoman.schema.reasons import reason_of

T = TypeVar("T", bound=msgspec.Struct)


class Run(NamedTuple, Generic[T]):
    """Some elements of a table in a row.

    Args:
        first: Position of the first one in the table.
        plain: Whether none has more than the fields of the plain kind.
        found: The elements.
        extras: Keys that the kind does not know, per element.
        batch: Their text.
    """

    first: int
    plain: bool
    found: list[T]
    extras: list[dict[str, Any]]
    batch: Batch

    def refused(self, error: InvalidData, position: int) -> InvalidData:
        """Return the error of one of the elements, with the place where it is."""
        offset = self.batch.offset_of(position)
        return InvalidData(
            f"{self.batch.path}, byte {offset}: {error.message}", row=position, field=error.field, hint=error.hint
        )


class Table(Generic[T]):
    """How the elements of a table look.

    Args:
        kind: What an element becomes; unknown keys are passed over.
        plain: A kind with some of the fields of `kind`, which refuses unknown keys and is tried first; or None.
    """

    def __init__(self, kind: type[T], plain: type[Any] | None) -> None:
        self._known = frozenset(kind.__struct_fields__)
        self._one = msgspec.json.Decoder(kind)
        self._all: msgspec.json.Decoder[list[T]] = msgspec.json.Decoder(_list_of(kind))
        self._plain: msgspec.json.Decoder[list[T]] | None = msgspec.json.Decoder(_list_of(plain)) if plain else None

    def read(self, path: Path, section: Section, refuse: Callable[[InvalidData], None]) -> Iterator[Run[T]]:
        """Yield the elements in runs; those that are no `kind` go to `refuse`.

        Raises:
            InvalidData: The section is no array, or no JSON.
        """
        for batch, decoded in batches(path, section, self._plain or self._all):
            if self._plain and not isinstance(decoded, msgspec.ValidationError):
                yield Run(batch.first, True, decoded, [], batch)
                continue
            try:
                found = batch.decode(self._all) if isinstance(decoded, msgspec.ValidationError) else decoded
                extras = [self._extra(members) for members in batch.decode(_members)]
            except msgspec.ValidationError:
                yield from self._singly(batch, refuse)
            else:
                yield Run(batch.first, False, found, extras, batch)

    def in_full(self, run: Run[T]) -> Run[T]:
        """Return a run whose elements are of this table's kind, whatever they were read as."""
        if not run.plain:
            return run
        extras = [self._extra(members) for members in run.batch.decode(_members)]
        return Run(run.first, False, run.batch.decode(self._all), extras, run.batch)

    def _singly(self, batch: Batch, refuse: Callable[[InvalidData], None]) -> Iterator[Run[T]]:
        for position, (offset, text) in enumerate(batch.elements(), batch.first):
            try:
                found = self._one.decode(text)
            except msgspec.ValidationError as error:
                refuse(_refused(batch.path, offset, position, error))
                continue
            one = Batch(batch.path, offset - 1, b"[" + text + b"]", position)
            yield Run(position, False, [found], [self._extra(msgspec.json.decode(text))], one)

    def _extra(self, members: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in members.items() if name not in self._known}


_members: msgspec.json.Decoder[list[dict[str, Any]]] = msgspec.json.Decoder(list[dict[str, Any]])


def _list_of(kind: Any) -> Any:
    return list[kind]


def _refused(path: Path, offset: int, position: int, error: msgspec.ValidationError) -> InvalidData:
    reason = reason_of(error)
    return InvalidData(f"{path}, byte {offset}: {reason.message}", row=position, field=reason.field)
