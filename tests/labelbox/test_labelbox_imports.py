"""What an import says of its rows: of each by its uuid, in whatever order."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.schema import RowResult
from dragoman_labelbox.imports import CREATED, UNCLEAR, Importer, Lines, Said
from dragoman_labelbox.wire import ByGlobalKey, ImportRow

REFUSED = RowResult("rejected", reason="no such feature")


class Answering(Importer):
    """An import whose answer is known beforehand."""

    def __init__(self, said: Said) -> None:
        super().__init__(None, None, "run")
        self._said = said

    def send_content(self, content: bytes, *, anew: bool = False) -> Said:
        return self._said


@pytest.mark.parametrize(
    ("uuids", "results", "expected"),
    [
        (["a", "b"], [CREATED, REFUSED], [CREATED, REFUSED]),
        (["b", "a"], [REFUSED, CREATED], [CREATED, REFUSED]),
        (["b"], [REFUSED], [UNCLEAR, REFUSED]),
        (["b", None], [REFUSED, CREATED], [UNCLEAR, REFUSED]),
        ([], [], [UNCLEAR, UNCLEAR]),
    ],
)
def test_each_row_gets_what_is_said_of_it(
    uuids: list[Any], results: list[RowResult], expected: list[RowResult]
) -> None:
    lines = Lines()
    for position, uuid in enumerate(("a", "b")):
        lines.add(ImportRow(uuid, ByGlobalKey("item"), "car"), [position])
    assert Answering((uuids, results)).send(lines) == expected
