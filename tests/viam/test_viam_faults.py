"""What goes wrong between us and Viam while labels are written: nothing lost, nothing doubled, one clear error each."""

from __future__ import annotations

from typing import Any

import pytest

import dragoman
from dragoman import Box, InvalidData, Item, Label, NotFound, PermissionDenied, Prediction, Unavailable, Whole
from dragoman.emulate import Answer, DropAfter, DropBefore, Live

ADD = "*/AddBoundingBoxToImageByID"


def boxes(count: int, item: str = "image 0") -> list[Label]:
    """Labels that differ in their place."""
    return [Label(item, "car", Box(n, 1, 5, 5)) for n in range(count)]


def held(backend: Any, dataset: Any) -> list[str]:
    """The ids of the labels that are there."""
    return sorted(label.id for label in backend.labels.read(dataset))


class TestBoxes:
    @pytest.mark.parametrize("fault", [DropBefore(), DropAfter(), Answer(14), Answer(13), Answer(8)])
    @pytest.mark.parametrize("step", [0, 3, 9])
    def test_a_fault_at_any_box_leaves_every_row_once(
        self, backend: Any, dataset: Any, emulated: Live[Any], fault: Any, step: int
    ) -> None:
        rows = boxes(10)
        emulated.faults.add(fault, path=ADD, skip=step)
        if fault == Answer(13):
            with pytest.raises(dragoman.PlatformError) as failure:
                backend.labels.write(rows, dataset=dataset)
            # What the platform did with the one row is not known until it is looked up.
            assert dict(failure.value.report.counts) == {"created": 9, "unknown": 1}
            backend.labels.write(rows, dataset=dataset).raise_for_problems()
        else:
            assert dict(backend.labels.write(rows, dataset=dataset).counts) == {"created": 10}
        assert held(backend, dataset) == sorted(row.id for row in rows)

    def test_only_what_is_missing_is_sent_again(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(DropBefore(), path=ADD, skip=4)
        emulated.journal.clear()
        backend.labels.write(boxes(10), dataset=dataset).raise_for_problems()
        sent = [seen for seen in emulated.journal.entries() if seen.path.endswith("/AddBoundingBoxToImageByID")]
        assert len(sent) == 11

    def test_answers_that_stay_lost_are_looked_up(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(DropAfter(), path=ADD, times=None)
        report = backend.labels.write(boxes(3), dataset=dataset)
        assert dict(report.counts) == {"created": 3}, "the second attempt finds them"

    def test_a_server_that_stays_away_leaves_rows_unknown(
        self, backend: Any, dataset: Any, emulated: Live[Any]
    ) -> None:
        emulated.faults.add(DropBefore(), path=ADD, times=None)
        with pytest.raises(Unavailable) as failure:
            backend.labels.write(boxes(3), dataset=dataset)
        assert dict(failure.value.report.counts) == {"unknown": 3}
        assert held(backend, dataset) == []

    def test_a_key_that_loses_its_rights_stops_the_write(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(7, body="not yours"), path=ADD, times=None)
        with pytest.raises(PermissionDenied, match="not yours"):
            backend.labels.write(boxes(3), dataset=dataset)

    def test_rows_that_viam_refuses_are_rejected_alone(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(Answer(3, body="no such label"), path=ADD, skip=1)
        report = backend.labels.write(boxes(3), dataset=dataset)
        assert sorted(outcome.status for outcome in report) == ["created", "created", "rejected"]
        assert "no such label" in (next(report.problems()).reason or "")

    def test_a_box_out_of_range_is_rejected_and_nothing_is_sent_of_it(
        self, backend: Any, dataset: Any, emulated: Live[Any]
    ) -> None:
        rows = [Label("image 0", "car", Box(60, 1, 30, 5)), *boxes(1)]
        report = backend.labels.write(rows, dataset=dataset)
        assert [outcome.status for outcome in report] == ["rejected", "created"]
        assert "leaves the image of 64 x 48" in (next(report.problems()).reason or "")

    def test_an_image_that_is_deleted_meanwhile_is_the_outcome_of_its_rows(
        self, backend: Any, dataset: Any, emulated: Live[Any]
    ) -> None:
        backend.labels.write(boxes(1), dataset=dataset)
        gone = next(id for id, image in emulated.state.images.items() if image.metadata.file_name == "image 0")
        del emulated.state.images[gone]
        report = backend.labels.write([*boxes(2), *boxes(1, "image 1")], dataset=dataset)
        assert [outcome.status for outcome in report] == ["rejected", "rejected", "created"]

    def test_an_image_that_was_replaced_meanwhile_is_found(
        self, backend: Any, dataset: Any, items: list[Item], emulated: Live[Any]
    ) -> None:
        backend.labels.write(boxes(1), dataset=dataset)
        gone = next(id for id, image in emulated.state.images.items() if image.metadata.file_name == "image 0")
        del emulated.state.images[gone]
        with dragoman.connect("viam", endpoint=emulated.url, **emulated.credentials) as another:
            another.datasets.write_items(items[:1], dataset=dataset).raise_for_problems()
        assert list(backend.labels.read(dataset, items=["image 0"])) == []
        assert dict(backend.labels.write(boxes(1), dataset=dataset).counts) == {"created": 1}
        assert held(backend, dataset) == [boxes(1)[0].id]


class TestIdentity:
    def test_the_same_content_is_the_same_row(self, backend: Any, dataset: Any) -> None:
        (row,) = boxes(1)
        named = Label(row.item, row.feature, row.geometry, id="mine")
        assert [outcome.status for outcome in backend.labels.write([row, named], dataset=dataset)] == [
            "created",
            "ignored",
        ]
        assert dict(backend.labels.write([named], dataset=dataset).counts) == {"ignored": 1}
        assert held(backend, dataset) == [row.id]

    def test_an_id_that_does_not_come_back_is_told(self, backend: Any, dataset: Any) -> None:
        (outcome,) = backend.labels.write([Label("image 0", "car", Box(1, 1, 5, 5), id="mine")], dataset=dataset)
        assert outcome.status == "created"
        assert held(backend, dataset)[0] in (outcome.reason or "")

    def test_an_update_of_a_confidence_is_one(self, backend: Any, dataset: Any) -> None:
        first = Prediction("image 0", "car", Box(1, 1, 5, 5), confidence=0.5)
        second = Prediction("image 0", "car", Box(1, 1, 5, 5), confidence=0.75)
        backend.labels.write([first], dataset=dataset)
        assert dict(backend.labels.write([second], dataset=dataset).counts) == {"ignored": 1}
        assert dict(backend.labels.write([second], dataset=dataset, update=True).counts) == {"updated": 1}
        (read,) = backend.labels.read(dataset)
        assert read.confidence == 0.75

    def test_an_update_that_takes_a_confidence_away_is_not_passed_over(self, backend: Any, dataset: Any) -> None:
        backend.labels.write([Prediction("image 0", "car", Box(1, 1, 5, 5), confidence=0.5)], dataset=dataset)
        report = backend.labels.write([Label("image 0", "car", Box(1, 1, 5, 5))], dataset=dataset, update=True)
        (problem,) = report.problems()
        assert "no confidence off a box" in (problem.reason or "")
        (read,) = backend.labels.read(dataset)
        assert read.confidence == 0.5

    def test_an_update_of_what_is_not_there_creates_it(self, backend: Any, dataset: Any) -> None:
        assert dict(backend.labels.write(boxes(2), dataset=dataset, update=True).counts) == {"created": 2}
        assert dict(backend.labels.write(boxes(2), dataset=dataset, update=True).counts) == {"updated": 2}


class TestTags:
    @pytest.mark.parametrize("fault", [DropBefore(), DropAfter()])
    def test_a_fault_leaves_every_tag_once(
        self, backend: Any, dataset: Any, items: list[Item], emulated: Live[Any], fault: Any
    ) -> None:
        rows = [Label(item.key, name, Whole()) for item in items for name in ("day", item.key)]
        emulated.faults.add(fault, path="*/AddTagsToBinaryDataByIDs", skip=2)
        assert dict(backend.labels.write(rows, dataset=dataset).counts) == {"created": len(rows)}
        assert held(backend, dataset) == sorted(row.id for row in rows)

    def test_images_of_the_same_tags_are_tagged_together(
        self, backend: Any, dataset: Any, items: list[Item], emulated: Live[Any]
    ) -> None:
        emulated.journal.clear()
        rows = [Label(item.key, name, Whole()) for item in items for name in ("day", "dry")]
        backend.labels.write(rows, dataset=dataset).raise_for_problems()
        sent = [seen for seen in emulated.journal.entries() if seen.path.endswith("/AddTagsToBinaryDataByIDs")]
        assert len(sent) == 1


class TestItems:
    def test_an_update_that_viam_cannot_make_is_not_passed_over(
        self, backend: Any, dataset: Any, items: list[Item]
    ) -> None:
        changed = Item(items[0].key, uri=items[0].uri, metadata={"new": 1})
        report = backend.datasets.write_items([changed, items[1]], dataset=dataset, update=True)
        assert [outcome.status for outcome in report] == ["rejected", "ignored"]

    def test_a_key_twice_in_one_write_is_uploaded_once(
        self, backend: Any, items: list[Item], emulated: Live[Any]
    ) -> None:
        dataset = backend.datasets.create("twice")
        report = backend.datasets.write_items([items[0], items[0]], dataset=dataset)
        assert sorted(outcome.status for outcome in report) == ["created", "ignored"]
        assert len(emulated.state.images) == 1

    def test_an_unknown_dataset_is_not_found_and_nothing_is_uploaded(
        self, backend: Any, items: list[Item], emulated: Live[Any]
    ) -> None:
        with pytest.raises(NotFound):
            backend.datasets.write_items(items, dataset="no such")
        with pytest.raises(NotFound):
            backend.labels.write(boxes(1), dataset="no such")
        assert emulated.state.images == {}

    def test_a_dataset_of_a_name_that_is_taken_is_a_conflict(self, backend: Any, dataset: Any) -> None:
        with pytest.raises(dragoman.Conflict):
            backend.datasets.create(dataset.name)

    def test_a_dataset_whose_answer_was_lost_is_found(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(DropAfter(), path="*/CreateDataset")
        assert backend.datasets.create("once").id in emulated.state.datasets
        assert len(emulated.state.datasets) == 1

    def test_metadata_of_a_dataset_is_not_dropped_silently(self, backend: Any) -> None:
        with pytest.raises(dragoman.Unsupported, match="no metadata"):
            backend.datasets.create("with metadata", metadata={"a": 1})

    def test_text_that_is_no_unicode_is_refused(self, backend: Any) -> None:
        with pytest.raises(InvalidData, match="Unicode"):
            backend.images.tag(["\ud800"], ids=["any"])
