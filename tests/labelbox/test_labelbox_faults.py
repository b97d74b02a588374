"""Faults at every step of every write: nothing lost, nothing doubled, every row with its outcome."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import Box, Item, Label, Prediction, Unavailable
from dragoman.emulate import Answer, DropAfter, DropBefore, Live

URL = "https://example.com"
LIMITED = Answer(429, headers={"Retry-After": "2"}, body='{"message": "You have exceeded your rate."}')
FAULTS = {"429": LIMITED, "503": Answer(503), "before": DropBefore(), "after": DropAfter()}

READS = (
    "exportDataRowsInModelRunPyApi",
    "GetUserCreatedTasksPyApi",
    "GetExportMetadataHeaderPyApi",
    "GetExportFileFromOffsetPyApi",
)
PREDICTION_STEPS = (
    "GetModelRunPyApi",
    "createMEAModelRunDataRowRegistrationTaskPyApi",
    "MEADataRowRegistrationTaskStatusPyApi",
    "getModelErrorAnalysisPredictionImportPyApi",
    "createMEAPredictionImportByFilePyApi",
    *READS[:3],
)
LABEL_STEPS = (
    "GetProjectsPyApi",
    "CheckAllDataRowsHaveBeenProcessedPyApi",
    "createBatchV2PyApi",
    "getLabelImportPyApi",
    "createLabelImportByFilePyApi",
    "exportDataRowsInProjectPyApi",
)
ITEM_STEPS = (
    "getDataRowsForGlobalKeysPyApi",
    "getDataRowsForGlobalKeysResultPyApi",
    "UploadFile",
    "UpsertDataRowsPyApi",
    "GetUserPyApi",
    "FailedDataRowImportsPyApi",
)


@pytest.fixture
def dataset(backend: Any) -> Any:
    """A dataset of two images and an ontology."""
    dataset = backend.datasets.create("street")
    sent = [Item(key, uri=f"{URL}/{key}.jpg") for key in ("a", "b")]
    backend.datasets.write_items(sent, dataset=dataset).raise_for_problems()
    backend.labels.write([Label("b", "car", Box(1, 1, 1, 1))], dataset=dataset).raise_for_problems()
    backend.waited.clear()
    backend.presences.clear()
    return dataset


@pytest.fixture
def model(backend: Any) -> Any:
    """A model that knows cars."""
    return backend.models.create("detector", task="object_detection", features=["car"])


@pytest.fixture
def version(backend: Any, model: Any) -> Any:
    """A run that has no data rows yet."""
    return backend.versions.create(model, name="first")


def strike(emulated: Live[Any], step: str, fault: str) -> None:
    """Let one GraphQL operation fail once."""
    emulated.faults.add(FAULTS[fault], path=f"*/graphql/{step}")


@pytest.mark.parametrize("step", PREDICTION_STEPS)
def test_predictions_survive(backend: Any, dataset: Any, model: Any, emulated: Live[Any], step: str) -> None:
    rows = [Prediction("a", "car", Box(n, 1, 5, 5), confidence=0.5) for n in range(5)]
    for number, fault in enumerate(FAULTS, start=1):
        version = backend.versions.create(model, name=fault)
        strike(emulated, step, fault)
        report = backend.predictions.write(rows, version=version, dataset=dataset)
        assert (report.counts, emulated.faults.pending()) == ({"created": 5}, []), fault
        assert len(backend.waited) == number
        read = list(backend.predictions.read(version, dataset=dataset))
        assert sorted(row.id for row in read) == sorted(row.id for row in rows), fault


@pytest.mark.parametrize("step", LABEL_STEPS)
def test_labels_survive(backend: Any, dataset: Any, emulated: Live[Any], step: str) -> None:
    for number, fault in enumerate(FAULTS, start=1):
        key = f"item {number}"
        backend.datasets.write_items([Item(key, uri=f"{URL}/{key}.jpg")], dataset=dataset).raise_for_problems()
        backend.projects._found.clear()
        backend.presences.clear()
        rows = [Label(key, "car", Box(n, 1, 5, 5)) for n in range(5)]
        strike(emulated, step, fault)
        report = backend.labels.write(rows, dataset=dataset)
        assert (report.counts, emulated.faults.pending()) == ({"created": 5}, []), fault
        assert len(list(backend.labels.read(dataset, items=[key]))) == 5, fault


@pytest.mark.parametrize("step", ITEM_STEPS)
def test_items_survive(backend: Any, dataset: Any, emulated: Live[Any], step: str) -> None:
    for number, fault in enumerate(FAULTS, start=1):
        rows = [Item(f"{fault} {n}", uri=f"{URL}/{n}.jpg") for n in range(3)]
        strike(emulated, step, fault)
        assert backend.datasets.write_items(rows, dataset=dataset).counts == {"created": 3}, fault
        assert (len(list(backend.datasets.read_items(dataset))), emulated.faults.pending()) == (2 + 3 * number, [])


def test_items_of_before_are_told_from_those_of_a_lost_attempt(backend: Any, dataset: Any, emulated: Live[Any]) -> None:
    rows = [Item(key, uri=f"{URL}/{key}.jpg") for key in ("new", "a", "newer")]
    strike(emulated, "UpsertDataRowsPyApi", "after")
    outcomes = backend.datasets.write_items(rows, dataset=dataset)
    assert [outcome.status for outcome in outcomes] == ["created", "ignored", "created"]
    again = backend.datasets.write_items(rows, dataset=dataset)
    assert again.counts == {"ignored": 3}, "what an earlier call wrote was there before this one"


def test_items_whose_answers_stay_lost_are_looked_up(backend: Any, dataset: Any, emulated: Live[Any]) -> None:
    rows = [Item(key, uri=f"{URL}/{key}.jpg") for key in ("a", "new")]
    emulated.faults.add(DropAfter(), path="*/graphql/UpsertDataRowsPyApi", times=1)
    emulated.faults.add(Answer(503), path="*/graphql/getDataRowsForGlobalKeysPyApi", times=None, skip=1)
    with pytest.raises(Unavailable) as failure:
        backend.datasets.write_items(rows, dataset=dataset)
    assert [outcome.status for outcome in failure.value.report or ()] == ["ignored", "created"]


@pytest.mark.parametrize("step", READS)
def test_reads_survive(backend: Any, dataset: Any, version: Any, emulated: Live[Any], step: str) -> None:
    rows = [Prediction("a", "car", Box(n, 1, 5, 5)) for n in range(3)]
    backend.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
    for fault in FAULTS:
        strike(emulated, step, fault)
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 3
        assert emulated.faults.pending() == []


def test_files_are_fetched_again(backend: Any, dataset: Any, model: Any, emulated: Live[Any]) -> None:
    rows = [Prediction("a", "car", Box(n, 1, 5, 5)) for n in range(3)]
    for fault, action in FAULTS.items():
        version = backend.versions.create(model, name=fault)
        emulated.faults.add(action, path="/files/*")
        assert backend.predictions.write(rows, version=version, dataset=dataset).counts == {"created": 3}
        emulated.faults.add(action, path="/files/*")
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 3
        assert emulated.faults.pending() == []


def test_an_import_after_a_server_error_is_sent_whole(
    backend: Any, dataset: Any, version: Any, emulated: Live[Any]
) -> None:
    """The SDK's own retry of a file would send nothing the second time."""
    strike(emulated, "createMEAPredictionImportByFilePyApi", "503")
    backend.predictions.write([Prediction("a", "car", Box(1, 1, 5, 5))], version=version, dataset=dataset)
    (made,) = emulated.state.runs[version.id].imports.values()
    assert b'"bbox"' in emulated.state.files.by_token[made.files["input"]].content


