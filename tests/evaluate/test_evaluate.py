"""Neutral evaluation: the same figures as the reference implementation, and refusals where there are none."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import msgspec
import numpy as np
import pytest
from memory import MemoryAdapter, open_memory
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dragoman import Box, Dataset, InvalidData, Item, Label, Point, Polygon, Prediction, Version, Whole
from dragoman.evaluate import evaluate, study
from dragoman.evaluate.detection import METRICS
from dragoman.evaluate.index import in_order

FEATURES = ("cat", "dog", "cow")


def random_rows(seed: int, images: int = 40) -> tuple[list[Label], list[Prediction]]:
    """Boxes of all sizes, and predictions that are near them, doubled, wrong, or about nothing."""
    rng = np.random.default_rng(seed)
    labels, predictions = [], []
    for image in range(images):
        for _ in range(rng.integers(0, 6)):
            feature = str(rng.choice(FEATURES))
            x, y = rng.uniform(0, 400, 2)
            width, height = np.exp(rng.uniform(np.log(6), np.log(250), 2))
            labels.append(Label(f"img-{image}", feature, Box(x, y, width, height)))
            for _ in range(rng.integers(0, 3)):
                spread = rng.choice([0.02, 0.1, 0.3])
                moved = np.array([x, y, width, height]) + rng.normal(0, spread, 4) * [width, height, width, height]
                said = feature if rng.random() < 0.85 else str(rng.choice(FEATURES))
                box = Box(*moved[:2], *np.abs(moved[2:]))
                predictions.append(Prediction(f"img-{image}", said, box, confidence=float(rng.random())))
        for _ in range(rng.integers(0, 3)):
            box = Box(*rng.uniform(0, 300, 2), *rng.uniform(5, 150, 2))
            predictions.append(
                Prediction(f"img-{image}", str(rng.choice(FEATURES)), box, confidence=float(rng.random()))
            )
    return labels, predictions


def reference(labels: list[Label], predictions: list[Prediction]) -> COCOeval:
    """Evaluate with pycocotools."""
    features = sorted({label.feature for label in labels})
    images = sorted({row.item for row in (*labels, *predictions)})
    shared = [
        {
            "id": number,
            "image_id": images.index(row.item),
            "category_id": features.index(row.feature) + 1,
            "bbox": [row.geometry.x, row.geometry.y, row.geometry.width, row.geometry.height],
            "area": row.metadata["coco"]["area"] if row.metadata else row.geometry.width * row.geometry.height,
            "iscrowd": 0,
            "score": getattr(row, "confidence", None),
        }
        for number, row in enumerate((*labels, *predictions), start=1)
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(features, start=1)]
    both = []
    with contextlib.redirect_stdout(io.StringIO()):
        for annotations in (shared[: len(labels)], shared[len(labels) :]):
            coco = COCO()
            coco.dataset = {
                "images": [{"id": number} for number in range(len(images))],
                "categories": categories,
                "annotations": annotations,
            }
            coco.createIndex()
            both.append(coco)
        result = COCOeval(*both, "bbox")
        result.evaluate()
        result.accumulate()
        result.summarize()
    return result


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_equals_the_reference(seed: int) -> None:
    labels, predictions = random_rows(seed)
    expected = reference(labels, predictions)

    result = evaluate(labels, predictions, version="v", dataset="d")

    assert set(result.metrics) == set(METRICS)
    for name, value in zip(METRICS, expected.stats, strict=False):
        assert result.metrics[name] == pytest.approx(value, abs=1e-6), name
    assert 0.05 < result.metrics["mAP"] < 0.95
    assert (result.labels, result.predictions) == (len(labels), len(predictions))


@pytest.mark.parametrize("seed", range(4))
def test_the_area_that_coco_says_decides_the_size_class(seed: int) -> None:
    labels, predictions = random_rows(seed)
    rng = np.random.default_rng(seed)
    for place, row in enumerate(labels):
        area = row.geometry.width * row.geometry.height * rng.uniform(0.3, 0.9)
        if place % 3:
            labels[place] = msgspec.structs.replace(row, metadata={"coco": {"area": area}})
    expected = reference(labels, predictions)

    found = evaluate(labels, predictions, version="v", dataset="d").metrics

    assert found == pytest.approx(dict(zip(METRICS, expected.stats, strict=False)), abs=1e-6)
    assert (
        found["mAP_medium"]
        != evaluate(random_rows(seed)[0], predictions, version="v", dataset="d").metrics["mAP_medium"]
    )


@pytest.mark.parametrize("area", [-1, 10**400, True, "900", None])
def test_what_is_no_area_is_passed_over(area: Any) -> None:
    labels = [Label("a", "cat", Box(0, 0, 34, 34), metadata={"coco": {"area": area}})]
    said = [Prediction("a", "cat", Box(0, 0, 34, 34), confidence=0.9)]

    assert evaluate(labels, said, version="v", dataset="d").metrics["mAP_medium"] == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(4))
def test_where_confidences_are_equal_the_images_count_in_the_order_of_their_keys(seed: int) -> None:
    labels, predictions = random_rows(seed)
    predictions = [msgspec.structs.replace(row, confidence=round(row.confidence or 0, 1)) for row in predictions]
    expected = reference(labels, predictions)
    shuffled = [labels[place] for place in np.random.default_rng(seed).permutation(len(labels))]

    for order in (labels, shuffled, labels[::-1]):
        found = evaluate(order, predictions, version="v", dataset="d").metrics
        assert found == pytest.approx(dict(zip(METRICS, expected.stats, strict=False)), abs=1e-6)


def test_images_are_in_the_order_of_their_keys_and_frames_in_their_own() -> None:
    labels = [Label(item, "cat", Box(0, 0, 9, 9), frame=frame) for item, frame in [("b", None), ("a", 10), ("a", 9)]]
    said = [Prediction("a", "cat", Box(0, 0, 9, 9))]

    found = study(labels, said, version="v", dataset="d").detection

    assert found is not None
    assert found.images == ["a", ("a", 9), ("a", 10), "b"]


def test_an_evaluation_is_the_same_over_more_images() -> None:
    labels, predictions = random_rows(2)
    found = study(labels, predictions, version="v", dataset="d").detection
    assert found is not None

    more = found.over(in_order({*found.images, "another", "img-0a"}))

    assert more.metrics() == found.metrics()
    assert more.coco.coco_gt.get_img_ids() == list(range(1, len(found.images) + 3))


def test_average_precision_per_feature_equals_the_reference() -> None:
    labels, predictions = random_rows(11)
    precision = reference(labels, predictions).eval["precision"][:, :, :, 0, -1]

    result = evaluate(labels, predictions, version="v", dataset="d")

    for position, feature in enumerate(sorted(FEATURES)):
        assert result.per_feature[feature]["AP"] == pytest.approx(precision[:, :, position].mean(), abs=1e-6)
        assert result.per_feature[feature]["AP50"] == pytest.approx(precision[0, :, position].mean(), abs=1e-6)


def test_perfect_predictions_have_a_precision_of_one() -> None:
    labels, _ = random_rows(3)
    said = [Prediction(label.item, label.feature, label.geometry, confidence=0.9) for label in labels]

    result = evaluate(labels, said, version="v", dataset="d")

    assert result.metrics["mAP"] == pytest.approx(1.0)
    best = {"AP": 1.0, "AP50": 1.0, "AR100": 1.0}
    assert all(values == pytest.approx(best) for values in result.per_feature.values())


def test_without_predictions_everything_is_zero() -> None:
    labels, _ = random_rows(5)

    result = evaluate(labels, [], version="v", dataset="d")

    assert set(result.metrics.values()) == {0.0}
    nothing = dict.fromkeys(("AP", "AP50", "AR100"), 0.0)
    assert result.per_feature == dict.fromkeys(FEATURES, nothing)
    assert result.predictions == 0


def test_predictions_of_other_features_count_for_nothing() -> None:
    label = Label("a", "cat", Box(0, 0, 10, 10))

    right = [Prediction("a", "cat", label.geometry, confidence=0.5)]
    stray = [Prediction("a", "cow", Box(50, 50, 10, 10), confidence=0.9)]

    assert evaluate([label], right + stray, version="v", dataset="d").metrics["mAP"] == pytest.approx(1.0)
    assert evaluate([label], stray, version="v", dataset="d").metrics["mAP"] == 0.0


def test_a_size_class_without_labels_has_no_value() -> None:
    label = Label("a", "cat", Box(0, 0, 10, 10))
    said = [Prediction("a", "cat", label.geometry, confidence=0.5)]

    found = evaluate([label], said, version="v", dataset="d").metrics
    assert set(found) == {name for name in METRICS if not name.endswith(("medium", "large"))}


def test_a_prediction_without_confidence_is_certain() -> None:
    label = Label("a", "cat", Box(0, 0, 10, 10))
    wrong = Prediction("a", "cat", Box(50, 50, 10, 10), confidence=0.99)
    certain = Prediction("a", "cat", label.geometry)

    assert evaluate([label], [wrong, certain], version="v", dataset="d").metrics["mAP"] == pytest.approx(1.0)


# -- classification ---------------------------------------------------------------------------------------------------


def said(item: str, feature: str, confidence: float | None = 0.5) -> Prediction:
    return Prediction(item, feature, Whole(), confidence=confidence)


TRUTH = [Label(item, feature, Whole()) for item, feature in zip("abcd", ("cat", "cat", "dog", "cow"), strict=True)]


@pytest.mark.parametrize(
    ("predictions", "accuracy", "recall"),
    [
        ([said("a", "cat"), said("b", "cat"), said("c", "dog"), said("d", "cow")], 1.0, {"cat": 1, "cow": 1, "dog": 1}),
        (
            [said("a", "cat"), said("b", "dog"), said("c", "dog"), said("d", "cat")],
            0.5,
            {"cat": 0.5, "cow": 0, "dog": 1},
        ),
        ([said("a", "cat")], 0.25, {"cat": 0.5, "cow": 0, "dog": 0}),
        ([], 0.0, {"cat": 0, "cow": 0, "dog": 0}),
        ([said("z", "cat")], 0.0, {"cat": 0, "cow": 0, "dog": 0}),
    ],
    ids=["all right", "half", "one of four", "none", "another item"],
)
def test_accuracy_is_the_share_of_labels_that_are_right(
    predictions: list[Prediction], accuracy: float, recall: dict[str, float]
) -> None:
    result = evaluate(TRUTH, predictions, version="v", dataset="d")

    assert result.metrics["accuracy"] == accuracy
    assert {feature: values["recall"] for feature, values in result.per_feature.items()} == recall


@pytest.mark.parametrize("order", [1, -1])
def test_the_most_confident_prediction_of_an_item_counts(order: int) -> None:
    both = [said("a", "dog", 0.4), said("a", "cat", 0.6)][::order]

    assert evaluate(TRUTH[:1], both, version="v", dataset="d").metrics["accuracy"] == 1.0


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([], "none"),
        ([Label("a", "cat", Box(0, 0, 1, 1)), Label("a", "cat", Whole())], "box, whole"),
        ([Label("a", "cat", Point(0, 0))], "point"),
    ],
)
def test_labels_that_cannot_be_evaluated_are_refused(labels: list[Label], found: str) -> None:
    with pytest.raises(InvalidData, match=f"there are: {found}"):
        evaluate(labels, [], version="v", dataset="d")


@pytest.mark.parametrize("shape", [Polygon.of([(0, 0), (9, 0), (9, 9)]), Whole()])
def test_predictions_that_are_all_of_another_kind_are_refused(shape: Polygon | Whole) -> None:
    labels, predictions = [Label("a", "cat", shape)], [Prediction("a", "cat", Box(0, 0, 9, 9))]

    with pytest.raises(InvalidData, match=rf"No prediction \(box\) is of the kind of the labels \({shape.kind}\)"):
        evaluate(labels, predictions, version="v", dataset="d")


# -- through a backend ------------------------------------------------------------------------------------------------


@pytest.fixture
def evaluated() -> tuple[MemoryAdapter, Dataset, Version]:
    """Items a and b for training, c and d for testing; the version is right about a, b and c."""
    backend = open_memory()
    dataset = backend.datasets.create("pets")
    splits = {"a": "train", "b": "train", "c": "test", "d": "test"}
    backend.datasets.write_items([Item(key, uri="/x", split=split) for key, split in splits.items()], dataset=dataset)
    backend.labels.write(TRUTH, dataset=dataset)
    model = backend.models.create("m", task="classification", features=FEATURES)
    version = backend.versions.create(model, name="v1")
    predictions = [said("a", "cat"), said("b", "cat"), said("c", "dog"), said("d", "cat")]
    backend.predictions.write(predictions, version=version, dataset=dataset)
    return backend, dataset, version


@pytest.mark.parametrize(("split", "accuracy", "rows"), [(None, 0.75, 4), ("train", 1.0, 2), ("test", 0.5, 2)])
def test_a_backend_without_evaluation_is_evaluated_by_the_core(
    evaluated: tuple[MemoryAdapter, Dataset, Version], split: str | None, accuracy: float, rows: int
) -> None:
    backend, dataset, version = evaluated

    result = backend.evaluations.evaluate(version, dataset=dataset, split=split)

    assert result.metrics["accuracy"] == accuracy
    assert (result.version, result.dataset, result.labels, result.predictions) == (version.id, dataset.id, rows, rows)


def test_a_split_without_labels_is_refused(evaluated: tuple[MemoryAdapter, Dataset, Version]) -> None:
    backend, dataset, version = evaluated

    with pytest.raises(InvalidData, match="there are: none"):
        backend.evaluations.evaluate(version, dataset=dataset, split="validation")
