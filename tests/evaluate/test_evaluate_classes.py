"""Classifications: the same figures as scikit-learn's, and what is not in its books."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn

from dragoman import (
    Box,
    Checklist,
    InvalidData,
    Label,
    Number,
    Prediction,
    Radio,
    Text,
    Unsupported,
    Whole,
)
from dragoman.evaluate import evaluate, study
from dragoman.evaluate.classification import classify
from dragoman.schema import Evaluation, MatchPolicy
from dragoman.schema.answers import AnyAnswer

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


def asked(kind: type, item: str, question: str, answer: AnyAnswer, **more: Any) -> Any:
    """A row that answers a question about an item."""
    return kind(item, question, Whole(), answer=answer, **more)


def found(labels: list[Label], predictions: list[Prediction]) -> Evaluation:
    return evaluate(labels, predictions, version="v", dataset="d")


def test_all_that_are_ticked_of_a_checklist_are_the_class() -> None:
    labels = [asked(Label, item, "seen", Checklist.of("x", "y")) for item in "abc"]
    said = [
        asked(Prediction, item, "seen", Checklist.of(*options))
        for item, options in zip("abc", (("y", "x"), ("x",), ()), strict=True)
    ]

    assert found(labels, said).metrics["accuracy"] == pytest.approx(1 / 3)
    assert list(found(labels, said).per_feature) == ["seen/x + y"]


@pytest.mark.parametrize("answer", [Text("yes"), Number(3)])
def test_free_text_and_numbers_are_no_classes(answer: AnyAnswer) -> None:
    with pytest.raises(InvalidData, match="'q' with free text or a number, which is no class"):
        found([asked(Label, "a", "q", answer)], [])

    said = found([asked(Label, "a", "q", Radio.of("x"))], [asked(Prediction, "a", "q", answer)])
    assert (said.predictions, said.skipped) == (0, 1)


def test_each_question_about_an_item_is_evaluated_by_itself() -> None:
    answers = {"weather": ("fog", "sun"), "time": ("night", "day")}
    rows = [(item, question, Radio.of(both[n])) for question, both in answers.items() for n, item in enumerate("ab")]
    labels = [asked(Label, *row) for row in rows]
    sure = [asked(Prediction, *row, confidence=0.9 if row[1] == "weather" else 0.5) for row in rows]

    assert found(labels, sure).metrics["accuracy"] == 1.0
    # What is said of the time says nothing of the weather.
    same = [asked(Prediction, item, "weather", Radio.of("fog"), confidence=0.9) for item in "ab"] + sure[2:]
    assert found(labels, same).metrics["accuracy"] == 0.75
    assert found(labels, same).per_feature["weather/fog"]["AUC"] == 0.5
    # Four classes, but two for each question.
    assert "top3" not in found(labels, same).metrics


@pytest.mark.parametrize("side", ["labels", "predictions"])
def test_an_id_that_occurs_twice_is_refused(side: str) -> None:
    labels = [Label(item, "x", Whole(), id="1" if side == "labels" else item) for item in "ab"]
    said = [Prediction(item, "x", Whole(), id="1" if side == "predictions" else item) for item in "ab"]

    with pytest.raises(InvalidData, match="The id '1' occurs twice"):
        found(labels, said)


def test_shares_of_options_are_shares_of_the_answers() -> None:
    options = "wxyz"
    labels = [asked(Label, option, "q", Radio.of(option)) for option in options]
    shares = {"w": 0.5, "x": 0.3, "q/y": 0.2}
    said = [asked(Prediction, item, "q", Radio.of("w"), confidence=0.5, class_pdf=shares) for item in options]

    metrics = found(labels, said).metrics
    assert metrics["accuracy"] == 0.25
    # Of z nothing is said.
    assert metrics["top3"] == 0.75


def test_what_is_said_counts_though_its_shares_do_not_name_it() -> None:
    labels = [Label(name, name, Whole()) for name in NAMES]
    said = [Prediction(name, name, Whole(), confidence=0.6, class_pdf={"another": 0.4}) for name in NAMES]

    metrics = found(labels, said).metrics
    assert metrics["accuracy"] == metrics["top3"] == metrics["AUC"] == 1.0


def test_a_class_can_be_said_with_a_confidence_of_zero() -> None:
    labels = [Label(name, name, Whole()) for name in NAMES]

    metrics = found(labels, [Prediction(name, name, Whole(), confidence=0.0) for name in NAMES]).metrics
    assert metrics["accuracy"] == metrics["top3"] == 1.0


def test_without_a_confidence_the_share_of_the_class_is_it() -> None:
    said = [
        Prediction("a", "x", Whole(), class_pdf={"x": 0.6, "y": 0.4}),
        Prediction("a", "y", Whole(), confidence=0.8),
    ]

    one = classify([Label("a", "y", Whole())], said)
    assert (one.names[one.said[0]], one.confidence[0]) == ("y", 0.8)
    assert found([Label("a", "x", Whole())], said[:1]).metrics["ECE"] == pytest.approx(0.4)


def test_what_there_is_nothing_for_is_left_out() -> None:
    labels = [Label(item, item, Whole()) for item in "ab"]
    elsewhere = [Prediction("c", "a", Whole(), confidence=0.5)]

    for said in ([], elsewhere):
        assert found(labels, said).metrics == {"accuracy": 0.0, "precision": 0.0, "recall": 0.0, "F1": 0.0}
    # The area under a curve needs scores on both sides of it.
    assert "AUC" not in found(labels, [Prediction("a", "a", Whole(), confidence=0.5)]).metrics


def test_distributions_over_many_classes_stay_small() -> None:
    names = [f"class {n}" for n in range(400)]
    shares = dict.fromkeys(names, 1 / 400)
    labels = [Label(f"i{n}", names[n % 400], Whole()) for n in range(800)]
    tracemalloc.start()
    try:
        one = classify(labels, (Prediction(label.item, "class 0", Whole(), class_pdf=shares) for label in labels))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 5 * one.scores.nbytes


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
