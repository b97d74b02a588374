"""Pure translation of one line of a label file: numbers of the image's size to geometries in pixels, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import atan2, cos, degrees, hypot, isfinite, radians, sin

from dragoman.errors import InvalidData
from dragoman.formats.common.numbers import pixel, pixels, whole
from dragoman.formats.yolo.fidelity import YoloTask
from dragoman.formats.yolo.layout import Pose
from dragoman.schema import AnyGeometry, Box, Keypoint, Keypoints, Polygon, RotatedBox

Size = tuple[int, int]
"""Width and height of the image in pixels."""
ROUNDING = 1e-6
"""How far outside 0..1 a number may be: files are often written with six decimals."""
SQUARE = 0.01
"""Pixels, and a millionth of the image's size besides, that a corner may be off the rectangle it is taken for."""


POINT_CONFIDENCES = "point_confidences"
"""Key of a predicted pose's metadata: how sure the model is of each point, 0 to 1, in the order of the points."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a line says.

    Args:
        category: The class's number.
        geometry: The shape.
        confidence: Of the whole, where the line has one.
        box: The object's box, if it is a pose.
        point_confidences: Of the points of a pose that a model predicted.
    """

    category: int
    geometry: AnyGeometry
    confidence: float | None
    box: Box | None = None
    point_confidences: tuple[float, ...] = ()


class Reading:
    """Translates lines of one dataset.

    Args:
        task: What the numbers mean.
        points: Points of a pose and values per point.
        poses: Class number to the names of its points.
    """

    def __init__(self, task: YoloTask, points: tuple[int, int] | None, poses: dict[int, Pose]) -> None:
        self._task = task
        self._poses = poses
        if task == "pose" and points is None:
            raise InvalidData("kpt_shape is missing, so poses cannot be read.", field="kpt_shape")
        self._count, self._per_point = points or (0, 0)

    def line(self, words: Sequence[str], size: Size) -> Line:
        """Return what a line says.

        Raises:
            InvalidData: The line is not of this task, or a number is out of range.
        """
        number, values = whole(words[0]), _numbers(words[1:])
        if number is None:
            raise InvalidData(f"the class is {words[0][:80]!r}; it must be a whole number.", field="feature")
        expected = self._length(len(values))
        confidence = values.pop() if len(values) > expected else None
        if confidence is not None and not 0 <= confidence <= 1:
            raise InvalidData(f"the confidence is {confidence}; it lies between 0 and 1.", field="confidence")
        _check_range(values, skip=3 if self._task == "pose" and self._per_point == 3 else 0)
        if self._task == "pose":
            points, sure = self._sure(values[4:])
            return Line(number, self._pose(number, points, size), confidence, _box(values, size), sure)
        if expected == 4:
            return Line(number, _box(values, size), confidence)
        if self._task == "obb" and (turned := turned_box(_scaled(values, size), size)) is not None:
            return Line(number, turned, confidence)
        return Line(number, Polygon(((_pixels(values, size),),)), confidence)

    def _length(self, count: int) -> int:
        """Return how many of `count` numbers are coordinates; one more is the confidence."""
        if self._task == "segment" and count >= 6:
            return count - count % 2
        known = {"detect": 4, "segment": 4, "obb": 8, "pose": 4 + self._count * self._per_point}
        expected = known[self._task]
        if count - expected not in (0, 1):
            raise InvalidData(f"the line has {count} numbers after its class; {self._task} has {expected}.")
        return expected

    def _sure(self, values: list[float]) -> tuple[list[float], tuple[float, ...]]:
        """Return a pose's values with flags of visibility, and the confidences that a prediction has in their place.

        Ultralytics writes x, y and a confidence per point, and 0, 0 for a point of which the model is too unsure. That
        they are no flags shows where one of them is no whole number.
        """
        third = values[2::3] if self._per_point == 3 else []
        if not any(0 < value < 1 for value in third) or not all(0 <= value <= 1 for value in third):
            return values, ()
        flags = [2.0 if x or y else 0.0 for x, y in zip(values[0::3], values[1::3], strict=True)]
        return [number for point in zip(values[0::3], values[1::3], flags, strict=True) for number in point], (*third,)

    def _pose(self, number: int, values: list[float], size: Size) -> Keypoints:
        pose = self._poses.get(number) or Pose(tuple(map(str, range(self._count))))
        step = self._per_point
        found = (values[start : start + step] for start in range(0, len(values), step))
        made = [_keypoint(name, point, size) for name, point in zip(pose.names, found, strict=True)]
        return Keypoints(tuple(made), pose.skeleton)


