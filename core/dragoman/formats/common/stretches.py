"""When rows of a video hold, and how keyframes of one object make stretches that a track can say.

A platform's track holds a shape from its keyframe to the next one, in a straight line, until it ends. So spans of one
object that touch or overlap become several tracks, and a span that is held, or seen on keyframes only, is drawn with
copies of its keyframes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import msgspec

from dragoman.schema import Label
from dragoman.schema.rows import Interpolation


class Moment(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a row holds: its frame, its span, and what lies between its keyframes."""

    frame: int | None = None
    span: tuple[int, int] | None = None
    interpolation: Interpolation = "none"

    @classmethod
    def of(cls, row: Label) -> Moment:
        """Return a row's moment."""
        return cls(row.frame, row.span, row.interpolation)

    @property
    def on_keyframes_only(self) -> bool:
        """Whether the row is a keyframe with nothing between it and the next."""
        return self.interpolation == "none" and self.span is not None and self.frame is not None


class Timed(Protocol):
    """Something that waits for the others of its track."""

    @property
    def moment(self) -> Moment: ...


Key = TypeVar("Key", bound=Timed)


@dataclass(frozen=True, slots=True)
class Stretch(Generic[Key]):
    """Keyframes of one span in order; `end` is its last frame, None where it never ends.

    What lies between two keyframes is said by the earlier one. After one that is seen on its own frame only there is a
    gap, which a track cannot say.
    """

    start: int
    end: int | None
    keys: list[Key]
    gaps: bool = False

    def frame(self, key: Key) -> int:
        """Return the frame on which a keyframe is drawn."""
        return self.start if key.moment.frame is None else key.moment.frame

    def drawn(self) -> Iterator[tuple[int, Key, bool]]:
        """Yield the keyframes that show a stretch as it is, and whether each is a copy."""
        keys = self.keys
        if self.frame(keys[0]) > self.start and not keys[0].moment.on_keyframes_only:
            yield self.start, keys[0], True
        for key, after in zip(keys, [*keys[1:], None], strict=True):
            frame = self.frame(key)
            yield frame, key, False
            if after is not None and key.moment.interpolation == "hold" and self.frame(after) > frame + 1:
                yield self.frame(after) - 1, key, True

    def says(self, key: Key, count: int) -> bool:
        """Whether reading a track of `count` keyframes, copies among them, finds out a keyframe's moment by itself."""
        if self.end is None or self.gaps:
            return False
        return moment_of(self.frame(key), (self.start, self.end), alone=count == 1) == key.moment


def moment_of(frame: int, span: tuple[int, int], *, alone: bool) -> Moment:
    """Return what a keyframe of a track says: the frame if it is the only one, a span it is the same on, or a key."""
    if not alone:
        return Moment(frame, span, "linear")
    return Moment(frame) if span[0] == span[1] else Moment(None, span)


def lanes(keys: Iterable[Key]) -> Iterator[list[Stretch[Key]]]:
    """Yield the stretches of one object, in tracks in which none touches the next."""
    found: list[list[Stretch[Key]]] = []
    for stretch in sorted(_stretches(keys), key=lambda stretch: stretch.start):
        for lane in found:
            end = lane[-1].end
            if end is not None and stretch.start > end + 1:
                lane.append(stretch)
                break
        else:
            found.append([stretch])
    yield from found


def _stretches(keys: Iterable[Key]) -> Iterator[Stretch[Key]]:
    spans: dict[tuple[int, int], list[dict[int, Key]]] = {}
    for key in keys:
        moment = key.moment
        if moment.span is None or moment.frame is None:
            yield _alone(key)
            continue
        # Two keyframes on one frame cannot be in one track.
        groups = spans.setdefault(moment.span, [])
        for group in groups:
            if moment.frame not in group:
                group[moment.frame] = key
                break
        else:
            groups.append({moment.frame: key})
    for (start, end), groups in spans.items():
        for group in groups:
            in_order = [group[frame] for frame in sorted(group)]
            yield Stretch(start, end, in_order, any(key.moment.on_keyframes_only for key in in_order))


def _alone(key: Key) -> Stretch[Key]:
    moment = key.moment
    if moment.span is not None:
        return Stretch(*moment.span, [key])
    return Stretch(moment.frame or 0, moment.frame, [key])
