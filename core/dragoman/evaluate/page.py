"""One study as a page: metrics, curves, confusions, and the items with most mistakes, drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dragoman.evaluate.classification import Classification
from dragoman.evaluate.columns import Columns
from dragoman.evaluate.compare import Comparison
from dragoman.evaluate.curves import Curve
from dragoman.evaluate.index import Floats
from dragoman.evaluate.matching import NOBODY, Matches
from dragoman.evaluate.studies import Study
from dragoman.pages import data_uri, extent, path_of, render
from dragoman.schema import AnyGeometry, Box, Item

EXAMPLES = 24
FEATURES = 30
"""Most features of a matrix of confusions; more are not to be read."""
BINS = 10
STATUSES = ("false_negative", "wrong_feature", "false_positive")


@dataclass(frozen=True)
class Example:
    """One image with mistakes, ready to be drawn: sizes in pixels, shapes as what they are and SVG path data.

    Args:
        labels: What is there: its feature and path, and whether it was missed.
        predictions: What was said and is wrong: its feature with its confidence, and path.
        note: What is said of a classification.
    """

    item: str
    frame: int | None
    width: float
    height: float
    image: str | None
    features: Sequence[str]
    counts: Mapping[str, int]
    labels: Sequence[tuple[str, str, bool]] = ()
    predictions: Sequence[tuple[str, str]] = ()
    note: str = ""


def page(study: Study, *, comparisons: Sequence[Comparison] = (), items: Mapping[str, Item] | None = None) -> str:
    """Return a study as one HTML page that needs no other file.

    Args:
        study: What is shown.
        comparisons: How other versions differ from it.
        items: Items by key, for their images and sizes; without them shapes are drawn on plain ground.
    """
    known = items or {}
    if study.matches is not None:
        examples = _shape_examples(study.matches, known)
    else:
        assert study.classification is not None
        examples = _class_examples(study.classification, known)
    names, matrix, hidden = _matrix(*study.confusion)
    values = study.evaluation.per_feature.values()
    return render(
        "dragoman.evaluate",
        "study.html.jinja",
        evaluation=study.evaluation,
        left_out=study.left_out,
        columns=list(dict.fromkeys(name for metrics in values for name in metrics)),
        comparisons=[(one, _intervals(one)) for one in comparisons],
        curves={
            feature: _lines(curve, 360 * n / len(study.curves))
            for n, (feature, curve) in enumerate(study.curves.items())
        },
        reliability=_reliability(study.reliability),
        histogram=_histogram(*_scores(study)),
        names=names,
        matrix=matrix,
        hidden=hidden,
        slices=study.slices,
        slice_columns={name for metrics in study.slices.values() for name in metrics},
        examples=examples,
        statuses=[status for status in STATUSES if any(status in example.counts for example in examples)],
    )


# -- plots: x and y from 0 to 100, y downwards ------------------------------------------------------------------------


def _lines(curve: Curve, hue: float) -> dict[str, str]:
    return {
        "color": f"oklch(0.62 0.16 {hue:.0f})",
        "precision": _points(curve.recall, curve.precision),
        "f1": _points(curve.confidence, curve.f1),
    }


def _points(x: Any, y: Any) -> str:
    return " ".join(f"{100 * a:.1f},{100 - 100 * b:.1f}" for a, b in zip(x, y, strict=True))


def _reliability(bins: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    return [
        {
            "x": 100 * one["bin_lower"] + 0.4,
            "width": 100 * (one["bin_upper"] - one["bin_lower"]) - 0.8,
            "right": 100 * one["avg_accuracy"],
            "count": one["count"],
        }
        for one in bins
        if one["count"]
    ]


def _intervals(comparison: Comparison) -> dict[str, dict[str, float]]:
    """Return metric to the ends and the middle of its interval; zero is at 50, and what reaches too far is cut."""
    reaches = [max(abs(one.low), abs(one.high)) for one in comparison.metrics.values()]
    # A rare size class is so uncertain that at its scale nothing else would be to be seen.
    reach = min(max(reaches, default=0.0), 3 * float(np.median(reaches))) or 1.0
    return {
        name: {end: min(max(50 + 50 * getattr(one, end) / reach, 0), 100) for end in ("low", "delta", "high")}
        for name, one in comparison.metrics.items()
    }


def _scores(study: Study) -> tuple[Floats, Floats]:
    """Return the confidences of predictions that are right, and of those that are wrong."""
    if study.matches is not None:
        matches, hits = study.matches, study.matches.label_of != NOBODY
        return matches.said.score[hits], matches.said.score[~hits & ~matches.ignored]
    found = study.classification
    assert found is not None
    right, sure = found.there == found.said, found.said < len(found.names)
    return found.confidence[right], found.confidence[~right & sure]


def _histogram(right: Floats, wrong: Floats) -> list[dict[str, float]]:
    """Return the bars of two histograms, each a share of its own scores in percent."""
    shares = []
    for scores in (right, wrong):
        counts, _ = np.histogram(scores, BINS, (0.0, 1.0))
        shares.append(100 * counts / max(counts.sum(), 1))
    return [
        {"x": 100 * n / BINS + 0.4, "right": float(hits), "wrong": float(misses)}
        for n, (hits, misses) in enumerate(zip(*shares, strict=True))
    ]


def _matrix(names: Sequence[str], counts: Any) -> tuple[list[str], list[list[dict[str, float]]], int]:
    """Return the features with most labels and their confusions, each with its share of its row in percent."""
    *features, nothing = range(len(names))
    common = sorted(features, key=lambda n: -int(counts[n].sum()))[:FEATURES]
    chosen = [*sorted(common), nothing]
    rows = []
    for there in chosen:
        total = max(int(counts[there].sum()), 1)
        rows.append([{"count": int(counts[there, n]), "share": round(70 * counts[there, n] / total)} for n in chosen])
    return [names[n] for n in chosen], rows, len(features) - len(common)


# -- examples ---------------------------------------------------------------------------------------------------------


def _shape_examples(matches: Matches, items: Mapping[str, Item]) -> list[Example]:
    """Return the images with most mistakes."""
    truth, said = matches.truth, matches.said
    wrong = np.flatnonzero((matches.label_of == NOBODY) & ~matches.ignored)
    counts: dict[int, Counter[str]] = {}
    for place in wrong.tolist():
        status = "wrong_feature" if matches.near[place] != NOBODY else "false_positive"
        counts.setdefault(int(said.unit[place]), Counter())[status] += 1
    for unit in truth.unit[matches.missed].tolist():
        counts.setdefault(unit, Counter())["false_negative"] += 1
    worst = sorted(counts, key=lambda unit: (-counts[unit].total(), unit))[:EXAMPLES]
    names, units = truth.features.names(), truth.units.names()
    examples = []
    for unit in worst:
        there = np.flatnonzero(truth.unit == unit).tolist()
        mistaken = wrong[said.unit[wrong] == unit].tolist()
        item, frame = (units[unit], None) if isinstance(units[unit], str) else units[unit]
        features = {names[truth.feature[n]] for n in there} | {names[said.feature[n]] for n in mistaken}
        shapes = [_shape(truth, n) for n in there], [_shape(said, n) for n in mistaken]
        width, height = _size(items.get(item), *shapes[0], *shapes[1])
        examples.append(
            Example(
                item=item,
                frame=frame,
                width=width,
                height=height,
                image=None if frame is not None else _image(items.get(item)),
                labels=[
                    (names[truth.feature[n]], path_of(shape), bool(matches.missed[n]))
                    for n, shape in zip(there, shapes[0], strict=True)
                ],
                predictions=[
                    (f"{names[said.feature[n]]} {said.score[n]:.2f}", path_of(shape))
                    for n, shape in zip(mistaken, shapes[1], strict=True)
                ],
                features=sorted(features),
                counts={status: counts[unit][status] for status in STATUSES if counts[unit][status]},
            )
        )
    return examples


def _class_examples(found: Classification, items: Mapping[str, Item]) -> list[Example]:
    """Return the items that were most surely taken for something else."""
    wrong = np.flatnonzero((found.there != found.said) & (found.said < len(found.names)))
    worst = wrong[np.argsort(-found.confidence[wrong], kind="stable")][:EXAMPLES]
    examples = []
    for place in worst.tolist():
        unit = found.items[place]
        key, frame = (unit, None) if isinstance(unit, str) else unit
        there, said = found.names[found.there[place]], found.names[found.said[place]]
        width, height = _size(items.get(key))
        image = None if frame is not None else _image(items.get(key))
        note = f"is {there}, said {said} with {found.confidence[place]:.2f}"
        examples.append(Example(key, frame, width, height, image, (there, said), {"wrong_feature": 1}, note=note))
    return examples


def _shape(rows: Columns, place: int) -> AnyGeometry:
    return rows.shapes[place] if rows.shapes else Box(*rows.boxes[place].tolist())


def _size(item: Item | None, *shapes: AnyGeometry) -> tuple[float, float]:
    if item is not None and item.width and item.height:
        return float(item.width), float(item.height)
    return extent(*shapes)


def _image(item: Item | None) -> str | None:
    return data_uri(item.uri) if item is not None else None
