"""`dragoman evaluate` and `dragoman compare`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from dragoman.cli.show import Bars, as_json, out, settings, table
from dragoman.errors import InvalidData
from dragoman.plugins import installed
from dragoman.schema import Item, Label, MatchPolicy, Prediction

Where = "a file or folder (PATH or FORMAT:PATH), or BACKEND:DATASET"
Labels = Annotated[str, typer.Argument(help=f"Where the labels are: {Where}.")]
Settings = Annotated[list[str], typer.Option("--set", metavar="BACKEND.NAME=VALUE", help="A setting of a backend.")]
Split = Annotated[str | None, typer.Option(help="Only items of this split.")]
SliceBy = Annotated[str | None, typer.Option(help="A key of the items' metadata, or split; each value is a slice.")]
Iou = Annotated[float, typer.Option(help="Least overlap of a hit.", min=0, max=1)]
Agnostic = Annotated[bool, typer.Option("--class-agnostic", help="A hit's features may differ.")]
Pairs = Annotated[list[str], typer.Option("--pair", metavar="LABEL=PREDICTION", help="Features that match as well.")]
Html = Annotated[Path | None, typer.Option(help="Write a page to this file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def evaluate(
    labels: Labels,
    predictions: Annotated[str, typer.Argument(help="Where the predictions are; on a backend with :VERSION.")],
    set_: Settings = [],  # noqa: B006 - typer reads the default and never changes it
    split: Split = None,
    slice_by: SliceBy = None,
    iou: Iou = 0.5,
    class_agnostic: Agnostic = False,
    pair: Pairs = [],  # noqa: B006
    html: Html = None,
    json: Json = False,
) -> None:
    """Evaluate predictions against labels, wherever both are."""
    policy = _policy(iou, class_agnostic, pair)
    with ExitStack() as stack:
        sides = _Sides(stack, _by_backend(set_))
        (study,), items = _studies(sides, labels, [predictions], split, slice_by, policy)
    if html is not None:
        from dragoman.evaluate.page import page

        html.write_text(page(study, items=items), encoding="utf-8")
    if json:
        as_json({**study.evaluation.model_dump(mode="json"), "slices": study.slices})
        return
    _show(study)
    if html is not None:
        out.print(f"Wrote {html}.", soft_wrap=True)


def compare(
    labels: Labels,
    predictions: Annotated[list[str], typer.Argument(help="Where the predictions of each version are.")],
    set_: Settings = [],  # noqa: B006
    split: Split = None,
    iou: Iou = 0.5,
    class_agnostic: Agnostic = False,
    pair: Pairs = [],  # noqa: B006
    draws: Annotated[int, typer.Option(help="How often images are drawn anew for the intervals.", min=1)] = 1000,
    html: Html = None,
    json: Json = False,
) -> None:
    """Compare the predictions of two or more versions with those of the first, across backends and files."""
    from dragoman.evaluate.compare import compare as run

    policy = _policy(iou, class_agnostic, pair)
    with ExitStack() as stack:
        sides = _Sides(stack, _by_backend(set_))
        studies, items = _studies(sides, labels, predictions, split, None, policy)
    comparisons = run(studies, draws=draws)
    if html is not None:
        from dragoman.evaluate.page import page

        html.write_text(page(studies[0], comparisons=comparisons, items=items), encoding="utf-8")
    if json:
        as_json([_plain(one) for one in comparisons])
        return
    for one in comparisons:
        rows = [
            (name, f"{c.delta:+.3f}", f"{c.low:+.3f}", f"{c.high:+.3f}", "yes" if c.certain else "can be chance")
            for name, c in one.metrics.items()
        ]
        table(f"{one.other} against {one.first}", ["metric", "change#", "low#", "high#", "certain"], rows)
    if html is not None:
        out.print(f"Wrote {html}.", soft_wrap=True)


@dataclass
class _Sides:
    """Reads items and rows from where they are. A backend is connected to once.

    Args:
        stack: Closes the backends.
        given: Settings by backend.
    """

    stack: ExitStack
    given: Mapping[str, Mapping[str, str]]

    def __post_init__(self) -> None:
        self._open: dict[str, Any] = {}

    def items(self, where: str) -> Iterator[Item]:
        """Yield the items of a dataset."""
        if found := self._reader(where):
            return iter(found.items())
        backend, dataset, _ = _parts(where)
        return iter(self._backend(backend).datasets.read_items(dataset))

    def labels(self, where: str) -> Iterator[Label]:
        """Yield the labels of a dataset."""
        if found := self._reader(where):
            return (row for row in found.rows() if not isinstance(row, Prediction))
        backend, dataset, _ = _parts(where)
        return iter(self._backend(backend).labels.read(dataset))

    def predictions(self, where: str) -> Iterator[Prediction]:
        """Yield the predictions of a version."""
        if found := self._reader(where):
            return (row for row in found.rows() if isinstance(row, Prediction))
        backend, dataset, version = _parts(where)
        if not version:
            raise InvalidData(f"{where} names no version.", hint="Write BACKEND:DATASET:VERSION.")
        return iter(self._backend(backend).predictions.read(version, dataset=dataset))

    def _reader(self, where: str) -> Any:
        """Return the reader of a file, which may have its format's name before it; None if a backend is meant."""
        from dragoman.formats.convert import open_reader

        name, _, rest = where.partition(":")
        if Path(where).exists():
            return open_reader(Path(where))
        return open_reader(Path(rest), name) if rest and name in installed().formats() else None

    def _backend(self, name: str) -> Any:
        if name not in self._open:
            from dragoman.connecting import connect

            self._open[name] = self.stack.enter_context(connect(name, **self.given.get(name, {})))
        return self._open[name]


