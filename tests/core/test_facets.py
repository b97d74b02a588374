"""The public methods of the facets, on a platform in memory: validation, paging, lost answers, loss policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from memory import LOSSY, Busy, LostAnswer, MemoryAdapter, Refused, open_memory

from dragoman import (
    EXACT,
    AuthenticationError,
    Box,
    Conflict,
    Dataset,
    Feature,
    FidelityTable,
    InvalidData,
    Item,
    Label,
    Model,
    NotFound,
    Ontology,
    OutcomeUnknown,
    Point,
    Prediction,
    RotatedBox,
    Task,
    Unavailable,
    Version,
    Whole,
    WouldLose,
    facet,
)
from dragoman.calls.limits import Limits
from dragoman.fidelity import LOSSLESS, dropped

BOX = Box(1, 2, 3, 4)


@pytest.fixture
def backend() -> MemoryAdapter:
    return open_memory()


@pytest.fixture
def dataset(backend: MemoryAdapter) -> Dataset:
    """A dataset with the items `img-0` to `img-6`."""
    made = backend.datasets.create("street")
    backend.datasets.write_items(items(7), dataset=made)
    return made


@pytest.fixture
def model(backend: MemoryAdapter) -> Model:
    return backend.models.create("detector", task="object_detection", features=["cat", "dog"], key="det-1")


@pytest.fixture
def version(backend: MemoryAdapter, model: Model) -> Version:
    return backend.versions.create(model, name="v1")


def items(count: int) -> list[Item]:
    return [Item(f"img-{n}", uri=f"/data/{n}.png", width=640, height=480) for n in range(count)]


def predictions(count: int, **values: Any) -> list[Prediction]:
    return [Prediction(f"img-{n % 7}", "cat", Box(n, 0, 10, 10), confidence=0.5, **values) for n in range(count)]


# -- models -----------------------------------------------------------------------------------------------------------


def test_a_model_is_created_with_what_was_said(backend: MemoryAdapter) -> None:
    made = backend.models.create(
        "detector", task=Task.OBJECT_DETECTION, features=("cat", "dog"), description="finds pets", metadata={"n": 1}
    )

    assert made == Model(
        name="detector",
        task=Task.OBJECT_DETECTION,
        features=("cat", "dog"),
        id=made.id,
        key="detector",
        description="finds pets",
        metadata={"n": 1},
    )
    assert made.id
    assert backend.models.get(made) == backend.models.get(made.id) == made


def test_a_feature_named_twice_is_refused_and_nothing_is_sent(backend: MemoryAdapter) -> None:
    with pytest.raises(InvalidData) as caught:
        backend.models.create("m", task="classification", features=["cat", "dog", "cat"])

    assert caught.value.field == "features"
    assert not backend.state.calls


def test_a_task_that_is_none_is_refused_and_the_tasks_are_named(backend: MemoryAdapter) -> None:
    with pytest.raises(InvalidData, match="'guessing' is not a task") as caught:
        backend.models.create("m", task="guessing", features=["cat"])

    assert caught.value.field == "task"
    assert caught.value.hint == "The tasks are: classification, object_detection, instance_segmentation."


def test_a_second_model_of_a_key_is_a_conflict(backend: MemoryAdapter, model: Model) -> None:
    with pytest.raises(Conflict) as caught:
        backend.models.create("another", task="classification", features=["cat"], key="det-1")

    assert (caught.value.platform, caught.value.operation) == ("memory", "models.create")
    assert len(backend.state.models) == 1


def test_what_is_not_there_is_not_found(backend: MemoryAdapter) -> None:
    for call in (
        lambda: backend.models.get("nope"),
        lambda: backend.models.update("nope", name="x"),
        lambda: backend.models.delete("nope"),
        lambda: backend.versions.get("nope"),
        lambda: list(backend.versions.list("nope")),
        lambda: backend.versions.create("nope", name="v"),
        lambda: backend.datasets.get("nope"),
        lambda: list(backend.datasets.read_items("nope")),
        lambda: backend.datasets.write_items(items(1), dataset="nope"),
        lambda: list(backend.labels.read("nope")),
        lambda: backend.labels.write([Label("a", "cat", BOX)], dataset="nope"),
        lambda: backend.ontologies.get("nope"),
    ):
        with pytest.raises(NotFound):
            call()


def test_only_the_fields_that_are_given_change(backend: MemoryAdapter, model: Model) -> None:
    changed = backend.models.update(model, description="new", metadata={})

    assert changed == model.model_copy(update={"description": "new", "metadata": {}})
    assert backend.models.update(model) == changed


def test_a_model_goes_with_its_versions(backend: MemoryAdapter, model: Model, version: Version) -> None:
    backend.models.delete(model)

    with pytest.raises(NotFound):
        backend.versions.get(version)


def test_models_are_found_by_key_before_name(backend: MemoryAdapter) -> None:
    named = backend.models.create("b", task="classification", features=[], key="other")
    keyed = backend.models.create("a", task="classification", features=[], key="b")

    assert backend.models.find("b") == keyed
    assert backend.models.find("other") == named
    assert backend.models.find("a") == keyed
    assert backend.models.find("nope") is None


def test_models_are_filtered_and_sorted(backend: MemoryAdapter) -> None:
    for name in ("Bus detector", "ant detector", "bus counter"):
        backend.models.create(name, task="classification", features=[])

    assert [found.name for found in backend.models.list(query="BUS")] == ["Bus detector", "bus counter"]
    assert [found.name for found in backend.models.list(order="name")] == [
        "Bus detector",
        "ant detector",
        "bus counter",
    ]


# -- lost answers of what is not repeatable ---------------------------------------------------------------------------


def test_a_lost_create_that_happened_is_found_and_not_doubled(backend: MemoryAdapter) -> None:
    backend.state.fail("models.create", LostAnswer("cut off"), applied=True)

    made = backend.models.create("detector", task="object_detection", features=["cat"])

    assert backend.state.models == {made.id: made}
    assert backend.state.calls["models.create"] == 1


def test_a_lost_create_that_did_not_happen_is_sent_once_more(backend: MemoryAdapter) -> None:
    backend.state.fail("models.create", LostAnswer("cut off"))

    made = backend.models.create("detector", task="object_detection", features=["cat"])

    assert backend.state.models == {made.id: made}
    assert backend.state.calls["models.create"] == 2


def test_a_create_that_is_lost_again_and_happened_is_still_not_doubled(backend: MemoryAdapter) -> None:
    backend.state.fail("models.create", LostAnswer("cut off"))
    backend.state.fail("models.create", LostAnswer("cut off again"), applied=True)

    with pytest.raises(OutcomeUnknown):
        backend.models.create("detector", task="object_detection", features=["cat"])

    assert len(backend.state.models) == 1


def test_a_create_that_never_arrived_is_tried_again(backend: MemoryAdapter) -> None:
    backend.state.fail("models.create", Busy("come back"), times=2)

    backend.models.create("detector", task="object_detection", features=["cat"])

    assert backend.state.calls["models.create"] == 3
    assert len(backend.slept) == 2


def test_a_lost_dataset_that_was_made_is_found(backend: MemoryAdapter) -> None:
    backend.state.fail("datasets.create", LostAnswer("cut off"), applied=True)

    assert backend.datasets.create("street") == next(iter(backend.state.datasets.values()))
    assert len(backend.state.datasets) == 1


def test_a_lost_dataset_that_was_not_made_is_unknown_to_the_caller(backend: MemoryAdapter) -> None:
    backend.state.fail("datasets.create", LostAnswer("cut off"))

    with pytest.raises(OutcomeUnknown) as caught:
        backend.datasets.create("street")

    assert caught.value.operation == "datasets.create"
    assert isinstance(caught.value.__cause__, LostAnswer)


def test_a_lost_version_is_unknown_to_the_caller(backend: MemoryAdapter, model: Model) -> None:
    backend.state.fail("versions.create", LostAnswer("cut off"), applied=True)

    with pytest.raises(OutcomeUnknown):
        backend.versions.create(model, name="v1")

    assert backend.state.calls["versions.create"] == 1


# -- listings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 1000, None])
def test_every_page_size_gives_the_same_rows_in_the_same_order(
    backend: MemoryAdapter, dataset: Dataset, version: Version, size: int | None
) -> None:
    labels = [Label(f"img-{n}", "cat", BOX) for n in range(7)]
    backend.labels.write(labels, dataset=dataset)
    backend.predictions.write(predictions(7), version=version, dataset=dataset)
    backend.state.calls.clear()

    assert [item.key for item in backend.datasets.read_items(dataset, page_size=size)] == [f"img-{n}" for n in range(7)]
    assert list(backend.labels.read(dataset, page_size=size)) == labels
    assert list(backend.predictions.read(version, dataset=dataset, page_size=size)) == predictions(7)

    pages = -(-7 // (size or backend.limits.page_size))
    assert backend.state.calls == {"datasets.read_items": pages, "labels.read": pages, "predictions.read": pages}


def test_lists_are_lazy(backend: MemoryAdapter, dataset: Dataset) -> None:
    backend.state.calls.clear()

    rows = backend.datasets.read_items(dataset)
    assert isinstance(rows, Iterator)
    assert not backend.state.calls
    next(rows)
    next(rows)
    assert backend.state.calls == {"datasets.read_items": 1}


def test_a_page_that_fails_on_the_way_is_fetched_again(backend: MemoryAdapter, dataset: Dataset) -> None:
    rows = backend.datasets.read_items(dataset)
    first = [next(rows), next(rows)]
    backend.state.fail("datasets.read_items", LostAnswer("cut off"))

    assert [item.key for item in (*first, *rows)] == [f"img-{n}" for n in range(7)]


def test_rows_of_some_items_are_read(backend: MemoryAdapter, dataset: Dataset, version: Version) -> None:
    backend.labels.write([Label(f"img-{n}", "cat", BOX) for n in range(7)], dataset=dataset)
    backend.predictions.write(predictions(7), version=version, dataset=dataset)
    wanted = ["img-2", "img-5"]

    assert [row.item for row in backend.labels.read(dataset, items=wanted)] == wanted
    assert [row.item for row in backend.predictions.read(version, dataset=dataset, items=wanted)] == wanted


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


# -- ontologies, training, inference ----------------------------------------------------------------------------------


def test_a_dataset_has_its_ontology(backend: MemoryAdapter, dataset: Dataset) -> None:
    ontology = Ontology(name="pets", features=(Feature(name="cat", color="#ff0000"), Feature(name="dog")))

    made = backend.ontologies.create(ontology, dataset=dataset)

    assert made == ontology.model_copy(update={"id": made.id})
    assert backend.ontologies.get(dataset) == made


def test_weights_that_are_no_file_are_refused_before_anything_is_sent(backend: MemoryAdapter, tmp_path: Any) -> None:
    with pytest.raises(InvalidData, match="no file") as caught:
        backend.versions.upload_weights("v", tmp_path / "none.safetensors")

    assert caught.value.field == "path"


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


# -- versions and backends --------------------------------------------------------------------------------------------


def test_versions_are_created_listed_and_changed(backend: MemoryAdapter, model: Model, dataset: Dataset) -> None:
    first = backend.versions.create(model, name="v1", dataset=dataset, config={"epochs": 3}, tags=["base"])
    second = backend.versions.create(model.id, name="v2", metadata={"by": "me"})

    assert (first.model, first.dataset, first.config, first.tags) == (model.id, dataset.id, {"epochs": 3}, ("base",))
    assert list(backend.versions.list(model, page_size=1)) == [first, second]
    changed = backend.versions.update(first, metrics={"mAP": 0.5})
    assert changed == first.model_copy(update={"metrics": {"mAP": 0.5}})
    backend.versions.delete(first)
    assert list(backend.versions.list(model)) == [second]


def test_a_backend_closes_at_the_end_of_its_block() -> None:
    closed: list[bool] = []

    class Closing(MemoryAdapter):
        def close(self) -> None:
            closed.append(True)

    backend = open_memory()
    with pytest.raises(AuthenticationError), Closing(backend.settings, None):
        raise AuthenticationError("out")

    assert closed == [True]


def test_batches_follow_the_limits_of_the_adapter() -> None:
    backend = open_memory(limits=Limits(batch_size=2))
    dataset = backend.datasets.create("street")

    backend.datasets.write_items(items(5), dataset=dataset)

    assert backend.state.calls["datasets.write_items"] == 3
