"""What a project gets that was sent to before, or that is asked for what is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelbox import MediaType

from dragoman import Box, Feature, Item, Label, NotFound, Ontology, OutcomeUnknown, Prediction
from dragoman.emulate import DropAfter, Live


def boxes(count: int) -> list[Prediction]:
    """Predictions on an item that differ in their place."""
    return [Prediction("a", "car", Box(n, 1, 5, 5), confidence=0.5) for n in range(count)]


def drafts(emulated: Live[Any], project: str) -> list[int]:
    """How many labels to begin with each item of a project has that has any."""
    return [len(draft.rows) for draft in emulated.state.projects[project].drafts.values()]


@pytest.fixture
def target(backend: Any) -> str:
    """The id of a project with an ontology."""
    other = backend.datasets.create("target")
    backend.ontologies.create(Ontology(name="o", features=(Feature(name="car"),)), dataset=other)
    return str(backend.projects.of(other.id).uid)


class TestPredictions:
    def test_newer_ones_on_the_same_items_are_sent(
        self, backend: Any, dataset: Any, version: Any, target: str, emulated: Live[Any]
    ) -> None:
        for rows, count in ((boxes(2), 2), (boxes(5), 5)):
            backend.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
            backend.handoff.send_predictions(version, dataset=dataset, project=target)
            assert drafts(emulated, target) == [count]
        backend.predictions.delete(version, dataset=dataset)
        backend.predictions.write(boxes(2), version=version, dataset=dataset).raise_for_problems()
        backend.handoff.send_predictions(version, dataset=dataset, project=target)
        assert drafts(emulated, target) == [2], "rows of the same ids, but written anew"
        rows_there = emulated.state.projects[target].row_ids()
        assert sorted(emulated.state.rows[row].global_key for row in rows_there) == ["a", "b", "v"]

    def test_a_project_without_an_ontology_takes_none(self, backend: Any, dataset: Any, version: Any) -> None:
        backend.predictions.write(boxes(1), version=version, dataset=dataset).raise_for_problems()
        bare = backend.client.create_project(name="bare", media_type=MediaType.Image).uid
        with pytest.raises(NotFound, match=f"Project {bare} has no ontology. Connect one"):
            backend.handoff.send_predictions(version, dataset=dataset, project=bare)

    def test_newer_ones_on_a_video_are_sent(
        self, backend: Any, dataset: Any, version: Any, target: str, emulated: Live[Any]
    ) -> None:
        for track in ("t", "u"):
            rows = [Prediction("v", "car", Box(1, 2, 3, 4), frame=n, track_id=track) for n in (0, 5)]
            backend.predictions.write(rows, version=version, dataset=dataset).raise_for_problems()
            backend.handoff.send_predictions(version, dataset=dataset, project=target)
        assert drafts(emulated, target) == [2]

    def test_the_same_ones_make_no_second_batch(
        self,
        backend: Any,
        dataset: Any,
        version: Any,
        target: str,
        emulated: Live[Any],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        backend.predictions.write(boxes(2), version=version, dataset=dataset).raise_for_problems()
        emulated.faults.add(DropAfter(), path="*/graphql/SendToAnnotateFromMeaPyApi")
        with pytest.raises(OutcomeUnknown):
            backend.handoff.send_predictions(version, dataset=dataset, project=target)
        backend.handoff.send_predictions(version, dataset=dataset, project=target)
        (batch,) = emulated.state.projects[target].batches.values()
        assert f"in batch {batch.name!r} of project {target} and not sent again" in caplog.text
        assert drafts(emulated, target) == [2]

    def test_newer_ones_that_are_written_and_sent_have_an_import_of_their_own(
        self, backend: Any, dataset: Any, version: Any, target: str, emulated: Live[Any]
    ) -> None:
        project = emulated.state.projects[target]
        for rows, imports in ((boxes(2), 1), (boxes(2), 1), (boxes(5), 2)):
            sent = backend.handoff.write_and_send(rows, version=version.id, dataset=dataset.id, project=target)
            assert (sent.ok, len(project.imports)) == (True, imports)
        assert drafts(emulated, target) == [5]


class TestItems:
    def test_those_that_are_not_there_are_named_and_none_is_sent(
        self, backend: Any, dataset: Any, target: str, emulated: Live[Any]
    ) -> None:
        elsewhere = backend.datasets.create("elsewhere")
        item = Item("other", uri="https://example.com/other.jpg", width=64, height=48)
        backend.datasets.write_items([item], dataset=elsewhere).raise_for_problems()
        with pytest.raises(NotFound, match=r"lacks 2 of 3 items: 'nope', 'other'\. Nothing was sent"):
            backend.handoff.send_items(dataset, project=target, items=["a", "nope", "other"])
        with pytest.raises(NotFound, match=r"lacks 9 of 9 items: '0', '1', '2', '3', '4', \.\.\.\. Nothing"):
            backend.handoff.send_items(dataset, project=target, items=[str(number) for number in range(9)])
        assert emulated.state.projects[target].batches == {}


def test_what_labelbox_has_besides_takes_versions_and_datasets_themselves(
    backend: Any, dataset: Any, version: Any, model: Any, target: str, tmp_path: Path
) -> None:
    bbox = {"top": 1, "left": 1, "width": 2, "height": 2}
    row = {"uuid": "u", "dataRow": {"globalKey": "a"}, "name": "car", "bbox": bbox}
    path = tmp_path / "rows.ndjson"
    path.write_text(json.dumps(row))
    assert backend.predictions.write_from(path, version=version).ok
    assert backend.handoff.write_and_send(boxes(1), version=version, dataset=dataset, project=target).ok
    label = Label("b", "car", Box(1, 2, 3, 4))
    assert backend.handoff.write_drafts([label], dataset=dataset, project=target).ok
    backend.labels.write([label], dataset=dataset).raise_for_problems()
    labeled = backend.versions.create(model, name="labeled", dataset=dataset)
    assert [row.id for row in backend.labels.of_version(labeled, dataset=dataset)] == [label.id]