def _studies(
    sides: _Sides, labels: str, predictions: list[str], split: str | None, slice_by: str | None, policy: MatchPolicy
) -> tuple[list[Any], dict[str, Item]]:
    from dragoman.evaluate import study

    items = {item.key: item for item in sides.items(labels)}
    keys = {key for key, item in items.items() if split is None or item.split == split}
    if not keys:
        raise InvalidData(f"{labels} has no items" + (f" in the split {split!r}." if split else "."))
    slices = _slices([items[key] for key in keys], slice_by) if slice_by else None
    bars, studies = Bars(), []
    for where in predictions:
        truth = (row for row in bars.track(sides.labels(labels), "labels") if row.item in keys)
        said = (row for row in bars.track(sides.predictions(where), f"predictions of {where}") if row.item in keys)
        whole = policy == MatchPolicy()
        found = study(truth, said, version=where, dataset=labels, policy=None if whole else policy, slices=slices)
        studies.append(found)
    return studies, items


def _slices(items: list[Item], by: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in items:
        value = item.split if by == "split" else item.metadata.get(by)
        found.setdefault("" if value is None else str(value), []).append(item.key)
    if set(found) == {""}:
        raise InvalidData(f"No item has {by!r} among its metadata.", field="slice_by")
    return dict(sorted(found.items()))


def _parts(where: str) -> tuple[str, str, str]:
    backend, _, rest = where.partition(":")
    dataset, _, version = rest.partition(":")
    if not dataset:
        raise InvalidData(f"There is no file {where}.", hint="For a backend write BACKEND:DATASET.")
    return backend, dataset, version


def _by_backend(pairs: list[str]) -> dict[str, dict[str, str]]:
    given: dict[str, dict[str, str]] = {}
    for name, value in settings(pairs).items():
        backend, dot, setting = name.partition(".")
        if not dot:
            raise typer.BadParameter(f"{name!r} is not of the form BACKEND.NAME.")
        given.setdefault(backend, {})[setting] = value
    return given


def _policy(iou: float, class_agnostic: bool, pairs: list[str]) -> MatchPolicy:
    return MatchPolicy(iou=iou, class_agnostic=class_agnostic, pairs=tuple(settings(pairs).items()))


def _show(study: Any) -> None:
    found = study.evaluation
    table(
        f"{found.version} on {found.dataset}",
        ["metric", "value#"],
        [(name, f"{value:.3f}") for name, value in found.metrics.items()],
    )
    columns = list(dict.fromkeys(name for values in found.per_feature.values() for name in values))
    table(
        "Features",
        ["feature", *(f"{name}#" for name in columns)],
        [
            (feature, *(f"{values[name]:.3f}" if name in values else "" for name in columns))
            for feature, values in found.per_feature.items()
        ],
    )
    for name, metrics in study.slices.items():
        table(f"Slice {name}", ["metric", "value#"], [(metric, f"{value:.3f}") for metric, value in metrics.items()])
    skipped = f", {found.skipped} predictions of another kind left out" if found.skipped else ""
    out.print(f"{found.labels} labels, {found.predictions} predictions{skipped}.")


def _plain(one: Any) -> dict[str, Any]:
    return {
        "first": one.first,
        "other": one.other,
        "metrics": {
            name: {"change": change.delta, "low": change.low, "high": change.high, "certain": change.certain}
            for name, change in one.metrics.items()
        },
        "per_feature": one.per_feature,
        "items": one.items,
    }
