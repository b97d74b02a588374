"""Neutral evaluation: canonical labels and predictions in, metrics out, whatever platform they came from."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING

from dragoman.schema import Evaluation, Label, MatchPolicy, Prediction

if TYPE_CHECKING:
    from dragoman.evaluate.studies import Sizes, Slices, Study

__all__ = ["evaluate", "study"]


def evaluate(
    labels: Iterable[Label],
    predictions: Iterable[Prediction],
    *,
    version: str,
    dataset: str,
    policy: MatchPolicy | None = None,
    sizes: Sizes | None = None,
) -> Evaluation:
    """Return the metrics of predictions; `study` says more.

    Boxes, and masks and polygons, are evaluated as COCO does; classifications by their most confident prediction. Files
    are read fastest by `dragoman.evaluate.files.labels_of` and `predictions_of`.

    Args:
        labels: Ground truth, all of one kind; streamed.
        predictions: What a version said about the same items; streamed.
        version: Id of the version, for the result.
        dataset: Id of the dataset, for the result.
        policy: When a prediction hits a label; adds precision, recall and F1 under it.
        sizes: Key of an item to its width and height, at which polygons are cut off as in COCO. Those of files are
            known; an item of which none is known is as large as its masks are, else as its polygons reach.

    Raises:
        InvalidData: There are no labels, they are of several kinds, or of a kind that cannot be evaluated; an id
            occurs twice; or all predictions are of another kind than the labels.
        Unsupported: Classifications were given a policy.
    """
    from dragoman.evaluate import studies
    from dragoman.evaluate.classification import Classification
    from dragoman.evaluate.sources import Source

    if policy is not None:
        return studies.study(
            labels, predictions, version=version, dataset=dataset, policy=policy, sizes=sizes
        ).evaluation
    found = studies.gather(Source(labels, sizes=sizes), Source(predictions))
    if isinstance(found, Classification):
        return studies.class_figures(found, version, dataset)
    return studies.figures(*found, version, dataset)[0]


def study(
    labels: Iterable[Label],
    predictions: Iterable[Prediction],
    *,
    version: str,
    dataset: str,
    policy: MatchPolicy | None = None,
    slices: Slices | None = None,
    items: Container[str] | None = None,
    tracking: bool = False,
    sizes: Sizes | None = None,
) -> Study:
    """Evaluate predictions against labels; see `dragoman.evaluate.studies.study`."""
    from dragoman.evaluate.studies import study as run

    return run(
        labels,
        predictions,
        version=version,
        dataset=dataset,
        policy=policy,
        slices=slices,
        items=items,
        tracking=tracking,
        sizes=sizes,
    )
