"""Classifications: the same figures as scikit-learn's, and what is not in its books."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn

from dragoman import Box, Label, Prediction, Radio, Unsupported, Whole
from dragoman.evaluate import evaluate, study
from dragoman.schema import MatchPolicy

NAMES = [f"class {n}" for n in range(7)]


@pytest.fixture(scope="module")
def case() -> tuple[list[Label], list[Prediction], np.ndarray, np.ndarray]:
    """Labels, predictions with a distribution over all classes, and both as numbers."""
    rng = np.random.default_rng(1)
    there = rng.integers(0, 7, 300)
    scores = rng.dirichlet(np.ones(7), 300)
    scores[np.arange(300), there] += 0.3
    scores /= scores.sum(axis=1, keepdims=True)
    labels = [Label(f"i{n}", NAMES[number], Whole()) for n, number in enumerate(there)]
    predictions = [
        Prediction(
            f"i{n}",
            NAMES[int(row.argmax())],
            Whole(),
            confidence=float(row.max()),
            class_pdf=dict(zip(NAMES, row.tolist(), strict=True)),
        )
        for n, row in enumerate(scores)
    ]
    return labels, predictions, there, scores


def test_figures_are_those_of_the_reference(case: tuple[list[Label], list[Prediction], np.ndarray, np.ndarray]) -> None:
    labels, predictions, there, scores = case
    said = scores.argmax(axis=1)

    found = evaluate(labels, predictions, version="v", dataset="d")

    precision, recall, f1, _ = sklearn.precision_recall_fscore_support(there, said, average="macro")
    assert found.metrics == pytest.approx(
        {
            "accuracy": sklearn.accuracy_score(there, said),
            "top3": sklearn.top_k_accuracy_score(there, scores, k=3),
            "top5": sklearn.top_k_accuracy_score(there, scores, k=5),
            "precision": precision,
            "recall": recall,
            "F1": f1,
            "AUC": sklearn.roc_auc_score(there, scores, average="macro", multi_class="ovr"),
            "ECE": calibration_error(scores.max(axis=1), said == there),
        }
    )


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error, as its paper writes it."""
    bins = np.minimum((confidence * 10).astype(int), 9)
    parts = [bins == number for number in range(10)]
    return float(sum(part.mean() * abs(right[part].mean() - confidence[part].mean()) for part in parts if part.any()))


def test_confusions_are_those_of_the_reference(
    case: tuple[list[Label], list[Prediction], np.ndarray, np.ndarray],
) -> None:
    labels, predictions, there, scores = case
    names, counts = study(labels, predictions, version="v", dataset="d").confusion

    order = [names.index(name) for name in NAMES]
    expected = sklearn.confusion_matrix(there, scores.argmax(axis=1))
    assert counts[np.ix_(order, order)].tolist() == expected.tolist()
    assert names[-1] == "nothing"
    assert counts[-1].sum() == counts[:, -1].sum() == 0


def test_equal_scores_share_their_rank() -> None:
    labels = [Label(item, feature, Whole()) for item, feature in zip("abcd", ("x", "y", "x", "y"), strict=True)]
    said = [Prediction(item, "x", Whole(), confidence=0.5) for item in "abcd"]

    found = evaluate(labels, said, version="v", dataset="d")

    assert found.per_feature["x"]["AUC"] == 0.5


def test_an_answer_is_part_of_the_class() -> None:
    labels = [Label(item, "weather", Whole(), answer=Radio.of("fog")) for item in "ab"]
    said = [Prediction(item, "weather", Whole(), answer=Radio.of(name)) for item, name in (("a", "fog"), ("b", "sun"))]

    found = evaluate(labels, said, version="v", dataset="d")

    assert found.metrics["accuracy"] == 0.5
    assert list(found.per_feature) == ["weather/fog"]


def test_an_item_without_a_prediction_is_wrong_and_named_so() -> None:
    names, counts = study([Label("a", "x", Whole())], [], version="v", dataset="d").confusion

    assert (names, counts.tolist()) == (["x", "nothing"], [[0, 1], [0, 0]])


def test_slices_of_classifications() -> None:
    labels = [Label(item, "x", Whole()) for item in "ab"]
    slices = {"first": ["a"], "second": ["b"], "none": ["c"]}
    found = study(labels, [Prediction("a", "x", Whole())], version="v", dataset="d", slices=slices)

    assert {name: metrics["accuracy"] for name, metrics in found.slices.items()} == {"first": 1.0, "second": 0.0}


def test_shapes_among_the_predictions_are_counted_and_left_out() -> None:
    said = [Prediction("a", "x", Whole()), Prediction("a", "x", Box(0, 0, 1, 1))]

    assert evaluate([Label("a", "x", Whole())], said, version="v", dataset="d").skipped == 1


def test_classifications_take_no_match_policy() -> None:
    with pytest.raises(Unsupported, match="no match policy"):
        evaluate([Label("a", "x", Whole())], [], version="v", dataset="d", policy=MatchPolicy())
