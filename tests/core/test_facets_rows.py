"""Items, labels and predictions through the facets, on a platform in memory: outcomes, lost answers, loss policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from memory import LOSSY, LostAnswer, MemoryAdapter, Refused, items, open_memory, predictions

from dragoman import (
    EXACT,
    Box,
    Dataset,
    FidelityTable,
    InvalidData,
    Item,
    Label,
    NotFound,
    Point,
    Prediction,
    RotatedBox,
    Unavailable,
    Version,
    Whole,
    WouldLose,
    facet,
)
from dragoman.fidelity import LOSSLESS, dropped

BOX = Box(1, 2, 3, 4)


# -- items ------------------------------------------------------------------------------------------------------------


def test_items_are_created_then_ignored_then_updated(backend: MemoryAdapter) -> None:
    dataset = backend.datasets.create("street")
    changed = [Item("img-0", uri="/elsewhere.png", split="test")]

    assert backend.datasets.write_items(items(4), dataset=dataset).counts == {"created": 4}
    assert backend.datasets.write_items(items(5), dataset=dataset).counts == {"ignored": 4, "created": 1}
    assert backend.datasets.write_items(changed, dataset=dataset).counts == {"ignored": 1}
    assert next(backend.datasets.read_items(dataset)).split is None
    (outcome,) = backend.datasets.write_items(changed, dataset=dataset, update=True)
    assert outcome.status == "updated"
    assert next(backend.datasets.read_items(dataset)).split == "test"
    assert outcome.id == next(backend.datasets.read_items(dataset)).id


def test_items_are_written_from_an_iterator_in_batches(backend: MemoryAdapter) -> None:
    report = backend.datasets.write_items(iter(items(7)), dataset=backend.datasets.create("street"))

    assert [outcome.key for outcome in report] == [f"img-{n}" for n in range(7)]
    assert backend.state.calls["datasets.write_items"] == 3


def test_splits_are_counted_where_the_platform_does_not_count_them(backend: MemoryAdapter) -> None:
    dataset = backend.datasets.create("street")
    splits = ["train", "train", "test", None]
    backend.datasets.write_items(
        [Item(f"img-{n}", uri="/x.png", split=split) for n, split in enumerate(splits)], dataset=dataset
    )

    assert backend.datasets.splits(dataset) == {"train": 2, "test": 1, "": 1}


def test_datasets_are_found_by_name(backend: MemoryAdapter, dataset: Dataset) -> None:
    assert backend.datasets.find("street") == dataset
    assert backend.datasets.find("sky") is None


# -- labels and predictions -------------------------------------------------------------------------------------------


def test_predictions_come_back_as_they_were_written(backend: MemoryAdapter, dataset: Dataset, version: Version) -> None:
    rows = [
        Prediction("img-0", "cat", BOX, confidence=0.0, class_pdf={"cat": 0.25, "dog": 0.75}, metadata={"n": [1]}),
        Prediction("img-1", "dog", Whole(), id="mine", attributes={"tail": True}),
    ]

    report = backend.predictions.write(rows, version=version, dataset=dataset)

    assert [(outcome.key, outcome.status) for outcome in report] == [(rows[0].id, "created"), ("mine", "created")]
    assert list(backend.predictions.read(version, dataset=dataset)) == rows


def test_rows_that_are_there_are_left_alone_unless_told(
    backend: MemoryAdapter, dataset: Dataset, version: Version
) -> None:
    def write(confidence: float, **how: Any) -> dict[str, int]:
        row = Prediction("img-0", "cat", BOX, id="p", confidence=confidence)
        return dict(backend.predictions.write([row], version=version, dataset=dataset, **how).counts)

    assert write(0.5) == {"created": 1}
    assert write(0.9) == {"ignored": 1}
    assert next(backend.predictions.read(version, dataset=dataset)).confidence == 0.5
    assert write(0.9, update=True) == {"updated": 1}
    assert next(backend.predictions.read(version, dataset=dataset)).confidence == 0.9


def test_a_row_on_an_item_that_is_not_there_is_an_outcome(backend: MemoryAdapter, dataset: Dataset) -> None:
    rows = [Label("img-0", "cat", BOX), Label("img-99", "cat", BOX), Label("img-1", "cat", BOX)]

    report = backend.labels.write(rows, dataset=dataset)

    assert [outcome.status for outcome in report] == ["created", "rejected", "created"]
    assert next(report.problems()).reason == "There is no item 'img-99'."
    assert not report.ok


def test_an_unknown_feature_is_refused_naming_the_row(
    backend: MemoryAdapter, dataset: Dataset, version: Version
) -> None:
    rows = predictions(5)
    rows[4] = Prediction("img-4", "cow", BOX)

    with pytest.raises(InvalidData, match="no feature 'cow'") as caught:
        backend.predictions.write(rows, version=version, dataset=dataset)

    error = caught.value
    assert (error.row, error.field, error.platform) == (4, "feature", "memory")
    assert error.hint == "It knows: cat, dog."
    assert error.report is not None
    assert error.report.counts == {"created": 3}
    assert len(list(backend.predictions.read(version, dataset=dataset))) == 3


def test_a_model_without_features_takes_any(backend: MemoryAdapter, dataset: Dataset) -> None:
    version = backend.versions.create(backend.models.create("m", task="classification", features=[]), name="v1")
    rows = [Prediction("img-0", "anything", Whole())]

    assert backend.predictions.write(rows, version=version, dataset=dataset).ok


def test_predictions_of_a_version_that_is_not_there_are_refused_before_a_row_is_read(
    backend: MemoryAdapter, dataset: Dataset
) -> None:
    def rows() -> Iterator[Prediction]:
        raise AssertionError("no row should be asked for")
        yield

    with pytest.raises(NotFound):
        backend.predictions.write(rows(), version="nope", dataset=dataset)


def test_predictions_are_deleted_all_or_by_id(backend: MemoryAdapter, dataset: Dataset, version: Version) -> None:
    rows = predictions(4)
    backend.predictions.write(rows, version=version, dataset=dataset)

    backend.predictions.delete(version, dataset=dataset, ids=[rows[1].id, "nope"])
    assert list(backend.predictions.read(version, dataset=dataset)) == [rows[0], rows[2], rows[3]]
    backend.predictions.delete(version, dataset=dataset)
    assert list(backend.predictions.read(version, dataset=dataset)) == []


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_of_a_write_doubles_nothing_and_loses_nothing(
    backend: MemoryAdapter, dataset: Dataset, applied: bool
) -> None:
    backend.state.fail("labels.write", LostAnswer("cut off"), applied=applied)
    rows = [Label(f"img-{n}", "cat", BOX) for n in range(7)]

    report = backend.labels.write(rows, dataset=dataset)

    assert report.ok
    assert len(report) == 7
    assert list(backend.labels.read(dataset)) == rows


def test_a_write_that_ends_without_an_answer_says_what_arrived(backend: MemoryAdapter, dataset: Dataset) -> None:
    rows = [Label(f"img-{n}", "cat", BOX) for n in range(7)]
    backend.labels.write(rows[:1], dataset=dataset)
    backend.state.fail("labels.write", LostAnswer("cut off"), times=backend.limits.attempts)

    with pytest.raises(Unavailable, match="cut off") as caught:
        backend.labels.write(rows, dataset=dataset)

    assert caught.value.report is not None
    assert [outcome.status for outcome in caught.value.report] == ["created", "unknown", "unknown"]


def test_a_refused_batch_is_bisected(backend: MemoryAdapter, dataset: Dataset) -> None:
    backend.state.fail("labels.write", Refused("something is wrong"))
    rows = [Label(f"img-{n}", "cat", BOX) for n in range(3)]

    assert backend.labels.write(rows, dataset=dataset).counts == {"created": 3}
    assert backend.state.calls["labels.write"] == 3


# -- loss policies ----------------------------------------------------------------------------------------------------

TURNED = Label("img-0", "cat", RotatedBox(10, 10, 4, 2, 30))
COLORED = Label("img-0", "cat", BOX, attributes={"color": "red"})
POINT = Label("img-0", "cat", Point(1, 1))


@pytest.fixture
def lossy(backend: MemoryAdapter, dataset: Dataset) -> MemoryAdapter:
    """The same account through an adapter that keeps less."""
    return open_memory(state=backend.state, fidelity=LOSSY)


@pytest.mark.parametrize("row", [TURNED, COLORED, POINT], ids=["approximate", "stored", "dropped"])
def test_a_loss_is_refused_unless_told_otherwise(lossy: MemoryAdapter, dataset: Dataset, row: Label) -> None:
    rows = [*(Label(f"img-{n}", "cat", BOX) for n in range(4)), row]

    with pytest.raises(WouldLose) as caught:
        lossy.labels.write(rows, dataset=dataset)

    assert (caught.value.row, caught.value.platform, caught.value.operation) == (4, "memory", "labels.write")
    assert caught.value.report is not None
    assert len(caught.value.report) == 3


def test_convert_lets_approximations_and_stored_fields_through(lossy: MemoryAdapter, dataset: Dataset) -> None:
    assert lossy.labels.write([TURNED, COLORED], dataset=dataset, on_loss="convert").counts == {"created": 2}

    turned, colored = lossy.labels.read(dataset)
    assert turned.geometry == Box(8, 9, 4, 2)
    assert colored == COLORED


def test_convert_does_not_let_anything_be_dropped(lossy: MemoryAdapter, dataset: Dataset) -> None:
    with pytest.raises(WouldLose, match="geometry point is dropped"):
        lossy.labels.write([POINT], dataset=dataset, on_loss="convert")


def test_predictions_follow_the_same_policy(lossy: MemoryAdapter, dataset: Dataset, version: Version) -> None:
    rows = [Prediction("img-0", "cat", TURNED.geometry, confidence=0.5)]

    with pytest.raises(WouldLose):
        lossy.predictions.write(rows, version=version, dataset=dataset)
    assert lossy.predictions.write(rows, version=version, dataset=dataset, on_loss="convert").ok


def test_what_is_kept_may_depend_on_what_is_written_to(backend: MemoryAdapter, dataset: Dataset) -> None:
    asked: list[str] = []

    class Choosy(type(backend.labels)):  # type: ignore[misc]
        def _fidelity(self, dataset: str) -> Callable[[Label], FidelityTable]:
            asked.append(dataset)
            poor = FidelityTable({"box": EXACT}, {"metadata": dropped("this ontology has no place for them")})
            return lambda row: poor if row.feature == "cat" else LOSSLESS

    class Chosen(MemoryAdapter):
        labels = facet(Choosy)

    chosen = Chosen(backend.settings, backend.pipeline._hooks)
    chosen.state = backend.state
    rows = [Label("img-0", feature, BOX, metadata={"by": "me"}) for feature in ("dog", "cat")]
    with pytest.raises(WouldLose, match="this ontology has no place") as refusal:
        chosen.labels.write(rows, dataset=dataset)
    assert (refusal.value.row, asked) == (1, [dataset.id])
    report = chosen.labels.write(rows, dataset=dataset, on_loss="drop")
    assert [(loss.what, loss.rows) for loss in report.losses] == [("field metadata", 1)]
    assert {row.feature: row.metadata for row in chosen.labels.read(dataset)} == {"dog": {"by": "me"}, "cat": {}}
