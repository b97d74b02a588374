"""Numbers that come in pieces: all of them, in order, whatever held the pieces."""

from __future__ import annotations

from array import array

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dragoman.evaluate.numbers import Numbers


@given(st.lists(st.lists(st.floats(allow_nan=False), max_size=40), max_size=20))
def test_pieces_become_one_array(pieces: list[list[float]]) -> None:
    numbers = Numbers(np.float64)
    for place, piece in enumerate(pieces):
        numbers.add(array("d", piece) if place % 2 else np.array(piece))

    assert numbers.all.tolist() == [number for piece in pieces for number in piece]
    assert len(numbers) == len(numbers.all)


def test_tables_are_added_row_by_row() -> None:
    numbers = Numbers(np.int64)
    numbers.add(np.arange(6).reshape(3, 2))
    numbers.add(np.empty((0, 2), np.int64))

    assert numbers.all.tolist() == [0, 1, 2, 3, 4, 5]


def test_what_was_taken_stays_as_it_was() -> None:
    numbers = Numbers(np.int64)
    numbers.add(array("q", [1, 2]))
    before = numbers.all
    numbers.add(array("q", [3] * 100))

    assert before.tolist() == [1, 2]
