"""Labels and predictions on Encord over its emulator: what is written comes back, and what does not fit is said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman import (
    Box,
    Conflict,
    Item,
    Label,
    Mask,
    NotFound,
    Point,
    Polygon,
    Polyline,
    Prediction,
    RotatedBox,
    Whole,
    WouldLose,
)
from dragoman.emulate import Live
from dragoman.schema import Checklist, Radio, Text


def bare(rows: Any) -> dict[str, Any]:
    """Rows by id, without where they come from."""
    return {row.id: msgspec.structs.replace(row, provenance=None) for row in rows}


IMAGE_LABELS = [
    Label("a", "car", Box(1.5, 2, 30, 40.25), metadata={"night": True}),
    Label("a", "car", Polygon((((0, 0, 10, 0, 10, 10), (1, 1, 2, 1, 2, 2)), ((20, 20, 30, 20, 30, 30),)))),
    Label("a", "anything", RotatedBox(30.5, 20, 10, 4, 33.25)),
    Label("a", "anything", Polyline((0, 0, 5, 5, 9, 1))),
    Label("a", "anything", Point(3.125, 7)),
    Label("b", "anything", Mask(48, 64, (100, 7, 41, 7, 48 * 64 - 155))),
    Label("b", "rain", Whole()),
    Label("b", "weather", Whole(), answer=Radio.of("fog")),
    Label("b", "damaged", Whole(), attributes={"plate": "BE 1"}, metadata={"n": 1}, track_id="t"),
    Label("b", "car", Box(0, 0, 64, 48), attributes={"seen": Checklist.of("left", "right"), "age": 4, "plate": "BE"}),
    Label("b", "car", Box(0, 0, 1, 1), attributes={"colour": Radio.of("blue", {"shade": Text("dark")})}),
    Label("b", "car", Box(0, 0, 2, 2), track_id="7"),
    Label("b", "car", Box(0, 0, 3, 3), attributes={"wheels": 4, "plate": "BE 2", "sure": False}, answer=Text("x")),
    Label("a", "rain", Whole(), answer=Radio.of("much"), attributes={"since": "noon"}),
]


VIDEO_LABELS = [
    Label("clip", "car", Box(1, 2, 3, 4), frame=2, track_id="t/1", attributes={"colour": Radio.of("red")}),
    Label("clip", "car", Box(2, 2, 3, 4), frame=3, track_id="t/1", attributes={"plate": "seen now"}),
    Label("clip", "anything", Point(9, 9), frame=2, track_id="t/1"),
    Label("clip", "anything", Point(5, 5), frame=9),
    Label("clip", "anything", Box(5, 5, 1, 1), span=(4, 7), attributes={}),
    Label("clip", "rain", Whole(), span=(0, 3)),
    Label("clip", "rain", Whole(), frame=5),
    Label("clip", "weather", Whole(), answer=Radio.of("sun")),
]


class TestLabels:
    def test_all_geometries_and_answers_come_back_as_sent(self, backend: Any, dataset: Any) -> None:
        sent = [*IMAGE_LABELS, *VIDEO_LABELS]
        report = backend.labels.write(sent, dataset=dataset)
        assert report.counts == {"created": len(sent)}, list(report.problems())
        assert bare(backend.labels.read(dataset)) == bare(sent)

    def test_the_sdk_reads_what_was_written_and_may_save_it(self, backend: Any, dataset: Any, sdk: Any) -> None:
        sent = [*IMAGE_LABELS, *VIDEO_LABELS]
        backend.labels.write(sent, dataset=dataset)
        project = sdk.get_project(backend.projects.of(dataset.id))
        rows = {row.data_title: row for row in project.list_label_rows_v2()}
        for row in rows.values():
            row.initialise_labels()
        assert len(rows["a"].get_object_instances()) == 5
        assert len(rows["clip"].get_object_instances()) == 4
        assert len(rows["clip"].get_classification_instances()) == 3
        (box,) = (thing for thing in rows["a"].get_object_instances() if thing.ontology_item.shape == "bounding_box")
        assert box.get_annotation(0).coordinates.width == 30 / 64
        for row in rows.values():
            row.save()
        assert bare(backend.labels.read(dataset)) == bare(sent)

    def test_what_the_sdk_wrote_is_read(self, backend: Any, dataset: Any, sdk: Any) -> None:
        from encord.objects import Classification, Object
        from encord.objects.coordinates import BoundingBoxCoordinates

        project = sdk.get_project(backend.projects.of(dataset.id))
        row = next(row for row in project.list_label_rows_v2() if row.data_title == "clip")
        row.initialise_labels()
        structure = project.ontology_structure
        car = next(
            thing for thing in structure.get_children_by_title("car", type_=Object) if thing.shape == "bounding_box"
        )
        thing = car.create_instance()
        for frame in (1, 2):
            box = BoundingBoxCoordinates(height=0.5, width=0.25, top_left_x=0.1, top_left_y=0.2)
            thing.set_for_frames(box, frames=frame, confidence=0.5)
        row.add_object_instance(thing)
        fog = structure.get_child_by_title("weather", type_=Classification).create_instance()
        fog.set_answer(fog.ontology_item.attributes[0].options[1])
        fog.set_for_frames(frames=[3, 4, 5])
        row.add_classification_instance(fog)
        row.save()
        read = list(backend.labels.read(dataset))
        assert [(label.geometry, label.frame, label.track_id) for label in read[:2]] == [
            (Box(10, 10, 25, 25), 1, thing.object_hash),
            (Box(10, 10, 25, 25), 2, thing.object_hash),
        ]
        assert (read[2].feature, read[2].answer, read[2].span) == ("weather", Radio.of("fog"), (3, 5))
        assert len({label.id for label in read}) == 3

    def test_rows_that_are_there_are_ignored_or_updated(self, backend: Any, dataset: Any) -> None:
        sent = [*IMAGE_LABELS, *VIDEO_LABELS]
        backend.labels.write(sent, dataset=dataset)
        assert backend.labels.write(sent, dataset=dataset).counts == {"ignored": len(sent)}
        moved = [
            msgspec.structs.replace(VIDEO_LABELS[0], geometry=Box(9, 9, 9, 9)),
            msgspec.structs.replace(VIDEO_LABELS[4], span=(5, 6)),
            msgspec.structs.replace(VIDEO_LABELS[6], frame=6),
            msgspec.structs.replace(IMAGE_LABELS[0], metadata={}),
        ]
        assert backend.labels.write(moved, dataset=dataset, update=True).counts == {"updated": 4}
        assert bare(backend.labels.read(dataset)) == bare(sent) | bare(moved)

    @pytest.mark.parametrize("page_size", [1, 2, 100])
    def test_pages_of_any_size_give_the_same(self, backend: Any, dataset: Any, page_size: int) -> None:
        backend.labels.write([*IMAGE_LABELS, *VIDEO_LABELS], dataset=dataset)
        read = backend.labels.read(dataset, page_size=page_size)
        assert bare(read) == bare([*IMAGE_LABELS, *VIDEO_LABELS])

    def test_what_is_written_while_reading_shifts_nothing(self, backend: Any, dataset: Any) -> None:
        first = [Label(item, "anything", Point(1, 1), frame=f) for item, f in (("b", None), ("clip", 1))]
        backend.labels.write(first, dataset=dataset)
        reading = backend.labels.read(dataset, page_size=1)
        read = [next(reading)]
        backend.labels.write([Label("a", "anything", Point(2, 2))], dataset=dataset)
        assert [row.id for row in (*read, *reading)] == [row.id for row in first]

    def test_items_can_be_chosen_and_must_be_there(self, backend: Any, dataset: Any) -> None:
        backend.labels.write(IMAGE_LABELS, dataset=dataset)
        assert {label.item for label in backend.labels.read(dataset, items=["b"])} == {"b"}
        with pytest.raises(NotFound, match="nowhere"):
            list(backend.labels.read(dataset, items=["nowhere"]))

    def test_interpolation_is_stored_when_that_is_accepted(self, backend: Any, dataset: Any) -> None:
        key = Label("clip", "car", Box(1, 2, 3, 4), frame=3, span=(2, 6), interpolation="linear", track_id="t")
        with pytest.raises(WouldLose, match="interpolation"):
            backend.labels.write([key], dataset=dataset)
        backend.labels.write([key], dataset=dataset, on_loss="convert")
        assert bare(backend.labels.read(dataset)) == bare([key])

    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (Label("a", "tree", Box(1, 2, 3, 4)), "no feature 'tree'"),
            (Label("a", "car", Point(1, 2)), "as box, polygon"),
            (Label("nowhere", "car", Box(1, 2, 3, 4)), "no item 'nowhere'"),
            (Label("a", "car", Box(1, 2, 3, 4), frame=0), "no frames"),
            (Label("clip", "car", Box(1, 2, 3, 4), frame=10), "has 10 frames"),
            (Label("clip", "car", Box(1, 2, 3, 4), span=(8, 12)), "has 10 frames"),
            (Label("clip", "car", Box(1, 2, 3, 4)), "names none"),
            (Label("a", "anything", Mask(2, 2, (4,))), "masks of whole images"),
            (Label("a", "car", Box(1, 2, 3, 4), attributes={"colour": "green"}), "no option 'green'"),
            (Label("a", "car", Box(1, 2, 3, 4), attributes={"age": "four"}), "asks for number"),
            (Label("a", "weather", Whole()), "no answer"),
        ],
    )
    def test_a_row_that_does_not_fit_is_rejected_alone(
        self, backend: Any, dataset: Any, row: Label, reason: str
    ) -> None:
        good = Label("a", "car", Box(5, 5, 5, 5))
        outcomes = list(backend.labels.write([row, good], dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["rejected", "created"]
        assert reason in outcomes[0].reason
        assert set(bare(backend.labels.read(dataset))) == {good.id}

    def test_one_answer_to_a_question_per_frame(self, backend: Any, dataset: Any) -> None:
        rows = [Label("a", "weather", Whole(), answer=Radio.of(name)) for name in ("sun", "fog")]
        outcomes = list(backend.labels.write(rows, dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["created", "rejected"]

    def test_a_project_without_our_attribute_says_so_before_it_loses_something(
        self, backend: Any, sdk: Any, pictures: list[Item]
    ) -> None:
        from encord.objects import Object, OntologyStructure, Shape

        structure = OntologyStructure()
        structure.add_object("car", Shape.BOUNDING_BOX)
        assert structure.get_children_by_title("car", type_=Object)
        dataset = backend.datasets.create("theirs")
        backend.datasets.write_items(pictures, dataset=dataset)
        ontology = sdk.create_ontology("theirs", structure=structure)
        sdk.create_project("theirs", [dataset.id], ontology_hash=ontology.ontology_hash)
        rows = [Label("a", "car", Box(1, 2, 3, 4)), Label("a", "car", Box(2, 2, 3, 4), metadata={"n": 1})]
        outcomes = list(backend.labels.write(rows, dataset=dataset))
        assert [outcome.status for outcome in outcomes] == ["created", "rejected"]
        assert "ontologies.create" in outcomes[1].reason
        backend.ontologies.create(backend.ontologies.get(dataset), dataset=dataset)
        assert backend.labels.write(rows, dataset=dataset).counts == {"ignored": 1, "created": 1}
        assert bare(backend.labels.read(dataset)) == bare(rows)


class TestPredictions:
    def test_confidence_and_class_pdf_survive(self, backend: Any, dataset: Any, version: Any) -> None:
        rows = [
            Prediction("a", "car", Box(1, 2, 3, 4), confidence=0.0),
            Prediction("a", "car", Box(2, 2, 3, 4)),
            Prediction("clip", "car", Box(2, 2, 3, 4), frame=1, track_id="t", confidence=0.25),
        ]
        assert backend.predictions.write(rows, version=version, dataset=dataset).counts == {"created": 3}
        assert bare(backend.predictions.read(version, dataset=dataset)) == bare(rows)
        pdf = Prediction("b", "car", Box(1, 2, 3, 4), confidence=1.0, class_pdf={"car": 0.75})
        backend.predictions.write([pdf], version=version, dataset=dataset, on_loss="convert")
        assert bare(backend.predictions.read(version, dataset=dataset, items=["b"])) == bare([pdf])

    def test_they_leave_the_ground_truth_alone(self, backend: Any, dataset: Any, version: Any) -> None:
        before = bare(backend.labels.read(dataset))
        backend.predictions.write([Prediction("a", "car", Box(1, 2, 3, 4))], version=version, dataset=dataset)
        assert bare(backend.labels.read(dataset)) == before

    def test_some_or_all_are_deleted(self, backend: Any, dataset: Any, version: Any) -> None:
        rows = [Prediction("a", "car", Box(n, 2, 3, 4), confidence=0.5) for n in range(3)]
        backend.predictions.write(rows, version=version, dataset=dataset)
        backend.predictions.delete(version, dataset=dataset, ids=[rows[1].id])
        assert set(bare(backend.predictions.read(version, dataset=dataset))) == {rows[0].id, rows[2].id}
        backend.predictions.delete(version, dataset=dataset)
        assert list(backend.predictions.read(version, dataset=dataset)) == []

    def test_the_core_evaluates_them(self, backend: Any, dataset: Any, version: Any) -> None:
        backend.predictions.write(
            [Prediction("a", "car", Box(4, 8, 16, 12), confidence=0.9)], version=version, dataset=dataset
        )
        assert backend.evaluations.evaluate(version, dataset=dataset).metrics["mAP"] == pytest.approx(1.0)

    def test_they_are_handed_over_as_labels_to_items_without_any(
        self, backend: Any, dataset: Any, version: Any
    ) -> None:
        rows = [Prediction(item, "car", Box(1, 2, 3, 4), confidence=0.5) for item in ("a", "b")]
        backend.predictions.write(rows, version=version, dataset=dataset)
        with pytest.raises(Conflict, match="1 of 2"):
            backend.handoff.send_predictions(version, dataset=dataset, project=dataset.id)
        assert {label.item for label in backend.labels.read(dataset)} == {"a", "b"}

    def test_a_dataset_is_handed_to_a_project(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        other = backend.datasets.create("more")
        backend.handoff.send_items(other, project=backend.projects.of(dataset.id))
        assert emulated.state.projects[backend.projects.of(dataset.id)].datasets == [dataset.id, other.id]
