"""How public objects show themselves to people: as tables, by rich in a terminal and as HTML in a notebook.

An object says what is in its table by a method `_shown`; this module knows how tables look. The command line has its
own, which fill as rows arrive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

MOST = 20
"""Most rows that are shown if nobody says how many."""
WIDEST = 80
"""Most characters of a cell."""
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""Characters that move a terminal's cursor, colour it or ring its bell, and how they are written instead."""


class Showing:
    """Mixin of objects that have a table."""

    def _shown(self) -> Shown:
        """Return the table."""
        raise NotImplementedError

    def __rich__(self) -> Table:
        return self._shown().__rich__()

    def _repr_html_(self) -> str:
        return self._shown()._repr_html_()


@dataclass(frozen=True)
class Shown:
    """A table of text.

    Args:
        title: What it is of.
        columns: Their names.
        rows: A cell for each column.
        more: What is said below it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: str = ""

    def __rich__(self) -> Table:
        from rich.markup import escape as plain
        from rich.table import Table

        table = Table(*self.columns, title=self.title, title_justify="left", caption=self.more, caption_justify="left")
        for row in self.rows:
            table.add_row(*(plain(harmless(cell)) for cell in row))
        return table

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows)
        more = f"<p>{escape(self.more)}</p>" if self.more else ""
        caption = f"<caption>{escape(self.title)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        console = Console(file=StringIO(), width=120)
        console.print(self)
        return str(console.file.getvalue())  # type: ignore[attr-defined]

    __repr__ = __str__


def show(things: Iterable[Any], *, limit: int = MOST) -> Shown:
    """Return the first of some models, datasets, items, labels or whatever a listing yields, as a table.

    It shows itself at the end of a cell of a notebook, and when it is printed. No more is read than is shown, but one.

    Args:
        things: A listing, or any iterable of things of one kind.
        limit: How many to show.
    """
    found = list(islice(things, limit + 1))
    shown = [_fields(thing) for thing in found[:limit]]
    names = list(dict.fromkeys(name for fields in shown for name, value in fields.items() if value not in _EMPTY))
    rows = [[cell(fields.get(name)) for name in names] for fields in shown]
    title = f"{type(found[0]).__name__}, {len(rows)} rows" if found else ""
    return Shown(title, names or ["nothing"], rows, "... and more" if len(found) > limit else "")


def whole(thing: Any) -> Shown:
    """Return one thing as a table of its fields."""
    rows = [(name, cell(value)) for name, value in _fields(thing).items() if value not in _EMPTY]
    return Shown(type(thing).__name__, ("field", "value"), rows)


def harmless(text: str) -> str:
    """Return a text that comes from data as a terminal may be given it: without commands to the terminal."""
    return text.translate(_CONTROLS)


def text(value: Any) -> str:
    """Return a value as text, however long."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={entry}" for key, entry in value.items())
    return str(getattr(value, "form", value))


def cell(value: Any) -> str:
    """Return a value as it stands in a table among others."""
    written = text(value)
    return written if len(written) <= WIDEST else f"{written[: WIDEST - 3]}..."


_EMPTY: tuple[Any, ...] = (None, "", (), {}, [])


def _fields(thing: Any) -> dict[str, Any]:
    names = getattr(type(thing), "model_fields", None) or getattr(thing, "__struct_fields__", None)
    return {name: getattr(thing, name) for name in names} if names else {"value": thing}
