"""Ids of rows: in order, whatever they came as, and one that occurs twice is found."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.evaluate import ids as module
from dragoman.evaluate.ids import Ids

# Few letters, so that ids come again and their hashes are put to the test.
PIECES = st.lists(st.tuples(st.booleans(), st.lists(st.text("a\0é", min_size=1, max_size=3), max_size=5)), max_size=4)


def gathered(pieces: list[tuple[bool, list[str]]]) -> Ids:
    """Add pieces, each as strings or as Arrow's."""
    ids = Ids()
    for of_arrow, names in pieces:
        ids.add(pa.array(names, pa.string()) if of_arrow else names)
    return ids


@given(PIECES)
def test_ids_are_those_that_were_added_and_one_that_came_twice_is_found(pieces: list[tuple[bool, list[str]]]) -> None:
    names = [name for _, some in pieces for name in some]
    ids = gathered(pieces)

    twice = ids.twice()

    assert len(ids) == len(names)
    assert list(ids) == names == ids[:]
    counts = Counter(names)
    assert counts[twice] > 1 if twice is not None else all(count == 1 for count in counts.values())


def test_arrows_strings_are_hashed_alike_wherever_they_lie() -> None:
    names = pa.array([f"id-{n}" for n in range(3 * module.TOGETHER)])
    assert gathered([(True, names.to_pylist())]).twice() is None

    again = Ids()
    again.add(names)
    again.add(names.slice(5000, 1))

    assert again.twice() == "id-5000"


def test_equal_hashes_of_different_ids_are_not_taken_for_one_id(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_alike(column: Any) -> Any:
        return np.zeros(len(column), np.int64)

    monkeypatch.setattr(module, "_hashes_of", all_alike)

    assert gathered([(True, ["a", "b"])]).twice() is None
    assert gathered([(True, ["a", "b", "a"])]).twice() == "a"
