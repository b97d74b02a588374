"""`dragoman evaluate` and `dragoman compare`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from dragoman.cli.evaluate_sides import Sides
from dragoman.cli.options import writable
from dragoman.cli.show import as_json, out, settings, table
from dragoman.errors import InvalidData
from dragoman.schema import Item, MatchPolicy

MOST = 10
"""Items that are shown of those that changed."""

Where = "a file or folder (PATH or FORMAT:PATH), or BACKEND:DATASET"
Labels = Annotated[str, typer.Argument(help=f"Where the labels are: {Where}.")]
Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="BACKEND.NAME=VALUE", help="A setting of a backend, or so an option of a format."),
]
Profiles = Annotated[
    list[str], typer.Option("--profile", metavar="BACKEND=NAME", help="Profile of the settings of a backend.")
]
Split = Annotated[str | None, typer.Option(help="Only items of this split.")]
SliceBy = Annotated[str | None, typer.Option(help="A key of the items' metadata, or split; each value is a slice.")]
Slices = Annotated[
    list[str], typer.Option("--slice", metavar="QUERY", help="A slice by metadata: 'weather=rain, speed>=50'.")
]
Tracking = Annotated[bool, typer.Option("--tracking", help="Measure tracks over the frames of videos, too.")]


Lines = Annotated[
    Path | None,
    typer.Option("--matches", callback=writable, help="Write what hit what to this file, as lines of JSON."),
]
Iou = Annotated[float, typer.Option(help="Least overlap of a hit.", min=0, max=1)]
Agnostic = Annotated[bool, typer.Option("--class-agnostic", help="A hit's features may differ.")]
Pairs = Annotated[list[str], typer.Option("--pair", metavar="LABEL=PREDICTION", help="Features that match as well.")]
Html = Annotated[Path | None, typer.Option(callback=writable, help="Write a page to this file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def evaluate(
    labels: Labels,
    predictions: Annotated[str, typer.Argument(help="Where the predictions are; on a backend with :VERSION.")],
    set_: Settings = [],
    profile: Profiles = [],
    split: Split = None,
    slice_by: SliceBy = None,
    slice_: Slices = [],
    iou: Iou = 0.5,
    class_agnostic: Agnostic = False,
    pair: Pairs = [],
    tracking: Tracking = False,
    matches: Lines = None,
    html: Html = None,
    json: Json = False,
) -> None:
    """Evaluate predictions against labels, wherever both are."""
    asked = _Asked(labels, _policy(iou, class_agnostic, pair), split, slice_by, slice_, tracking)
    with ExitStack() as stack:
        (study,), items = _studies(Sides(stack, _by_backend(set_), settings(profile)), asked, [predictions])
    if matches is not None:
        _write_matches(study, matches)
    if html is not None:
        from dragoman.evaluate.page import page

        html.write_text(page(study, items=items), encoding="utf-8")
    if json:
        as_json(_as_plain(study))
        return
    _show(study)
    _say_written(matches, html)


def compare(
    labels: Labels,
    predictions: Annotated[list[str], typer.Argument(help="Where the predictions of each version are.")],
    set_: Settings = [],
    profile: Profiles = [],
    split: Split = None,
    iou: Iou = 0.5,
    class_agnostic: Agnostic = False,
    pair: Pairs = [],
    draws: Annotated[int, typer.Option(help="How often images are drawn anew for the intervals.", min=1)] = 1000,
    html: Html = None,
    json: Json = False,
) -> None:
    """Compare the predictions of two or more versions with those of the first, across backends and files."""
    from dragoman.evaluate.compare import compare as run

    asked = _Asked(labels, _policy(iou, class_agnostic, pair), split)
    with ExitStack() as stack:
        studies, items = _studies(Sides(stack, _by_backend(set_), settings(profile)), asked, predictions)
    comparisons = run(studies, draws=draws)
    if html is not None:
        from dragoman.evaluate.page import page

        html.write_text(page(studies[0], comparisons=comparisons, items=items), encoding="utf-8")
    if json:
        as_json([_plain(one) for one in comparisons])
        return
    for one in comparisons:
        _show_comparison(one)
    _say_written(html)


@dataclass(frozen=True)
class _Asked:
    """What is evaluated, and how.

    Args:
        labels: Where the labels are.
        policy: When a prediction hits a label.
        split: Only items of this split.
        slice_by: The name whose values are slices.
        queries: Slices by what their items' metadata say.
        tracking: Whether tracks are measured.
    """

    labels: str
    policy: MatchPolicy
    split: str | None = None
    slice_by: str | None = None
    queries: Sequence[str] = ()
    tracking: bool = False


def _studies(sides: Sides, asked: _Asked, predictions: Sequence[str]) -> tuple[list[Any], dict[str, Item]]:
    """Return a study of each version, and the items by key."""
    from dragoman.evaluate import study

    items = {item.key: item for item in sides.items(asked.labels)}
    chosen = [item for item in items.values() if asked.split is None or item.split == asked.split]
    if not chosen:
        raise InvalidData(f"{asked.labels} has no items" + (f" in the split {asked.split!r}." if asked.split else "."))
    keys, slices = {item.key for item in chosen}, _slices(chosen, asked)
    sizes = {item.key: (item.width, item.height) for item in chosen if item.width and item.height}
    studies = [
        study(
            sides.labels(asked.labels),
            sides.predictions(where, asked.labels),
            version=where,
            dataset=asked.labels,
            policy=None if asked.policy == MatchPolicy() else asked.policy,
            slices=slices,
            items=keys,
            tracking=asked.tracking,
            sizes=sizes,
        )
        for where in predictions
    ]
    return studies, items


def _slices(items: list[Item], asked: _Asked) -> dict[str, list[str]]:
    from dragoman.evaluate.slices import slice_of, slices_by

    found = slices_by(items, asked.slice_by) if asked.slice_by else {}
    return found | {query: slice_of(items, query) for query in asked.queries}


def _by_backend(pairs: list[str]) -> dict[str, dict[str, str]]:
    given: dict[str, dict[str, str]] = {}
    for name, value in settings(pairs).items():
        backend, dot, setting = name.partition(".")
        if not dot:
            raise typer.BadParameter(f"{name!r} is not of the form BACKEND.NAME.")
        given.setdefault(backend, {})[setting] = value
    return given


def _policy(iou: float, class_agnostic: bool, pairs: list[str]) -> MatchPolicy:
    # One by one: a feature may be in several pairs.
    both = tuple(pair for text in pairs for pair in settings([text]).items())
    return MatchPolicy(iou=iou, class_agnostic=class_agnostic, pairs=both)


def _show(study: Any) -> None:
    found = study.evaluation
    table(
        f"{found.version} on {found.dataset}",
        ["metric", "value#"],
        [(name, f"{value:.3f}") for name, value in found.metrics.items()],
    )
    _show_features(found.per_feature)
    for name, metrics in study.slices.items():
        table(f"Slice {name}", ["metric", "value#"], [(metric, f"{value:.3f}") for metric, value in metrics.items()])
    left_out = _left_out(found.skipped, study.left_out)
    out.print(f"{found.labels} labels, {found.predictions} predictions{left_out}.")


def _show_features(per_feature: Any) -> None:
    from dragoman.evaluate.tracking import METRICS

    columns = dict.fromkeys(name for values in per_feature.values() for name in values)
    shapes, tracks = ([name for name in columns if (name in METRICS) is of_tracks] for of_tracks in (False, True))
    # Two tables: all columns together are wider than most terminals, and numbers that are cut off say nothing.
    for title, names in (("Features", shapes), ("Tracks", tracks)):
        rows = [
            (feature, *(f"{values[name]:.3f}" if name in values else "" for name in names))
            for feature, values in per_feature.items()
        ]
        if names:
            table(title, ["feature", *(f"{name}#" for name in names)], rows)


def _left_out(skipped: int, strays: int) -> str:
    """Return what is said of rows that were not evaluated, nothing if there are none."""
    kinds = f", {skipped} predictions of another kind left out" if skipped else ""
    return kinds + (f", {strays} rows on other items left out" if strays else "")


def _show_comparison(one: Any) -> None:
    columns = ["change#", "low#", "high#", "certain"]
    table(f"{one.other} against {one.first}", ["metric", *columns], _changes(one.metrics))
    table("Features", ["feature", *columns], _changes(one.per_feature))
    if one.items:
        changed = [(item, f"{change:+d}") for item, change in list(one.items.items())[:MOST]]
        table("Items that changed most", ["item", "mistakes#"], changed)
    for version, skipped, strays in zip((one.first, one.other), one.skipped, one.left_out, strict=True):
        if left_out := _left_out(skipped, strays):
            out.print(f"{version}{left_out}.", soft_wrap=True)


def _changes(changes: Any) -> list[tuple[str, ...]]:
    return [
        (name, f"{c.delta:+.3f}", f"{c.low:+.3f}", f"{c.high:+.3f}", "yes" if c.certain else "can be chance")
        for name, c in changes.items()
    ]


def _say_written(*paths: Path | None) -> None:
    for path in paths:
        if path is not None:
            out.print(f"Wrote {path}.", soft_wrap=True)


def _write_matches(study: Any, path: Path) -> None:
    if study.matches is None:
        raise InvalidData("Classifications have no matches.", hint="Leave out --matches.", field="matches")
    from dragoman.formats.native.ndjson import batched
    from dragoman.schema import encode_rows

    with path.open("wb") as file:
        file.writelines(map(encode_rows, batched(study.matches.rows(), 10_000)))


def _as_plain(study: Any) -> dict[str, Any]:
    names, counts = study.confusion
    curves = {
        feature: {name: getattr(curve, name).tolist() for name in ("confidence", "precision", "recall", "f1")}
        for feature, curve in study.curves.items()
    }
    return {
        **study.evaluation.model_dump(mode="json"),
        "left_out": study.left_out,
        "slices": study.slices,
        "confusion": {"names": names, "counts": counts.tolist()},
        "reliability": study.reliability,
        "curves": curves,
    }


def _plain(one: Any) -> dict[str, Any]:
    return {
        "first": one.first,
        "other": one.other,
        "metrics": _plain_changes(one.metrics),
        "per_feature": _plain_changes(one.per_feature),
        "items": one.items,
        "skipped": one.skipped._asdict(),
        "left_out": one.left_out._asdict(),
    }


def _plain_changes(changes: Any) -> dict[str, Any]:
    return {
        name: {"change": change.delta, "low": change.low, "high": change.high, "certain": change.certain}
        for name, change in changes.items()
    }
