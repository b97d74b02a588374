"""Pure translation between stretches of keyframes and CVAT's tracks, in which a shape outside ends a stretch.

What a track cannot say is drawn with copies for CVAT's sake, and said exactly in the attribute `dragoman`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from dragoman.formats.common.markup import Node, parent, whole_number
from dragoman.formats.common.stretches import Moment, Stretch, moment_of
from dragoman.formats.cvat.marks import Beside, attribute_of, read_beside
from dragoman.formats.cvat.shapes import Drawn, element_of


class KeyShape(msgspec.Struct, frozen=True):
    """A row of a video as it waits for the others of its track."""

    drawn: Drawn
    marks: dict[str, str]
    inner: str
    beside: Beside
    moment: Moment


def track(stretches: list[Stretch[KeyShape]], frames: int | None, **attributes: Any) -> str:
    """Return a <track> of stretches that do not touch.

    Args:
        stretches: In order of their frames.
        frames: Number of frames of the video, where it is known.
        attributes: XML attributes of the track.
    """
    shapes = (shape for stretch in stretches for shape in _shapes(stretch, frames))
    return parent("track", shapes, **attributes)


def moments(found: Sequence[Node], last: int | None) -> Iterator[tuple[Node, Moment]]:
    """Yield the keyframes of a <track> with the moment that each holds; copies and frames in between are passed over.

    Args:
        found: The track's shapes.
        last: The video's last frame, up to which an object stays that is never outside.

    Raises:
        InvalidData: A shape has no frame.
    """
    frames = {id(shape): whole_number(shape.attribute("frame"), "frame") for shape in found}
    shapes = sorted(found, key=lambda shape: frames[id(shape)])
    current: list[tuple[int, Node]] = []
    for shape in shapes:
        frame = frames[id(shape)]
        if shape.attributes.get("outside") == "1":
            yield from _moments(current, frame - 1)
            current = []
        elif shape.attributes.get("keyframe", "1") != "0" or not current:
            current.append((frame, shape))
    if current:
        seen = frames[id(shapes[-1])]
        yield from _moments(current, seen if last is None else max(last, seen))


def _moments(keys: list[tuple[int, Node]], end: int) -> Iterator[tuple[Node, Moment]]:
    if not keys:
        return
    start = keys[0][0]
    span = (start, max(end, keys[-1][0]))
    for frame, shape in keys:
        if not read_beside(shape).copy:
            yield shape, moment_of(frame, span, alone=len(keys) == 1)


def _shapes(stretch: Stretch[KeyShape], frames: int | None) -> Iterator[str]:
    drawn = list(stretch.drawn())
    for position, (frame, key, copy) in enumerate(drawn):
        beside = Beside(copy=True) if copy else _beside(key, stretch, len(drawn))
        yield _shape(key, frame, attribute_of(beside))
        end = stretch.end
        if position + 1 < len(drawn):
            if not key.moment.on_keyframes_only or drawn[position + 1][0] == frame + 1:
                continue
            end = frame
        if end is not None and end + 1 != frames:
            yield _shape(key, end + 1, {}, outside="1")


def _beside(key: KeyShape, stretch: Stretch[KeyShape], count: int) -> Beside:
    """Return what is said beside a keyframe; its moment too, unless reading the track says the same."""
    if stretch.says(key, count):
        return key.beside
    return msgspec.structs.replace(key.beside, moment=key.moment)


def _shape(key: KeyShape, frame: int, beside: dict[str, str], outside: str = "0") -> str:
    attributes = {"frame": frame, "keyframe": "1", "outside": outside, **key.marks, **beside}
    return element_of(key.drawn, attributes, "" if outside == "1" else key.inner)
