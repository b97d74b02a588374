"""Geometry against what one would call otherwise: pycocotools, OpenCV, or the plain numpy of many projects.

Each pair takes turns in one process on the same data, and what both compute is compared before it is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import cv2
import numpy as np
import shapely
from pycocotools import mask as coco

from benchmarks.measure import report
from dragoman import Box, Polygon, RotatedBox
from dragoman.geometry import convert, iou, iou_of_rotated, outlines, rle, suppress_boxes
from dragoman.geometry.boxes import corners_of_rotated

ROUNDS = 15
HEIGHT, WIDTH = 1080, 1920


def run() -> None:
    """Print the ratios of the median times."""
    masks = _masks()
    _coding(masks)
    _reordering(masks)
    _tracing(masks)
    _suppressing()
    _rotated()
    _converting()


def _compare(what: str, ours: Callable[[], object], peer: Callable[[], object], *, limit: float) -> None:
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(ROUNDS + 1):
        for call, taken in zip((ours, peer), times, strict=True):
            start = time.perf_counter()
            call()
            if turn:
                taken.append((time.perf_counter() - start) * 1000)
    report(what, median(times[0]), median(times[1]), limit=limit, unit="ms")


def _masks() -> list[np.ndarray]:
    """Return 20 masks of objects: blobs with holes, of all sizes, in one HD image."""
    random = np.random.default_rng(0)
    masks = []
    for _ in range(20):
        angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        radius = random.uniform(20, 400) * (1 + 0.2 * random.random((60, 1)))
        ring = random.uniform((300, 200), (1500, 900)) + radius * np.column_stack([np.cos(angles), np.sin(angles)])
        hole = ring.mean(axis=0) + (ring - ring.mean(axis=0)) / 3
        masks.append(np.asfortranarray(outlines.filled([(ring, hole)], HEIGHT, WIDTH)))
    return masks


def _coding(masks: list[np.ndarray]) -> None:
    codes = [coco.encode(mask.view(np.uint8)) for mask in masks]
    strings = [code["counts"].decode() for code in codes]
    sizes = (HEIGHT, WIDTH)
    assert [rle.compress(rle.encode(mask), *sizes) for mask in masks] == strings
    _compare(
        "20 HD masks to COCO strings / pycocotools",
        lambda: [rle.compress(rle.encode(mask), *sizes) for mask in masks],
        lambda: [coco.encode(mask.view(np.uint8)) for mask in masks],
        limit=0.7,
    )
    _compare(
        "20 COCO strings to HD masks / pycocotools",
        lambda: [rle.decode(rle.decompress(text, *sizes), *sizes) for text in strings],
        lambda: [coco.decode(code) for code in codes],
        limit=0.7,
    )


def _reordering(masks: list[np.ndarray]) -> None:
    columns = [rle.encode(mask) for mask in masks]

    def ours() -> list[list[int]]:
        return [rle.reorder(counts, HEIGHT, WIDTH, order="column").tolist() for counts in columns]

    def decoded() -> list[list[int]]:
        return [rle.encode(rle.decode(counts, HEIGHT, WIDTH), order="row").tolist() for counts in columns]

    assert ours() == decoded()
    _compare("20 masks column-major to row-major / through the pixels", ours, decoded, limit=0.5)


def _tracing(masks: list[np.ndarray]) -> None:
    counts = [rle.encode(mask) for mask in masks]
    pixels = [np.ascontiguousarray(mask, np.uint8) for mask in masks]

    def ours() -> list[float]:
        parts = [outlines.trace(one, HEIGHT, WIDTH) for one in counts]
        return [sum(shapely.Polygon(part[0], part[1:]).area for part in traced) for traced in parts]

    def enlarged() -> list[float]:
        # OpenCV traces pixel centres; at twice the size these can be moved to the edges of the pixels.
        areas = []
        for one in pixels:
            twice = cv2.resize(one, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
            rings, levels = cv2.findContours(twice, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
            signs = np.where(levels[0, :, 3] < 0, 1, -1)
            areas.append(sum(s * cv2.contourArea((r + 1) // 2) for s, r in zip(signs, rings, strict=True)))
        return areas

    assert np.allclose(ours(), enlarged())
    _compare("exact outlines of 20 masks / findContours at twice the size", ours, enlarged, limit=0.7)


def _suppressing() -> None:
    random = np.random.default_rng(0)
    boxes = np.column_stack([random.random((5000, 2)) * 2000, 20 + random.random((5000, 2)) * 100])
    scores = random.random(5000)
    assert suppress_boxes(boxes, scores).tolist() == _suppress_plainly(boxes, scores)
    _compare(
        "suppression of 5000 boxes / plain numpy",
        lambda: suppress_boxes(boxes, scores),
        lambda: _suppress_plainly(boxes, scores),
        limit=0.3,
    )
    _compare(
        "suppression of 5000 boxes / OpenCV (which rounds to float32)",
        lambda: suppress_boxes(boxes, scores),
        lambda: cv2.dnn.NMSBoxes(boxes, scores, 0.0, 0.5),
        limit=0.5,
    )


def _suppress_plainly(boxes: np.ndarray, scores: np.ndarray) -> list[int]:
    left = np.argsort(-scores, kind="stable")
    low, high, areas = boxes[:, :2], boxes[:, :2] + boxes[:, 2:], boxes[:, 2:].prod(axis=1)
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        shared = np.maximum(np.minimum(high[best], high[left]) - np.maximum(low[best], low[left]), 0).prod(axis=1)
        left = left[shared / (areas[best] + areas[left] - shared) <= 0.5]
    return kept


def _rotated() -> None:
    random = np.random.default_rng(0)
    low, high = (0, 0, 5, 5, -90), (1000, 1000, 80, 80, 90)
    rows, columns = random.uniform(low, high, (200, 5)), random.uniform(low, high, (200, 5))

    def one_by_one() -> np.ndarray:
        ours, theirs = ([shapely.Polygon(corners) for corners in corners_of_rotated(side)] for side in (rows, columns))
        return np.array([[a.intersection(b).area / a.union(b).area for b in theirs] for a in ours])

    assert np.allclose(iou_of_rotated(rows, columns), one_by_one())
    _compare(
        "IoU of 200 x 200 rotated boxes / shapely pair by pair",
        lambda: iou_of_rotated(rows, columns),
        one_by_one,
        limit=0.1,
    )


def _converting() -> None:
    boxes = [RotatedBox(50 + n, 40, 30, 10, n % 360) for n in range(2000)]

    def corners_of(box: RotatedBox) -> np.ndarray:
        return cv2.boxPoints(((box.cx, box.cy), (box.width, box.height), box.angle))

    def box_of(box: RotatedBox) -> Box:
        corners = corners_of(box)
        low, high = corners.min(axis=0), corners.max(axis=0)
        return Box(*low.tolist(), *(high - low).tolist())

    def polygon_of(box: RotatedBox) -> Polygon:
        return Polygon(((tuple(corners_of(box).ravel().tolist()),),))

    for box in boxes:
        assert iou(convert(box, "box"), box_of(box)) > 0.999
        assert iou(convert(box, "polygon"), polygon_of(box)) > 0.999
    for form, peer, limit in (("box", box_of, 0.5), ("polygon", polygon_of, 1.1)):
        _compare(
            f"2000 rotated boxes to {form} / OpenCV",
            lambda form=form: [convert(box, form) for box in boxes],
            lambda peer=peer: [peer(box) for box in boxes],
            limit=limit,
        )


if __name__ == "__main__":
    run()
