"""How the chunks of an export become rows: piece by piece, but for masks, which are fetched within the call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dragoman_labelbox.exports import Cursor, Exporter
from dragoman_labelbox.wire import Line


class Chunks(Exporter):
    """An export whose files are at hand."""

    def __init__(self, *files: bytes) -> None:
        super().__init__(None, lambda: None, "export")
        self.files = files

    def _begun(self) -> Cursor:
        return Cursor("task", 0, sum(map(len, self.files)))

    def _chunk(self, here: Cursor) -> tuple[bytes, int]:
        end = 0
        for file in self.files:
            end += len(file)
            if here.offset < end:
                return file, end
        raise AssertionError(here)


def line(name: str, **more: str) -> bytes:
    said = "".join(f',"{key}":"{value}"' for key, value in more.items())
    return b'{"data_row":{"id":"%s"%s}}\n' % (name.encode(), said.encode())


@pytest.fixture
def made() -> list[str]:
    """The lines of which rows were made so far."""
    return []


@pytest.fixture
def rows_of(made: list[str]) -> Any:
    def rows(found: Line) -> Iterator[str]:
        made.append(found.data_row.id)
        yield found.data_row.id

    return rows


def read(export: Exporter, rows_of: Any) -> list[str]:
    """All rows of an export, chunk by chunk."""
    cursor: str | None = None
    found: list[str] = []
    while True:
        page = export.rows(cursor, rows_of)
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def test_rows_are_made_as_they_are_asked_for(made: list[str], rows_of: Any) -> None:
    rows = iter(Chunks(line("a") + line("b")).rows(None, rows_of).items)
    assert made == []
    assert next(rows) == "a"
    assert made == ["a"]
    assert list(rows) == ["b"]


def test_where_there_are_masks_rows_are_made_within_the_call(made: list[str], rows_of: Any) -> None:
    Chunks(line("a", composite_mask="url") + line("b")).rows(None, rows_of)
    assert made == ["a", "b"]


@pytest.mark.parametrize("cut", range(1, len(line("a") + line("b"))))
def test_a_line_may_be_cut_anywhere(rows_of: Any, cut: int) -> None:
    content = line("a") + line("b")
    assert read(Chunks(content[:cut], content[cut:]), rows_of) == ["a", "b"]


@pytest.mark.parametrize("cut", range(1, len(line("a", composite_mask="url"))))
def test_a_mask_is_seen_wherever_its_line_is_cut(made: list[str], rows_of: Any, cut: int) -> None:
    content = line("a", composite_mask="url")
    export = Chunks(content[:cut], content[cut:])
    begun = export.rows(None, rows_of)
    export.rows(begun.next, rows_of)
    assert made == ["a"]


def test_an_export_may_end_without_the_end_of_a_line(rows_of: Any) -> None:
    assert read(Chunks(line("a").rstrip()), rows_of) == ["a"]


def test_an_empty_export_has_no_rows(rows_of: Any) -> None:
    assert read(Chunks(), rows_of) == []