def test_answers_that_stay_lost_leave_known_outcomes(
    backend: Any, dataset: Any, version: Any, emulated: Live[Any]
) -> None:
    rows = [Prediction("a", "car", Box(n, 1, 5, 5)) for n in range(3)]
    emulated.faults.add(DropAfter(), path="*/graphql/createMEAPredictionImportByFilePyApi")
    emulated.faults.add(Answer(503), path="*/graphql/getModelErrorAnalysisPredictionImportPyApi", times=None, skip=1)
    with pytest.raises(Unavailable) as failure:
        backend.predictions.write(rows, version=version, dataset=dataset)
    assert failure.value.report is not None
    assert failure.value.report.counts == {"created": 3}


def test_a_rate_limit_is_waited_for_as_asked(backend: Any, emulated: Live[Any]) -> None:
    strike(emulated, "CreateDatasetPyApi", "429")
    backend.datasets.create("street")
    assert backend.waited == [2.0]


def test_the_sdk_itself_does_not_repeat_a_mutation(backend: Any, emulated: Live[Any]) -> None:
    strike(emulated, "CreateDatasetPyApi", "503")
    with pytest.raises(Exception, match="answer was lost"):
        backend.datasets.create("street")
    assert [seen.path for seen in emulated.journal.entries()].count("/graphql") == 2
