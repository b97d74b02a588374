"""The examples of a report, ready for its page: a shape as it was and as it is, on the image where it can be had."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman.migrate.differences import Example
from dragoman.pages import data_uri, extent, path_of


@dataclass(frozen=True, slots=True)
class Drawing:
    """One example: sizes in pixels, shapes as SVG path data, the image as a data URI."""

    example: Example
    width: float
    height: float
    before: str
    after: str
    image: str | None


def draw(example: Example) -> Drawing:
    """Draw an example; without an image where it cannot be had."""
    width, height = float(example.width or 0), float(example.height or 0)
    if not (width and height):
        width, height = extent(example.before, example.after)
    before, after = path_of(example.before), path_of(example.after)
    return Drawing(example, width, height, before, after, data_uri(example.uri))
