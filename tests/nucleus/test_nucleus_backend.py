"""The Nucleus backend over its emulator: what a user does, what goes wrong, what is left on the platform."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import (
    AuthenticationError,
    Box,
    Conflict,
    InvalidData,
    Item,
    Keypoint,
    Keypoints,
    Label,
    NotFound,
    OutcomeUnknown,
    Point,
    Polygon,
    Polyline,
    Prediction,
    RotatedBox,
    Unavailable,
    Unsupported,
    Whole,
    WouldLose,
)
from dragoman.emulate import Answer, DropAfter, DropBefore, Live


def boxes(count: int, item: str = "a") -> list[Prediction]:
    """Predictions that differ in their place."""
    return [Prediction(item, "car", Box(n, 1, 5, 5), confidence=0.5) for n in range(count)]


class TestModels:
    def test_task_features_and_key_come_back(self, backend: Any, model: Any) -> None:
        assert backend.models.get(model.id) == model
        assert backend.models.find("det-1") == model

    def test_the_listing_is_filtered_and_ordered(self, backend: Any) -> None:
        for name in ("zebra", "Ant", "anteater"):
            backend.models.create(name, task="classification", features=[])
        assert [model.name for model in backend.models.list(query="ANT", order="name")] == ["Ant", "anteater"]

    def test_a_second_model_of_the_same_key_is_a_conflict(self, backend: Any, model: Any) -> None:
        with pytest.raises(Conflict):
            backend.models.create("other", task="classification", features=[], key="det-1")

    def test_a_lost_answer_to_create_does_not_make_a_second_model(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(DropAfter(), method="POST", path="*/models/add")
        made = backend.models.create("once", task="classification", features=[])
        assert [model.name for model in backend.models.list()] == ["once"]
        assert backend.models.get(made.id).name == "once"

    def test_a_request_that_never_arrived_is_sent_again_after_a_look(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(DropBefore(), method="POST", path="*/models/add")
        backend.models.create("once", task="classification", features=[])
        assert [model.name for model in backend.models.list()] == ["once"]

    def test_update_is_a_gap_that_says_why(self, backend: Any, model: Any) -> None:
        with pytest.raises(Unsupported, match="changes no model"):
            backend.models.update(model, name="new")


class TestItems:
    def test_local_files_arrive_with_their_bytes(self, backend: Any, items: list[Item], emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("files")
        assert backend.datasets.write_items(items, dataset=dataset).counts == {"created": 3}
        read = list(backend.datasets.read_items(dataset))
        assert [(i.key, i.width, i.height, i.split) for i in read] == [(i.key, 50, 40, "train") for i in items]
        import urllib.request

        for sent, found in zip(items, read, strict=True):
            assert urllib.request.urlopen(found.uri).read() == Path(sent.uri or "").read_bytes()

    @pytest.mark.parametrize("page_size", [1, 2, 3, 100])
    def test_every_page_size_gives_all_items_once(self, backend: Any, items: list[Item], page_size: int) -> None:
        dataset = backend.datasets.create("pages")
        backend.datasets.write_items(items, dataset=dataset)
        read = backend.datasets.read_items(dataset, page_size=page_size)
        assert [item.key for item in read] == [item.key for item in items]

    def test_items_that_are_there_are_ignored_or_updated(self, backend: Any, dataset: Any) -> None:
        again = [Item("a", uri="https://example.com/a.jpg", metadata={"city": "Bern"})]
        assert backend.datasets.write_items(again, dataset=dataset).counts == {"ignored": 1}
        assert backend.datasets.write_items(again, dataset=dataset, update=True).counts == {"updated": 1}
        assert next(iter(backend.datasets.read_items(dataset))).metadata == {"city": "Bern"}

    @pytest.mark.parametrize("update", [False, True])
    def test_of_two_items_of_one_key_the_first_is_taken(self, backend: Any, update: bool) -> None:
        dataset = backend.datasets.create("twice")
        rows = [Item("a", uri=f"https://example.com/{name}.jpg") for name in ("first", "second")]
        outcomes = list(backend.datasets.write_items([Item("a"), *rows], dataset=dataset, update=update))
        assert [outcome.status for outcome in outcomes] == ["rejected", "created", "rejected"]
        assert outcomes[2].reason == "Another item of this batch has the same key."
        assert [item.uri for item in backend.datasets.read_items(dataset)] == [rows[0].uri]

    def test_few_items_of_a_large_dataset_are_looked_up_one_by_one(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("large")
        items = [Item(f"{n}", uri=f"https://example.com/{n}.jpg") for n in range(40)]
        backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
        emulated.journal.clear()
        more = [items[7], Item("new", uri="https://example.com/new.jpg")]
        assert backend.datasets.write_items(more, dataset=dataset).counts == {"ignored": 1, "created": 1}
        assert not [seen for seen in emulated.journal.entries() if seen.path.endswith("/itemsPage")]

    def test_a_file_may_be_named_by_its_uri(self, backend: Any, items: list[Item], tmp_path: Path) -> None:
        path = Path(items[0].uri or "").rename(tmp_path / "a b.png")
        dataset = backend.datasets.create("named by uri")
        report = backend.datasets.write_items([Item("x", uri=path.as_uri(), width=50, height=40)], dataset=dataset)
        assert report.counts == {"created": 1}, "its space is quoted"

    def test_a_missing_file_is_an_outcome_of_its_row(self, backend: Any, items: list[Item]) -> None:
        dataset = backend.datasets.create("files")
        report = backend.datasets.write_items([items[0], Item("gone", uri="/no/such.png")], dataset=dataset)
        (problem,) = report.problems()
        assert (problem.row, problem.key, problem.status) == (1, "gone", "rejected")
        assert "/no/such.png" in (problem.reason or "")

    def test_running_jobs_are_waited_for(self, backend: Any, items: list[Item], emulated: Live[Any]) -> None:
        emulated.settings.job_polls = 4
        dataset = backend.datasets.create("slow")
        assert backend.datasets.write_items(items, dataset=dataset).ok
        assert backend.waited == sorted(backend.waited)
        assert len(backend.waited) == 4

    def test_a_dataset_with_metadata_is_refused_not_trimmed(self, backend: Any) -> None:
        with pytest.raises(Unsupported, match="no metadata"):
            backend.datasets.create("street", metadata={"city": "Bern"})


class TestLabels:
    def test_all_geometries_come_back_as_sent(self, backend: Any, dataset: Any) -> None:
        sent = [
            Label("a", "car", Box(1.5, 2, 30, 40), metadata={"night": True}, track_id="t1"),
            Label("a", "road", Polygon.of([(0, 0), (10, 0.25), (10, 10)])),
            Label("b", "lane", Polyline((0, 0, 5, 5, 9, 1))),
            Label("b", "rain", Whole()),
            Label("b", "pose", Keypoints((Keypoint("nose", 1, 2), Keypoint("ear", None, None, 1)), ((0, 1),))),
        ]
        report = backend.labels.write(sent, dataset=dataset, on_loss="convert")
        assert report.counts == {"created": 5}
        read = {label.id: label for label in backend.labels.read(dataset, page_size=1)}
        for label in sent:
            found = read[label.id]
            assert (found.item, found.feature, found.geometry) == (label.item, label.feature, label.geometry)
            assert (found.metadata, found.track_id) == (label.metadata, label.track_id)

    def test_attributes_are_stored_when_that_is_accepted(self, backend: Any, dataset: Any) -> None:
        row = Label("a", "car", Box(1, 2, 3, 4), attributes={"colour": "red"})
        with pytest.raises(WouldLose, match="attributes"):
            backend.labels.write([row], dataset=dataset)
        backend.labels.write([row], dataset=dataset, on_loss="convert")
        (read,) = backend.labels.read(dataset)
        assert read.attributes == {"colour": "red"}

    def test_what_nucleus_cannot_hold_is_refused(self, backend: Any, dataset: Any) -> None:
        with pytest.raises(WouldLose):
            backend.labels.write([Label("a", "car", Point(1, 2))], dataset=dataset, on_loss="convert")

    def test_a_rotated_box_becomes_its_corners(self, backend: Any, dataset: Any) -> None:
        backend.labels.write([Label("a", "car", RotatedBox(10, 10, 4, 2, 90))], dataset=dataset, on_loss="convert")
        (read,) = backend.labels.read(dataset)
        assert read.geometry.parts[0][0] == pytest.approx((11, 8, 11, 12, 9, 12, 9, 8))


class TestPredictions:
    def test_confidence_zero_and_class_pdf_survive(self, backend: Any, dataset: Any, version: Any) -> None:
        row = Prediction("a", "car", Box(1, 2, 3, 4), confidence=0.0, class_pdf={"car": 0.75, "person": 0.25})
        backend.predictions.write([row], version=version, dataset=dataset)
        (read,) = backend.predictions.read(version, dataset=dataset)
        assert (read.confidence, read.class_pdf) == (row.confidence, row.class_pdf)

    def test_writing_twice_ignores_and_updating_overwrites(self, backend: Any, dataset: Any, version: Any) -> None:
        rows = boxes(7)
        write = backend.predictions.write
        assert write(rows, version=version, dataset=dataset).counts == {"created": 7}
        assert write(rows, version=version, dataset=dataset).counts == {"ignored": 7}
        assert write(rows, version=version, dataset=dataset, update=True).counts == {"updated": 7}
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 7

    def test_each_row_of_a_mixed_batch_has_its_outcome(self, backend: Any, dataset: Any, version: Any) -> None:
        old, new = boxes(2)
        backend.predictions.write([old], version=version, dataset=dataset)
        changed = Prediction("a", "person", old.geometry, id=old.id, confidence=0.1)
        rows = [changed, new, Prediction("nowhere", "car", Box(1, 1, 1, 1))]
        outcomes = list(backend.predictions.write(rows, version=version, dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["ignored", "created", "rejected"]
        assert "nowhere" in (outcomes[2].reason or "")

    def test_a_feature_the_model_does_not_know_names_its_row(self, backend: Any, dataset: Any, version: Any) -> None:
        rows = [*boxes(2), Prediction("a", "tree", Box(1, 1, 1, 1))]
        with pytest.raises(InvalidData, match="tree") as refusal:
            backend.predictions.write(rows, version=version, dataset=dataset)
        assert (refusal.value.row, refusal.value.field) == (2, "feature")

    def test_an_item_key_that_does_not_exist_is_not_found(self, backend: Any, dataset: Any, version: Any) -> None:
        with pytest.raises(NotFound, match="nowhere"):
            list(backend.predictions.read(version, dataset=dataset, items=["nowhere"]))

    def test_a_lost_answer_is_settled_without_doubling(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        emulated.faults.add(DropAfter(), method="POST", path="*/uploadPredictions")
        report = backend.predictions.write(boxes(5), version=version, dataset=dataset)
        assert report.ok
        assert len(list(backend.predictions.read(version, dataset=dataset))) == 5

    def test_answers_that_stay_lost_leave_known_outcomes(
        self, backend: Any, dataset: Any, version: Any, emulated: Live[Any]
    ) -> None:
        emulated.faults.add(DropAfter(), method="POST", path="*/uploadPredictions", times=None)
        with pytest.raises(Unavailable) as failure:
            backend.predictions.write(boxes(5), version=version, dataset=dataset)
        assert failure.value.report is not None
        assert failure.value.report.counts == {"created": 5}


class TestFailures:
    def test_429_is_retried_after_what_it_asks(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(429, headers={"Retry-After": "7"}), path="*/dataset/create")
        backend.datasets.create("street")
        assert backend.waited == [7.0]

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_reads_are_retried_on_server_errors(self, backend: Any, emulated: Live[Any], status: int) -> None:
        emulated.faults.add(Answer(status), path="*/models/", times=2)
        assert list(backend.models.list()) == []
        assert len(backend.waited) == 2

    def test_a_server_error_that_stays_is_unavailable(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(503), path="*/models/", times=None)
        with pytest.raises(Unavailable) as failure:
            list(backend.models.list())
        assert type(failure.value.__cause__).__name__ == "NucleusAPIError"

    def test_an_unclear_dataset_creation_is_unknown_not_repeated(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(502), method="POST", path="*/dataset/create")
        with pytest.raises(OutcomeUnknown):
            backend.datasets.create("street")
        assert list(backend.datasets.list()) == []

    def test_a_wrong_key_is_refused_and_not_shown(self, emulated: Live[Any], caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        key = "not-the-right-key"
        backend = dragoman.connect("nucleus", endpoint=f"{emulated.url}/v1/nucleus", api_key=key)
        with pytest.raises(AuthenticationError) as refusal:
            list(backend.models.list())
        seen = [str(refusal.value), repr(refusal.value.__cause__), repr(backend), repr(backend.settings), caplog.text]
        assert not [text for text in seen if key in text]

    def test_a_missing_key_says_how_to_give_one(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("NUCLEUS_API_KEY", raising=False)
        monkeypatch.setenv("DRAGOMAN_CONFIG", str(tmp_path / "none.toml"))
        with pytest.raises(AuthenticationError, match="DRAGOMAN_NUCLEUS_API_KEY"):
            dragoman.connect("nucleus")

    def test_nobody_listens(self) -> None:
        backend = dragoman.connect("nucleus", endpoint="http://127.0.0.1:9", api_key="k")
        backend.sleep = lambda seconds: None
        with pytest.raises(Unavailable, match="refused"):
            backend.datasets.create("street")


def test_importing_the_sdk_leaves_logging_and_asyncio_as_they_were() -> None:
    code = (
        "import asyncio, logging\n"
        "before = (list(logging.root.handlers), asyncio.run, asyncio.Task)\n"
        "import dragoman_nucleus.adapter\n"
        "assert (list(logging.root.handlers), asyncio.run, asyncio.Task) == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_operation_is_translated_or_explained() -> None:
    from dragoman.capability import Level
    from dragoman_nucleus.adapter import NucleusAdapter

    capabilities = NucleusAdapter.capabilities()
    assert [name for name, found in capabilities.items() if found.level is Level.UNDECLARED] == []
    assert [name for name, found in capabilities.items() if not found.supported and not found.reason] == []
