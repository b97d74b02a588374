"""Skips over the brackets of a large JSON value, and notes where its elements end, without decoding it.

Whole chunks are skipped by C-speed bytes operations: strings and balanced brackets are struck out until only what is
left open remains. Only a chunk that resists is read bracket by bracket. What a file's members are is `scan.py`'s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from dragoman.errors import InvalidData

CHUNK = 1 << 17
"""Bytes that are looked at in one go, and what a batch of elements takes: more fits no cache and takes longer."""

LONGEST_ELEMENT = 64 << 20
"""Bytes of one element of an array beyond which a file is refused: a polygon of about four million vertices."""

_PIECE = 1 << 14
"""Bytes that are looked at in one go where the fast path does not do."""

_DEEPEST = 64
"""Levels of nesting that the fast path strikes out; deeper chunks are read bracket by bracket."""

_NOT_STRUCTURE = bytes(set(range(256)) - set(b'"[]{}'))
_LEFT_OPEN = re.compile(rb"[\]}]*[\[{]*")
_TO_LAST_BETWEEN = re.compile(rb".*\}(?=\s*,\s*\{)", re.DOTALL)
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["\[\]{}]', re.DOTALL)


@dataclass(slots=True)
class Depth:
    """How deep the scan is in the value, where the value ended, and the cuts so far."""

    now: int = 1
    ended: int | None = None
    cuts: list[int] = field(default_factory=list)


def malformed(path: Path, offset: int, reason: str) -> InvalidData:
    """Return the error of a file that is not the JSON it should be."""
    return InvalidData(f"{path} is malformed at byte {offset}: {reason}.")


def skip(path: Path, file: BinaryIO, offset: int) -> Depth:
    """Scan from after a value's opening bracket to after its closing one."""
    depth = Depth()
    last_cut = offset
    window = CHUNK
    while depth.ended is None:
        file.seek(offset)
        chunk = file.read(window)
        if not chunk:
            return depth
        end = likely_cut(chunk)
        if _fast(chunk[:end], offset, depth):
            window = CHUNK
        elif window == CHUNK and len(chunk) > _PIECE:
            # Only the piece that resists, or in which the value ends, is worth the slow path.
            window = _PIECE
            continue
        else:
            end = _exactly(chunk, offset, depth)
            if not end and len(chunk) < window:
                return depth
            # A string longer than the window: look at more, but never again at what was a whole chunk.
            window = _PIECE if end else max(2 * window, CHUNK + 1)
        offset += end
        last_cut = depth.cuts[-1] if depth.cuts else last_cut
        if depth.ended is None and max(offset - last_cut, window) > LONGEST_ELEMENT:
            raise InvalidData(
                f"{path} has an element at byte {last_cut} that is longer than {LONGEST_ELEMENT >> 20} MiB."
            )
    return depth


def likely_cut(chunk: bytes) -> int:
    """Return where a chunk is best cut: after its last element, or its last object, or its end."""
    between = _TO_LAST_BETWEEN.match(chunk, max(0, len(chunk) - _PIECE))
    return between.end() if between else chunk.rfind(b"}") + 1 or len(chunk)


def _fast(chunk: bytes, offset: int, depth: Depth) -> bool:
    """Take the chunk's brackets into account in bulk; False if that is not safe and nothing was changed."""
    plain = chunk.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in chunk else chunk
    # Sound although it looks into strings: a bracket in a string has a quote on either side, so it is never struck out
    # against one outside; whatever keeps a quote is not taken.
    rest = plain.translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    for _ in range(_DEEPEST):
        struck = rest.replace(b"[]", b"").replace(b"{}", b"").replace(b'""', b"")
        if len(struck) == len(rest):
            break
        rest = struck
    else:
        return False
    if not _LEFT_OPEN.fullmatch(rest):
        return False
    closing = rest.count(b"]") + rest.count(b"}")
    if closing >= depth.now:
        return False
    depth.now += len(rest) - 2 * closing
    if depth.now == 1 and chunk.endswith(b"}"):
        depth.cuts.append(offset + len(chunk))
    return True


def _exactly(chunk: bytes, offset: int, depth: Depth) -> int:
    """Take the chunk's brackets into account one by one; return how much was read: all but a string that is cut off."""
    last_cut = None
    for token in _TOKEN.finditer(chunk):
        mark = token[0]
        if mark in (b"[", b"{"):
            depth.now += 1
        elif mark in (b"]", b"}"):
            depth.now -= 1
            if depth.now == 1:
                last_cut = offset + token.end()
            elif depth.now == 0:
                depth.ended = offset + token.end()
                break
        elif mark == b'"':
            _keep_cut(depth, last_cut)
            return token.start()
    _keep_cut(depth, last_cut)
    return len(chunk)


def _keep_cut(depth: Depth, cut: int | None) -> None:
    if cut is not None:
        depth.cuts.append(cut)
