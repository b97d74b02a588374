"""Masks to polygons and back, exactly.

Coordinates are continuous: the pixel in row i and column j covers [j, j + 1] x [i, i + 1]. A mask becomes the outline
along its pixels' edges, one part for each group of pixels joined by their sides, with its holes; a polygon becomes the
pixels whose centres it covers. So mask to polygon to mask is exact, and a mask of one pixel is a unit square.

OpenCV's `findContours` joins the centres of the border pixels instead: a pixel becomes a point, a hole grows by half a
pixel on each side, and diagonal neighbours share one ring; `fillPoly` also paints the border. Hence our own tracing
and filling, in numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dragoman.geometry.limits import (
    Booleans,
    Floats,
    Integers,
    check_crossings,
    check_reach,
    check_size,
    check_vertices,
)
from dragoman.geometry.rle import checked, decode, encode
from dragoman.geometry.runs import expand, repeat, runs_of, upright_edges
from dragoman.geometry.shapes import Part, parts_of_polygon
from dragoman.schema import Mask, Polygon


def polygon_of_mask(mask: Mask) -> Polygon | None:
    """Return the exact outline of a mask, or None for an empty one. See `trace` for its rings."""
    parts = trace(np.array(mask.counts, np.int64), mask.height, mask.width)
    if not parts:
        return None
    return Polygon(tuple(tuple(tuple(ring.ravel().tolist()) for ring in part) for part in parts))


def mask_of_polygon(polygon: Polygon, width: int, height: int) -> Mask:
    """Return the pixels whose centres a polygon covers, as a mask of the image's size; see `fill`.

    What lies outside the image is cut off, and what covers no pixel's centre vanishes: `overlap.iou` measures both.
    """
    counts = fill(parts_of_polygon(polygon), height, width)
    return Mask(height, width, tuple(counts.tolist()))


def outlines(mask: npt.NDArray[np.bool_ | np.integer]) -> list[Part]:
    """Return the exact outline of a mask array of shape (height, width): parts of rings, as `trace` returns them."""
    return trace(encode(mask), *mask.shape)


def filled(parts: Sequence[Part], height: int, width: int) -> Booleans:
    """Return the pixels whose centres the parts cover, shape (height, width), bool; see `fill`."""
    return decode(fill(parts, height, width), height, width)


def trace(counts: npt.ArrayLike, height: int, width: int) -> list[Part]:
    """Return the exact outline of a mask given by column-major counts.

    Returns:
        Parts in the order of their top-left corners, column by column. Each part is its outer ring followed by its
        holes; a ring is an open array of shape (n, 2), dtype float64: x, y of its corners, clockwise as seen on
        screen for the outer ring and counter-clockwise for holes. Rings do not cross or touch themselves; they touch
        each other only at corners, so that the polygon is valid as OGC's simple features define it.
    """
    edges = upright_edges(checked(counts, height, width), height, width)
    if not len(edges):
        return []
    check_vertices(2 * len(edges))
    following = _links(edges, width)
    ring, rank = _cycles(following)
    order = np.lexsort((rank, ring))
    starts = np.flatnonzero(np.diff(ring[order], prepend=-1))
    x, top, bottom, side = edges[order].T
    # The foreground is on the right hand of who walks along: up on its left edges, down on its right ones.
    tail, head = np.where(side < 0, top, bottom), np.where(side < 0, bottom, top)
    vertices = np.stack([np.column_stack([x, tail]), np.column_stack([x, head])], axis=1).reshape(-1, 2)
    outer = np.add.reduceat(x * (head - tail), starts) > 0
    rings = np.split(vertices.astype(np.float64), 2 * starts[1:])
    parents = _parents(edges, ring, ring[order][starts], outer, width)
    return _grouped(rings, outer, parents)


def _links(edges: Integers, width: int) -> Integers:
    """Return for each upright edge the next one on its ring.

    Along each horizontal grid line the ends of upright edges, from left to right, are by turns the left and the right
    end of a level edge. Where pixels touch at a corner two upright edges end; taking the one with the foreground on
    its left first keeps to the same pixel.
    """
    count = len(edges)
    x, top, bottom, side = edges.T
    heads = np.concatenate([side > 0, side < 0])
    keys = (np.concatenate([top, bottom]) * (width + 1) + np.tile(x, 2)) * 2 + np.tile(side > 0, 2)
    order = np.argsort(keys)
    level = np.empty(2 * count, np.int64)
    level[order] = np.arange(2 * count) // 2
    ends = np.arange(2 * count) % count
    out, into = np.empty(count, np.int64), np.empty(count, np.int64)
    out[ends[heads]] = level[heads]
    into[level[~heads]] = ends[~heads]

    corner = keys[order] // 2
    touching = np.flatnonzero(corner[1:] == corner[:-1])
    if len(touching):
        ring, _ = _cycles(into[out])
        first, second = order[touching], order[touching + 1]
        # A ring that meets itself at a corner is two rings: exchange the ways on. Both ends are of one sort.
        same = ring[ends[first]] == ring[ends[second]]
        first, second = first[same], second[same]
        arriving = heads[first]
        one, other = ends[first[arriving]], ends[second[arriving]]
        out[one], out[other] = out[other], out[one]
        one, other = level[first[~arriving]], level[second[~arriving]]
        into[one], into[other] = into[other], into[one]
    return into[out]


def _cycles(following: Integers) -> tuple[Integers, Integers]:
    """Return for each element of a permutation the smallest of its cycle, and its place in the cycle from there on.

    By pointer doubling: the number of numpy calls grows with the logarithm of the longest cycle.
    """
    elements = np.arange(len(following))
    smallest, jump = elements, following
    while True:
        found = np.minimum(smallest, smallest[jump])
        if (found == smallest).all():
            break
        smallest, jump = found, jump[jump]
    root = smallest == elements
    left = np.where(root, 0, 1)
    jump = np.where(root, elements, following)
    while not root[jump].all():
        left = left + left[jump]
        jump = jump[jump]
    return smallest, np.where(root, 0, len(following) - left)


def _parents(edges: Integers, ring: Integers, names: Integers, outer: Booleans, width: int) -> Integers:
    """Return for each ring the outer ring of its part, as positions in `names`.

    From the leftmost edge of a hole, go left through the foreground to the next edge: it belongs to the outer ring or
    to another hole of the same part.
    """
    parents = np.arange(len(names))
    holes = np.flatnonzero(~outer)
    if not len(holes):
        return parents
    stride = width + 1
    passed = expand(edges, stride)
    owner = np.repeat(np.arange(len(edges)), edges[:, 2] - edges[:, 1])
    order = np.argsort(passed)
    # Edges are sorted by x, so the smallest edge of a ring, which names it, is its leftmost.
    leftmost = edges[names[holes]]
    place = np.searchsorted(passed[order], leftmost[:, 1] * stride + leftmost[:, 0])
    parents[holes] = np.searchsorted(names, ring[owner[order[place - 1]]])
    while not outer[parents].all():
        parents = parents[parents]
    return parents


def _grouped(rings: list[Floats], outer: Booleans, parents: Integers) -> list[Part]:
    parts: dict[int, list[Floats]] = {int(number): [rings[number]] for number in np.flatnonzero(outer)}
    for hole in np.flatnonzero(~outer):
        parts[int(parents[hole])].append(rings[hole])
    return [tuple(part) for part in parts.values()]


def fill(parts: Sequence[Part], height: int, width: int, corner: tuple[int, int] = (0, 0)) -> Integers:
    """Return the column-major counts of the pixels whose centres the parts cover.

    A part covers what its rings enclose an odd number of times (the even-odd rule), so holes may be wound either way
    and zero-width bridges do not show; the parts are united. A centre exactly on an outline belongs to the shape on
    its right or lower side. What lies outside the image is left out.

    Args:
        parts: Each a sequence of rings; a ring is an array of shape (n, 2): x, y in pixels, open or closed.
        height, width: Size of the image, or of a window of it, in pixels.
        corner: x and y of the window's top-left pixel. Which pixels are covered does not depend on the window.

    Raises:
        InvalidData: A coordinate is not finite or too large, or the outlines have more vertices or cross more pixel
            columns than `limits` allows.
    """
    check_size(width, height)
    starts, ends, part = _segments(parts)
    # Walk every edge from left to right, so that an edge shared by two shapes crosses columns at the same heights.
    flip = starts[:, 0] > ends[:, 0]
    starts, ends = np.where(flip[:, None], ends, starts), np.where(flip[:, None], starts, ends)
    # The window's corner is taken off whole numbers only: taken off the outline, it would change the last digits by
    # which a centre on an outline falls to one side.
    left, top = corner
    first = np.clip(np.ceil(starts[:, 0] - 0.5) - left, 0, width).astype(np.int64)
    after = np.clip(np.ceil(ends[:, 0] - 0.5) - left, 0, width).astype(np.int64)
    crossed = after - first
    check_crossings(int(crossed.sum()))
    edge, step = repeat(crossed)
    column = first[edge] + step
    run = ends - starts
    slope = np.divide(run[:, 1], run[:, 0], out=np.zeros(len(run)), where=crossed > 0)
    y = starts[edge, 1] + (column + left + 0.5 - starts[edge, 0]) * slope[edge]
    toggles = column * height + np.clip(np.ceil(y - 0.5) - top, 0, height).astype(np.int64)
    return runs_of(toggles if len(parts) == 1 else _united(toggles, part[edge]), height * width)


def _segments(parts: Sequence[Part]) -> tuple[Floats, Floats, Integers]:
    """Return where all edges of all rings start and end, and which part each belongs to."""
    rings = [np.asarray(ring, np.float64) for part in parts for ring in part]
    if not rings:
        return np.empty((0, 2)), np.empty((0, 2)), np.empty(0, np.int64)
    check_vertices(sum(map(len, rings)))
    starts = np.concatenate(rings)
    check_reach(starts)
    ends = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    owner = np.repeat(np.arange(len(parts)), [sum(map(len, part)) for part in parts])
    return starts, ends, owner


def _united(toggles: Integers, part: Integers) -> Integers:
    """Return the pixel numbers where the union of the parts changes, from those where each part does."""
    order = np.lexsort((toggles, part))
    toggles = toggles[order]
    # Every part changes an even number of times, so that places in this order tell the beginnings from the ends.
    change = np.where(np.arange(len(toggles)) % 2, -1, 1)
    order = np.argsort(toggles, kind="stable")
    toggles, depth = toggles[order], np.cumsum(change[order])
    if not len(toggles):
        return toggles
    last = np.append(toggles[1:] != toggles[:-1], True)
    toggles, covered = toggles[last], depth[last] > 0
    return toggles[np.diff(covered, prepend=False)]