def write_box(box: Box, size: Size) -> list[float]:
    """Return centre and size of a box as parts of the image's size."""
    width, height = size
    return [(box.x + box.width / 2) / width, (box.y + box.height / 2) / height, box.width / width, box.height / height]


def write_vertices(vertices: Iterable[float], size: Size) -> list[float]:
    """Return flat vertices as parts of the image's size."""
    return [value / size[position % 2] for position, value in enumerate(vertices)]


def write_keypoints(points: Iterable[Keypoint], size: Size) -> list[float]:
    """Return x, y and visibility of each point; a point without a position is three zeros."""
    values: list[float] = []
    for point in points:
        if point.x is None or point.y is None:
            values += (0, 0, 0)
        else:
            values += (point.x / size[0], point.y / size[1], point.visibility)
    return values


def bounds(points: Iterable[Keypoint]) -> Box:
    """Return the box around the points that have a position; an empty one if none has."""
    placed = [(point.x, point.y) for point in points if point.x is not None and point.y is not None]
    left, right = min((x for x, _ in placed), default=0.0), max((x for x, _ in placed), default=0.0)
    top, bottom = min((y for _, y in placed), default=0.0), max((y for _, y in placed), default=0.0)
    return Box(left, top, right - left, bottom - top)


def corners_of(box: RotatedBox) -> tuple[float, ...]:
    """Return the corners of a turned box, flat, clockwise from the one that is top left before it is turned."""
    turn = radians(box.angle)
    along, across = (cos(turn), sin(turn)), (-sin(turn), cos(turn))
    flat: list[float] = []
    for right, down in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        x, y = right * box.width, down * box.height
        flat += (box.cx + x * along[0] + y * across[0], box.cy + x * along[1] + y * across[1])
    return tuple(flat)


def turned_box(corners: Sequence[float], size: Size) -> RotatedBox | None:
    """Return the turned box with these corners, or None where they are not those of a rectangle."""
    x = corners[0::2]
    y = corners[1::2]
    slack = SQUARE + max(size) * ROUNDING
    if hypot(x[0] + x[2] - x[1] - x[3], y[0] + y[2] - y[1] - y[3]) > 2 * slack:
        return None
    if abs(hypot(x[2] - x[0], y[2] - y[0]) - hypot(x[3] - x[1], y[3] - y[1])) > 2 * slack:
        return None
    width, height = hypot(x[1] - x[0], y[1] - y[0]), hypot(x[3] - x[0], y[3] - y[0])
    # The longer edge tells the angle best. The first edge is the width, in whichever order the corners go round.
    angle = atan2(y[1] - y[0], x[1] - x[0]) if width >= height else atan2(x[0] - x[3], y[3] - y[0])
    turn = pixel(degrees(angle) % 360) % 360
    return RotatedBox(pixel(sum(x) / 4), pixel(sum(y) / 4), pixel(width), pixel(height), turn)


def _numbers(words: Sequence[str]) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise InvalidData(f"the line has a word that is no number: {' '.join(words)[:80]!r}.") from None
    if not all(map(isfinite, values)):
        raise InvalidData("the line has a number that is not finite.")
    return values


def _check_range(values: list[float], *, skip: int) -> None:
    """Refuse numbers outside 0..1; from the fifth on every `skip`-th is a visibility."""
    for position, value in enumerate(values):
        if skip and position >= 4 and (position - 4) % skip == skip - 1:
            continue
        if not -ROUNDING <= value <= 1 + ROUNDING:
            raise InvalidData(f"number {position + 1} after the class is {value}; it lies between 0 and 1.")


def _pixels(values: Sequence[float], size: Size) -> tuple[float, ...]:
    return pixels(_scaled(values, size))


def _scaled(values: Sequence[float], size: Size) -> tuple[float, ...]:
    return tuple(value * size[position % 2] for position, value in enumerate(values))


def _box(values: Sequence[float], size: Size) -> Box:
    width, height = max(values[2], 0.0) * size[0], max(values[3], 0.0) * size[1]
    return Box(
        pixel(values[0] * size[0] - width / 2), pixel(values[1] * size[1] - height / 2), pixel(width), pixel(height)
    )


def _keypoint(name: str, values: Sequence[float], size: Size) -> Keypoint:
    x, y = _pixels(values[:2], size)
    if len(values) == 2:
        return Keypoint(name, None, None, 0) if x == y == 0 else Keypoint(name, x, y)
    if values[2] not in (0, 1, 2):
        raise InvalidData(f"keypoint {name!r} has visibility {values[2]}; it is 0, 1 or 2.", field="visibility")
    visibility = int(values[2])
    return Keypoint(name, None, None, 0) if visibility == x == y == 0 else Keypoint(name, x, y, visibility)
