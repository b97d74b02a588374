"""Run lengths taken apart and put together without decoding: spans, edges, windows, common pixels.

All counts here are trusted int64 arrays (`rle.checked` looks at foreign ones), column-major unless said otherwise. Time
and memory grow with the runs and the length of the outline, whatever the size of the image.
"""

from __future__ import annotations

import numpy as np

from dragoman.geometry.limits import Integers, check_crossings


def runs_of(toggles: Integers, total: int) -> Integers:
    """Return the counts of a mask of `total` pixels that changes at the pixel numbers `toggles`, in any order.

    Two changes at one number cancel each other, as in the even-odd rule.
    """
    ordered = np.sort(toggles)
    once = np.ones(len(ordered), np.bool_)
    if len(ordered) > 1 and (ordered[1:] == ordered[:-1]).any():
        places, times = np.unique(ordered, return_counts=True)
        ordered, once = places, times % 2 == 1
    ordered = ordered[once & (ordered < total)]
    return np.diff(ordered, prepend=0, append=total)


def spans(counts: Integers, height: int) -> tuple[Integers, Integers, Integers]:
    """Return the foreground of column-major counts, cut at the columns: column, first row, row after the last.

    Three arrays of one length, sorted by column, then row.
    """
    ends = np.cumsum(counts)
    starts, ends = (ends - counts)[1::2], ends[1::2]
    filled = ends > starts
    starts, ends = starts[filled], ends[filled]
    first = starts // height
    columns = (ends - 1) // height - first + 1
    check_crossings(int(columns.sum()))
    run, step = repeat(columns)
    column = first[run] + step
    top = np.maximum(starts[run] - column * height, 0)
    bottom = np.minimum(ends[run] - column * height, height)
    # Two runs that touch (a background run of 0 between them) are one.
    joined = (column[1:] == column[:-1]) & (top[1:] == bottom[:-1])
    if joined.any():
        begins, stops = np.append(True, ~joined), np.append(~joined, True)
        return column[begins], top[begins], bottom[stops]
    return column, top, bottom


def repeat(times: Integers) -> tuple[Integers, Integers]:
    """Return each index as often as `times` says, and for each of these which repetition it is."""
    index = np.repeat(np.arange(len(times)), times)
    step = np.arange(len(index)) - (np.cumsum(times) - times)[index]
    return index, step


def upright_edges(counts: Integers, height: int, width: int) -> Integers:
    """Return the upright edges of the mask's pixels, joined where they continue: shape (n, 4).

    Columns: x, top y, bottom y, and 1 where the foreground is to the right of the edge or -1 where it is to the left.
    Sorted by x, then y. An edge ends where two foreground pixels touch only at a corner.
    """
    column, top, bottom = spans(counts, height)
    # Along each grid line x, note where the columns on both sides begin and end; +1 and -1 tell the sides apart.
    stride = height + 1
    right, left = column * stride, (column + 1) * stride
    keys = np.concatenate([right + top, right + bottom, left + top, left + bottom])
    change = np.repeat(np.array([1, -1, -1, 1]), len(column))
    ordering = np.argsort(keys, kind="stable")
    keys, side = keys[ordering], np.cumsum(change[ordering])
    last = np.append(keys[1:] != keys[:-1], True) if len(keys) else np.empty(0, np.bool_)
    keys, side = keys[last], side[last]
    edge = np.flatnonzero(side)
    x, y = np.divmod(keys, stride)
    return np.column_stack([x[edge], y[edge], y[edge + 1] if len(edge) else y[edge], side[edge]])


def expand(edges: Integers, stride: int) -> Integers:
    """Return `y * stride + x` for every pixel row y that an upright edge passes, in the order of the edges."""
    heights = edges[:, 2] - edges[:, 1]
    check_crossings(int(heights.sum()))
    edge, step = repeat(heights)
    return (edges[edge, 1] + step) * stride + edges[edge, 0]


def transposed(counts: Integers, height: int, width: int) -> Integers:
    """Return the row-major counts of a mask from its column-major ones, which are those of the transposed mask.

    Time and memory grow with the length of the mask's outline, not with its area.
    """
    return runs_of(expand(upright_edges(counts, height, width), width), height * width)


def window(counts: Integers, height: int, corner: tuple[int, int], size: tuple[int, int]) -> Integers:
    """Return the column-major counts of the part of a mask that a window shows.

    Args:
        counts: Column-major counts of a mask.
        height: The mask's height in pixels.
        corner: x and y of the window's top-left pixel; it may lie outside, where all is background.
        size: The window's width and height in pixels.
    """
    column, top, bottom = spans(counts, height)
    (x, y), (width, rows) = corner, size
    column, top, bottom = column - x, np.clip(top - y, 0, rows), np.clip(bottom - y, 0, rows)
    inside = (column >= 0) & (column < width)
    starts, ends = (column * rows + top)[inside], (column * rows + bottom)[inside]
    return runs_of(np.concatenate([starts, ends]), width * rows)


def shared_pixels(a: Integers, b: Integers) -> int:
    """Return how many pixels two masks of one size have in common, from counts in one order."""
    edges = np.concatenate(([0], np.cumsum(a)))
    foreground = np.concatenate(([0], np.cumsum(np.where(np.arange(len(a)) % 2, a, 0))))
    ends = np.cumsum(b)
    starts, ends = (ends - b)[1::2], ends[1::2]
    return int(_pixels_before(ends, edges, foreground).sum() - _pixels_before(starts, edges, foreground).sum())


def _pixels_before(places: Integers, edges: Integers, foreground: Integers) -> Integers:
    run = np.clip(np.searchsorted(edges, places, side="right") - 1, 0, len(edges) - 2)
    return foreground[run] + np.where(run % 2, places - edges[run], 0)


def area(counts: Integers) -> int:
    """Return the number of foreground pixels, from counts in either order."""
    return int(counts[1::2].sum())


def pixel_bounds(counts: Integers, height: int) -> tuple[int, int, int, int] | None:
    """Return x, y, width, height of the pixels that column-major counts set, or None where there are none."""
    column, top, bottom = spans(counts, height)
    if not len(column):
        return None
    x, y = int(column[0]), int(top.min())
    return x, y, int(column[-1]) - x + 1, int(bottom.max()) - y
