"""What a writer knows beforehand, the items and features, and where in a file an error was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from dragoman.errors import InvalidData
from dragoman.formats.common.pictures import local_file
from dragoman.media import picture
from dragoman.schema import Item, Label, Ontology, derive_id


class Tables:
    """The items and features of a dataset that is written, by name.

    Raises:
        InvalidData: Two items have one key.
    """

    def __init__(self, ontology: Ontology, items: Iterable[Item]) -> None:
        self.items: dict[str, Item] = {}
        for position, item in enumerate(items):
            if item.key in self.items:
                raise InvalidData(f"Two items have the key {item.key!r}.", row=position, field="key")
            self.items[item.key] = item
        self.features = {feature.name: number for number, feature in enumerate(ontology.features)}

    def item(self, row: Label, number: int) -> Item:
        """Return the item that a row names.

        Raises:
            InvalidData: It names an item or a feature that is not there.
        """
        if row.feature not in self.features:
            raise InvalidData(f"The ontology has no feature {row.feature!r}.", row=number, field="feature")
        try:
            return self.items[row.item]
        except KeyError:
            raise InvalidData(f"There is no item {row.item!r}.", row=number, field="item") from None

    def size(self, item: Item, number: int | None = None) -> tuple[int, int]:
        """Return an item's width and height, from its image's header if it does not say them.

        Raises:
            InvalidData: It does not say them, and there is no such image on this machine.
        """
        if (item.width is None or item.height is None) and (file := local_file(item)) is not None:
            seen = picture(file)
            item = msgspec.structs.replace(item, width=seen.width, height=seen.height, orientation=seen.orientation)
            self.items[item.key] = item
        if item.width is None or item.height is None:
            raise InvalidData(
                f"Item {item.key!r} has no width and height, which this format needs.",
                hint="Give both, or a uri of an image on this machine to read them from.",
                row=number,
                field="width",
            )
        return item.width, item.height


class Ids:
    """Gives equal rows of one file different ids, so that no two rows become one."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, row_id: str) -> str:
        """Return the id, or one derived from it and how often it has been there before."""
        times = self._seen.get(row_id, 0)
        self._seen[row_id] = times + 1
        return derive_id(row_id, times) if times else row_id


@contextmanager
def at(where: Path | str, line: int | None = None, *, row: int | None = None) -> Iterator[None]:
    """Put the file, and the line if there are lines, in front of an error of what is in it."""
    try:
        yield
    except InvalidData as error:
        place = f"{where}, line {line}" if line is not None else str(where)
        raise InvalidData(f"{place}: {error.message}", hint=error.hint, row=row, field=error.field) from error


@contextmanager
def in_row(number: int) -> Iterator[None]:
    """Put the number of the row that is written into an error."""
    try:
        yield
    except InvalidData as error:
        raise InvalidData(error.message, hint=error.hint, row=number, field=error.field) from error


def take_in(rows: Iterable[Label], add: Callable[[Label, int], None]) -> None:
    """Give every row and its number to a writer that holds them; an error names the row."""
    for number, row in enumerate(rows):
        with in_row(number):
            add(row, number)
