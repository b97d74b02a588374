"""Label Studio's run lengths of brushes: bit-packed runs of the RGBA bytes of an image, whose alpha is the mask.

Format: https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack, as label_studio_sdk.converter.brush reads it.
32 bits say how many words there are, 5 how many bits a word has (less 1), 4 times 4 how many bits each of four lengths
of a run has (less 1). Then each block has a bit that says whether it is a run of one word, 2 bits that choose one of
the four lengths, the number of words (less 1), and the word itself, or that many words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from dragoman.errors import InvalidData

_WORD = 8
_LENGTHS = (3, 4, 8, 16)
"""Bits of a run's length that Label Studio itself writes."""
_LONGEST = 1 << _LENGTHS[-1]
_CHANNELS = 4


def pack(counts: Iterable[int], pixels: int) -> list[int]:
    """Return Label Studio's bytes of a mask.

    Args:
        counts: Row-major run lengths, starting with background.
        pixels: How many pixels there are in all.
    """
    header = [(pixels * _CHANNELS, 32), (_WORD - 1, 5), *((length - 1, 4) for length in _LENGTHS)]
    # The 4 bytes of a pixel are all 255 or all 0, as Label Studio's own converter writes them.
    fields = chain(
        header, chain.from_iterable(_runs(count * _CHANNELS, 255 * (n % 2)) for n, count in enumerate(counts))
    )
    packed, held, bits = bytearray(), 0, 0
    for value, width in fields:
        held, bits = held << width | value, bits + width
        while bits >= 8:
            bits -= 8
            packed.append(held >> bits)
            held &= (1 << bits) - 1
    if bits:
        packed.append(held << (8 - bits))
    return list(packed)


def _runs(count: int, word: int) -> Iterator[tuple[int, int]]:
    while count > 0:
        part = min(count, _LONGEST)
        choice = next(n for n, length in enumerate(_LENGTHS) if part <= 1 << length)
        yield from ((1, 1), (choice, 2), (part - 1, _LENGTHS[choice]), (word, _WORD))
        count -= part


def unpack(packed: Sequence[int], pixels: int) -> list[int]:
    """Return the row-major run lengths of a mask, starting with background; a pixel with any alpha is foreground.

    Raises:
        InvalidData: The bytes are no such runs, or not of so many pixels.
    """
    try:
        bits = _Bits(bytes(packed))
    except (TypeError, ValueError):
        raise InvalidData("the run lengths of the brush are no bytes.", field="rle") from None
    words, width = bits.take(32), bits.take(5) + 1
    lengths = [bits.take(4) + 1 for _ in range(4)]
    if words != pixels * _CHANNELS:
        raise InvalidData(f"the brush has {words} values; {pixels} pixels have {pixels * _CHANNELS}.", field="rle")
    counts, foreground = [0], False
    for position, length, word in _blocks(bits, words, width, lengths):
        # Of a run, only the words that are some pixel's last channel count.
        alphas = (position + length) // _CHANNELS - position // _CHANNELS
        if not alphas:
            continue
        if (word > 0) != foreground:
            foreground = not foreground
            counts.append(0)
        counts[-1] += alphas
    return counts


def _blocks(bits: _Bits, words: int, width: int, lengths: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yield position, length and word of each run; words that are given one by one are runs of one."""
    position = 0
    while position < words:
        run = bits.take(1)
        length = bits.take(lengths[bits.take(2)]) + 1
        if position + length > words:
            raise InvalidData("a run of the brush is longer than the image.", field="rle")
        if run:
            yield position, length, bits.take(width)
        else:
            yield from ((position + step, 1, bits.take(width)) for step in range(length))
        position += length


class _Bits:
    """Takes numbers of so many bits from bytes, the highest bit first."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def take(self, width: int) -> int:
        start, end = self._position, self._position + width
        if end > len(self._content) * 8:
            raise InvalidData("the run lengths of the brush break off.", field="rle")
        self._position = end
        last = (end + 7) // 8
        value = int.from_bytes(self._content[start // 8 : last], "big") >> (last * 8 - end)
        return value & ((1 << width) - 1)
