"""Rows of videos on the frames on which they hold, one row a frame, as an evaluation compares them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec

from dragoman.formats.common.stretches import Moment, Stretch, lanes
from dragoman.schema import AnyGeometry, Box, Label


@dataclass(frozen=True, slots=True)
class _Key:
    row: Label
    moment: Moment


def on_frames(rows: Iterable[Label]) -> Iterator[Label]:
    """Yield rows as they are, but those over a span once for each frame, after all others.

    The earlier one of two keyframes says what lies between them: nothing; a straight line, in which a box moves while
    any other shape stays as it was; or the earlier shape. Before the first keyframe of a span and after the last one,
    these hold, unless they have nothing between them and the next.
    """
    spans: dict[Any, list[_Key]] = {}
    for row in rows:
        if row.span is None:
            yield row
        else:
            # Without a track, rows belong together only if they are one: nothing else says so.
            spans.setdefault((row.item, row.feature, row.track_id or row.id), []).append(_Key(row, Moment.of(row)))
    for keys in spans.values():
        for lane in lanes(keys):
            for stretch in lane:
                yield from _drawn(stretch)


def _drawn(stretch: Stretch[_Key]) -> Iterator[Label]:
    keys, end = stretch.keys, stretch.end
    assert end is not None  # a span has one
    starts = [stretch.start, *(stretch.frame(key) for key in keys[1:]), end + 1]
    for (start, stop), key, after in zip(pairwise(starts), keys, [*keys[1:], None], strict=True):
        alone = [stretch.frame(key)] if key.moment.on_keyframes_only else None
        for frame in alone or range(start, stop):
            yield _at(key.row, frame, _between(stretch, key, after, frame))


def _between(stretch: Stretch[_Key], key: _Key, after: _Key | None, frame: int) -> AnyGeometry:
    here, there = key.row.geometry, after.row.geometry if after else None
    first = stretch.frame(key)
    if after is None or frame <= first or key.moment.interpolation != "linear":
        return here
    if not (isinstance(here, Box) and isinstance(there, Box)):
        return here
    share = (frame - first) / (stretch.frame(after) - first)
    edges = ("x", "y", "width", "height")
    return Box(*(getattr(here, edge) * (1 - share) + getattr(there, edge) * share for edge in edges))


def _at(row: Label, frame: int, geometry: AnyGeometry) -> Label:
    row_id = row.id if frame == row.frame else f"{row.id}@{frame}"
    return msgspec.structs.replace(row, id=row_id, frame=frame, span=None, interpolation="none", geometry=geometry)
