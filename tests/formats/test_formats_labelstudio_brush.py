"""Label Studio's run lengths of brushes, judged by what its own converter packs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import (
    InvalidData,
)
from dragoman.formats.labelstudio.brush import pack, unpack


class TestBrush:
    @given(st.lists(st.integers(1, 70_000), min_size=1, max_size=6), st.booleans())
    def test_what_is_packed_comes_back(self, counts: list[int], starts_with_foreground: bool) -> None:
        counts = [0, *counts] if starts_with_foreground else counts
        assert unpack(pack(counts, sum(counts)), sum(counts)) == counts

    def test_bytes_of_label_studios_own_converter(self) -> None:
        """What label_studio_sdk 2.1.2 packs of the mask with rows 011 and 001."""
        theirs = [0, 0, 0, 24, 57, 27, 252, 96, 19, 255, 206, 1, 31, 248]
        assert unpack(theirs, 6) == [1, 2, 2, 1]
        assert pack([1, 2, 2, 1], 6) == theirs

    def test_the_header_is_label_studios(self) -> None:
        packed = pack([1, 1], 2)
        # 8 values of 8 bits; lengths of 3, 4, 8 and 16 bits: 00111 0010 0011 0111 1111
        assert packed[:6] == [0, 0, 0, 8, 0b00111001, 0b00011011]
        assert packed[6] >> 3 == 0b11111

    def test_words_one_by_one(self) -> None:
        """A block that is no run has its words one after the other; Label Studio writes such where pixels vary."""
        header = f"{8:032b}" + "00111" + "0010001101111111"
        eight_words = "0" + "00" + "111" + "0" * 32 + "0" * 24 + "1" * 8
        bits = header + eight_words
        packed = [int(bits[n : n + 8].ljust(8, "0"), 2) for n in range(0, len(bits), 8)]
        assert unpack(packed, 2) == [1, 1]

    @pytest.mark.parametrize(
        ("packed", "pixels", "reason"),
        [
            ([0, 0], 1, "break off"),
            ([300], 1, "no bytes"),
            (["x"], 1, "no bytes"),
            (pack([4], 4), 5, "5 pixels have 20"),
            (pack([4], 4)[:-1], 4, "break off"),
        ],
    )
    def test_broken_run_lengths(self, packed: Any, pixels: int, reason: str) -> None:
        with pytest.raises(InvalidData, match=reason):
            unpack(packed, pixels)
