"""Slices: parts of datasets, their contents, and labelling."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import Box, InvalidData, Item, Label, NotFound, OutcomeUnknown, Prediction, Unsupported
from dragoman.emulate import Answer, DropAfter, Live
from dragoman_nucleus import slices as slices_module


@pytest.fixture
def many(backend: Any) -> Any:
    """A dataset of the items 0 to 9."""
    dataset = backend.datasets.create("many")
    items = [Item(f"{n}", uri=f"https://example.com/{n}.jpg") for n in range(10)]
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    return dataset


class TestSlices:
    def test_a_slice_is_made_filled_found_and_deleted(self, backend: Any, many: Any) -> None:
        made = backend.slices.create("odd", dataset=many, items=["1", "3"])
        assert (made.name, made.dataset, made.kind) == ("odd", many.id, "dataset_item")
        backend.slices.append(made, ["3", "5"])
        assert [item.key for item in backend.slices.items(made)] == ["1", "3", "5"]
        backend.slices.tag(made, ["primes"])
        assert backend.slices.get(made.id).tags == ("primes",)
        assert [found.id for found in backend.slices.list(dataset=many)] == [made.id]
        assert [found.id for found in backend.slices.list()] == [made.id]
        backend.slices.delete(made)
        with pytest.raises(NotFound):
            backend.slices.get(made)

    def test_an_empty_slice_may_be_made(self, backend: Any, many: Any) -> None:
        assert list(backend.slices.items(backend.slices.create("none", dataset=many))) == []

    def test_more_items_than_a_request_takes_are_appended(
        self, backend: Any, many: Any, monkeypatch: pytest.MonkeyPatch, emulated: Live[Any]
    ) -> None:
        monkeypatch.setattr(slices_module, "ITEMS_PER_REQUEST", 3)
        made = backend.slices.create("all", dataset=many, items=[f"{n}" for n in range(10)])
        assert len(list(backend.slices.items(made, page_size=4))) == 10
        assert len([seen for seen in emulated.journal.entries() if seen.path.endswith("/append")]) == 4

    def test_slices_are_made_of_ids(self, backend: Any, many: Any) -> None:
        items = list(backend.datasets.read_items(many))
        made = backend.slices.create_of_ids("two", dataset=many, items=[item.id for item in items[:2]])
        assert [item.key for item in backend.slices.items(made)] == ["0", "1"]

    def test_a_sample_has_the_size_that_was_asked_for(self, backend: Any, many: Any) -> None:
        within = backend.slices.create("half", dataset=many, items=["0", "1", "2", "3", "4"])
        made = backend.slices.sample("some", dataset=many, size=3, within=within)
        assert len(list(backend.slices.items(made))) == 3
        assert {item.key for item in backend.slices.items(made)} <= {"0", "1", "2", "3", "4"}

    def test_labels_and_predictions_of_its_items_are_read_in_pages(self, backend: Any, many: Any) -> None:
        labels = [Label(f"{n}", "car", Box(n, 1, 2, 3)) for n in range(6)]
        backend.labels.write(labels, dataset=many).raise_for_problems()
        model = backend.models.create("m", task="object_detection", features=["car"])
        version = backend.versions.create(model, name="v", dataset=many)
        said = [Prediction(f"{n}", "car", Box(n, 1, 2, 3), confidence=0.5) for n in range(6)]
        backend.predictions.write(said, version=version, dataset=many).raise_for_problems()
        part = backend.slices.create("part", dataset=many, items=["1", "2", "3", "9"])
        assert [row.id for row in backend.slices.labels(part, page_size=2)] == [row.id for row in labels[1:4]]
        read = list(backend.slices.predictions(part, model=model, page_size=2))
        assert [(row.id, row.confidence) for row in read] == [(row.id, 0.5) for row in said[1:4]]
        assert backend.slices.features(part) == ["car"]


class TestPipeline:
    """What holds for facets holds for extensions."""

    def test_a_passing_failure_is_not_seen(self, backend: Any, many: Any, emulated: Live[Any]) -> None:
        for status in (429, 500, 502):
            emulated.faults.add(Answer(status), path="*/slices")
            assert backend.slices.list(dataset=many) == []
        assert len(backend.waited) == 3

    def test_a_lost_answer_to_what_cannot_be_repeated_is_unknown(
        self, backend: Any, many: Any, emulated: Live[Any]
    ) -> None:
        emulated.faults.add(DropAfter(), path="*/create_slice")
        with pytest.raises(OutcomeUnknown) as failure:
            backend.slices.create("once", dataset=many, items=["1"])
        assert (failure.value.platform, failure.value.operation) == ("nucleus", "slices.create")
        assert len(backend.slices.list(dataset=many)) == 1

    def test_errors_name_the_method_and_keep_the_key_inside(self, backend: Any, many: Any, emulated: Live[Any]) -> None:
        key = emulated.credentials["api_key"]
        emulated.faults.add(Answer(400, body=f'{{"error": "not with {key}"}}'), path="*/slices")
        with pytest.raises(InvalidData, match="not with") as failure:
            backend.slices.list(dataset=many)
        assert failure.value.operation == "slices.list"
        assert key not in f"{failure.value}{failure.value.__cause__!r}{backend.slices!r}"


class TestHandoff:
    def test_named_items_or_all_are_sent(self, backend: Any, many: Any, emulated: Live[Any]) -> None:
        backend.handoff.send_items(many, project="signs", items=["1", "2"])
        tasks = emulated.state.tasks.values()
        assert [emulated.state.item(task.item_id).reference_id for task in tasks] == ["1", "2"]
        backend.handoff.send_items(many, project="signs")
        found = backend.slices.list(dataset=many)
        assert [len(list(backend.slices.items(one))) for one in found] == [2, 10]
        assert {one.name for one in found} == {"sent to signs"}

    def test_predictions_are_not_sent_along(self, backend: Any, many: Any) -> None:
        with pytest.raises(Unsupported, match="without predictions"):
            backend.handoff.send_predictions("run_1", dataset=many, project="signs")
