"""What is lost where an ontology has no place for it, or on videos: refused by default, else measured, never silent."""

from __future__ import annotations

from typing import Any

import pytest

import dragoman
from dragoman import (
    Attribute,
    Box,
    Feature,
    Keypoint,
    Keypoints,
    Label,
    Mask,
    Ontology,
    Polygon,
    Prediction,
    Provenance,
    Radio,
    RotatedBox,
    Text,
    Whole,
    WouldLose,
)
from dragoman.emulate import Live
from dragoman_labelbox.models import ONTOLOGY

BOX = Box(1, 2, 3, 4)
RING = Polygon.of([(0, 0), (8, 0), (8, 8)])
MASK = Mask(48, 64, (100, 20, 48 * 64 - 120))
OTHER = Mask(48, 64, (500, 20, 48 * 64 - 520))
COLOUR = {"type": "radio", "name": "colour", "instructions": "colour", "options": [{"label": "red", "value": "red"}]}
BY_HAND = {
    "tools": [
        {"tool": "rectangle", "name": "car", "classifications": [COLOUR]},
        {"tool": "raster-segmentation", "name": "road"},
    ],
    "classifications": [{**COLOUR, "name": "weather", "instructions": "weather"}],
}


@pytest.fixture
def by_hand(backend: Any) -> str:
    """The id of an ontology of somebody else's."""
    return str(backend.client.create_ontology("by hand", BY_HAND).uid)


@pytest.fixture
def foreign(backend: Any, by_hand: str, dataset: Any) -> Any:
    """The dataset, whose projects have that ontology."""
    for media in ("image", "video"):
        backend.projects.make(dataset.id, media, backend.client.get_ontology(by_hand))
    return dataset


@pytest.fixture
def version(backend: Any, by_hand: str, dataset: Any) -> Any:
    """A version of a model with that ontology."""
    model = backend.models.create("m", task="object_detection", features=["car"], metadata={ONTOLOGY: by_hand})
    return backend.versions.create(model, name="v", dataset=dataset)


def connected(emulated: Live[Any]) -> Any:
    """Another connection, which remembers nothing."""
    settings = {"endpoint": f"{emulated.url}/graphql", "rest_endpoint": f"{emulated.url}/api/v1"}
    return dragoman.connect("labelbox", **settings, **emulated.credentials)


def losses(report: Any) -> dict[str, tuple[str, int]]:
    """What a report counts as lost: how it survives, and in how many rows."""
    return {loss.what: (loss.survival, loss.rows) for loss in report.losses}


class TestSomebodyElsesOntology:
    def test_an_id_is_not_kept_without_a_word(self, backend: Any, foreign: Any) -> None:
        row = Label("a", "car", BOX, id="mine")
        with pytest.raises(WouldLose, match="id is approximate: Labelbox gives it an id of its own"):
            backend.labels.write([row], dataset=foreign)
        report = backend.labels.write([row], dataset=foreign, on_loss="convert").raise_for_problems()
        assert losses(report) == {"field id": ("approximate", 1)}
        (read,) = backend.labels.read(foreign)
        assert (read.id != row.id, read.geometry) == (True, BOX)

    @pytest.mark.parametrize("policy", ["convert", "store", "drop"])
    def test_provenance_is_measured(self, backend: Any, foreign: Any, policy: Any) -> None:
        row = Label("a", "car", BOX, provenance=Provenance("encord", "7"))
        report = backend.labels.write([row], dataset=foreign, on_loss=policy).raise_for_problems()
        assert losses(report) == {"field id": ("approximate", 1), "field provenance": ("approximate", 1)}
        (read,) = backend.labels.read(foreign)
        assert read.provenance == Provenance("labelbox", read.id)

    @pytest.mark.parametrize(
        ("field", "value"),
        [("metadata", {"n": 1}), ("attributes", {"sharp": True}), ("track_id", "t"), ("answer", Text("x"))],
    )
    def test_what_has_no_place_is_refused_unless_dropped(
        self, backend: Any, foreign: Any, field: str, value: Any
    ) -> None:
        row = Label("a", "car", BOX, **{field: value})
        for policy in ("raise", "convert", "store"):
            with pytest.raises(WouldLose, match=field if policy != "raise" else "id"):
                backend.labels.write([row], dataset=foreign, on_loss=policy)
        assert list(backend.labels.read(foreign)) == []
        report = backend.labels.write([row], dataset=foreign, on_loss="drop").raise_for_problems()
        assert losses(report)[f"field {field}"] == ("dropped", 1)
        (read,) = backend.labels.read(foreign)
        assert not getattr(read, field)

    def test_answers_that_it_asks_for_are_kept(self, backend: Any, foreign: Any) -> None:
        whole = Label("a", "car", BOX, attributes={"colour": Radio.of("red")})
        part = Label("b", "car", BOX, attributes={"colour": Radio.of("red"), "count": 3})
        report = backend.labels.write([whole, part], dataset=foreign, on_loss="convert").raise_for_problems()
        assert losses(report) == {"field id": ("approximate", 2), "field attributes": ("approximate", 1)}
        assert [row.attributes for row in backend.labels.read(foreign)] == [{"colour": Radio.of("red")}] * 2

    def test_an_answer_to_its_question_is_kept(self, backend: Any, foreign: Any) -> None:
        row = Label("a", "weather", Whole(), answer=Radio.of("red"))
        report = backend.labels.write([row], dataset=foreign, on_loss="convert").raise_for_problems()
        assert losses(report) == {"field id": ("approximate", 1)}
        assert [read.answer for read in backend.labels.read(foreign)] == [row.answer]

    def test_custom_metrics_are_labelbox_s_own_and_stay(self, backend: Any, version: Any, dataset: Any) -> None:
        custom = {"custom_metrics": {"sharpness": 0.5}}
        rows = [
            Prediction("a", "car", BOX, metadata=custom),
            Prediction("a", "weather", Whole(), answer=Radio.of("red"), metadata=custom),
        ]
        report = backend.predictions.write(rows, version=version, dataset=dataset, on_loss="convert")
        assert losses(report.raise_for_problems()) == {"field id": ("approximate", 2)}
        assert [row.metadata for row in backend.predictions.read(version, dataset=dataset)] == [custom] * 2

    def test_a_shape_that_would_be_stored_has_no_place(self, backend: Any, foreign: Any) -> None:
        pose = Label("a", "weather", Keypoints((Keypoint("nose", 1, 2),)))
        with pytest.raises(WouldLose, match="geometry keypoints is dropped"):
            backend.labels.write([pose], dataset=foreign, on_loss="store")
        report = backend.labels.write([pose], dataset=foreign, on_loss="drop")
        assert (report.counts, losses(report)["geometry keypoints"]) == ({"ignored": 1}, ("dropped", 1))

    def test_a_tool_that_dragoman_adds_keeps_everything(self, backend: Any, foreign: Any) -> None:
        row = Label("a", "car", RING, metadata={"n": 1})
        backend.labels.write([row], dataset=foreign).raise_for_problems()
        assert [(read.id, read.metadata) for read in backend.labels.read(foreign)] == [(row.id, {"n": 1})]

    def test_a_video_s_tracks_and_stretches_are_labelbox_s(self, backend: Any, foreign: Any) -> None:
        rows = [Label("v", "car", BOX, frame=1, track_id="t"), Label("v", "car", BOX, span=(4, 6), track_id="u")]
        report = backend.labels.write(rows, dataset=foreign, on_loss="convert").raise_for_problems()
        assert losses(report) == {
            "field id": ("approximate", 2),
            "field track_id": ("approximate", 2),
            "field span": ("approximate", 1),
        }
        found = [(row.frame, row.span) for row in backend.labels.read(foreign)]
        assert found == [(1, None), (4, (4, 6)), (6, (4, 6))]

    def test_an_answer_over_frames_is_exact_but_for_its_id(self, backend: Any, foreign: Any) -> None:
        row = Label("v", "weather", Whole(), answer=Radio.of("red"), span=(4, 6))
        report = backend.labels.write([row], dataset=foreign, on_loss="convert").raise_for_problems()
        assert losses(report) == {"field id": ("approximate", 1)}
        assert [(read.span, read.frame, read.answer) for read in backend.labels.read(foreign)] == [
            ((4, 6), None, row.answer)
        ]

    def test_predictions_lose_the_same(self, backend: Any, version: Any, dataset: Any) -> None:
        row = Prediction("a", "car", BOX, confidence=0.0, class_pdf={"car": 1.0})
        with pytest.raises(WouldLose, match="class_pdf"):
            backend.predictions.write([row], version=version, dataset=dataset, on_loss="store")
        report = backend.predictions.write([row], version=version, dataset=dataset, on_loss="drop")
        assert losses(report) == {"field id": ("approximate", 1), "field class_pdf": ("dropped", 1)}
        (read,) = backend.predictions.read(version, dataset=dataset)
        assert (read.confidence, read.class_pdf) == (0.0, None)


class TestFreeText:
    @pytest.fixture
    def asking(self, backend: Any, dataset: Any) -> Any:
        """The dataset, with an ontology of Dragoman's own that asks for a free text."""
        asked = Attribute(name="caption", kind="text")
        features = (Feature(name="caption", geometries=("whole",), attributes=(asked,)), Feature(name="car"))
        backend.ontologies.create(Ontology(name="o", features=features), dataset=dataset)
        return dataset

    def test_its_id_has_no_place_and_the_text_stays(self, backend: Any, asking: Any) -> None:
        rows = [Label("a", "caption", Whole(), answer=Text("Größe")), Label("a", "car", BOX)]
        with pytest.raises(WouldLose, match="field id") as refusal:
            backend.labels.write(rows[::-1], dataset=asking)
        assert refusal.value.row == 1
        report = backend.labels.write(rows, dataset=asking, on_loss="convert").raise_for_problems()
        assert losses(report) == {"field id": ("approximate", 1)}
        read = {row.feature: row for row in backend.labels.read(asking)}
        assert (read["caption"].answer, read["car"].id) == (rows[0].answer, rows[1].id)

    def test_its_metadata_have_none_either(self, backend: Any, asking: Any) -> None:
        row = Label("a", "caption", Whole(), answer=Text("x"), metadata={"n": 1})
        with pytest.raises(WouldLose, match="metadata"):
            backend.labels.write([row], dataset=asking, on_loss="store")


class TestVideos:
    @pytest.mark.parametrize(
        "shape", [RING, RotatedBox(4, 4, 6, 6, 45), Polygon((((0, 0, 8, 0, 8, 8), (5, 2, 6, 2, 6, 3)),))]
    )
    def test_shapes_that_labelbox_has_on_images_only_become_boxes(self, backend: Any, dataset: Any, shape: Any) -> None:
        row = Label("v", "car", shape, frame=3)
        with pytest.raises(WouldLose, match="no such shape on frames"):
            backend.labels.write([row], dataset=dataset)
        report = backend.labels.write([row], dataset=dataset, on_loss="convert").raise_for_problems()
        (loss,) = report.losses
        assert (loss.rows, loss.worst_iou is not None and loss.worst_iou < 1) == (1, True)
        assert isinstance(next(iter(backend.labels.read(dataset))).geometry, Box)

    def test_the_original_is_stored_beside_the_box(self, backend: Any, dataset: Any) -> None:
        row = Label("v", "car", RING, frame=3)
        backend.labels.write([row], dataset=dataset, on_loss="store").raise_for_problems()
        assert [(read.id, read.geometry) for read in backend.labels.read(dataset)] == [(row.id, RING)]

    def test_masks_are_one_row_of_images_and_colours(self, backend: Any, dataset: Any, emulated: Live[Any]) -> None:
        rows = [
            Label("v", "road", MASK, frame=0, track_id="left"),
            Label("v", "road", OTHER, frame=0, track_id="right"),
            Label("v", "road", OTHER, frame=1, track_id="left"),
        ]
        report = backend.labels.write(rows, dataset=dataset, on_loss="convert")
        assert report.counts == {"created": 3}
        assert losses(report) == {
            "geometry mask": ("approximate", 3),
            "field id": ("approximate", 3),
            "field track_id": ("approximate", 3),
        }
        read = list(backend.labels.read(dataset))
        tracks = {row.track_id for row in read}
        assert sorted((row.frame, row.span, str(row.geometry)) for row in read) == sorted(
            (row.frame, row.span, str(row.geometry)) for row in rows
        )
        assert (len(tracks), {row.feature for row in read}) == (2, {"road"})
        (project,) = [one for one in emulated.state.projects.values() if one.media_type == "VIDEO"]
        (made,) = project.imports.values()
        assert emulated.state.files.by_token[made.files["input"]].content.count(b'"masks"') == 1
        with connected(emulated) as again:
            assert again.labels.write(rows, dataset=dataset, on_loss="convert").counts == {"ignored": 3}
        assert len(list(backend.labels.read(dataset))) == 3

    def test_masks_over_a_span_are_refused(self, backend: Any, dataset: Any) -> None:
        row = Label("v", "road", MASK, span=(0, 3))
        with pytest.raises(WouldLose, match="frame by frame"):
            backend.labels.write([row], dataset=dataset, on_loss="convert")
        assert backend.labels.write([row], dataset=dataset, on_loss="drop").counts == {"ignored": 1}

    def test_masks_of_different_sizes_on_one_video_are_rejected(self, backend: Any, dataset: Any) -> None:
        rows = [Label("v", "road", mask, frame=0) for mask in (MASK, Mask(1, 2, (1, 1)))]
        report = backend.labels.write([*rows, Label("a", "road", MASK)], dataset=dataset, on_loss="convert")
        assert [outcome.status for outcome in report] == ["rejected", "rejected", "created"]
        assert "different sizes" in (next(report.problems()).reason or "")

    def test_a_model_run_takes_boxes_in_the_place_of_masks(self, backend: Any, dataset: Any, model: Any) -> None:
        version = backend.versions.create(model, name="v", dataset=dataset)
        row = Prediction("v", "car", MASK, frame=0, confidence=0.5)
        report = backend.predictions.write([row], version=version, dataset=dataset, on_loss="convert")
        assert losses(report.raise_for_problems()) == {"geometry mask": ("approximate", 1)}
        (read,) = backend.predictions.read(version, dataset=dataset)
        assert isinstance(read.geometry, Box)


def test_a_second_connection_knows_nothing_more(backend: Any, foreign: Any, emulated: Live[Any]) -> None:
    """Where no ids are kept, the import's name alone says that rows are there."""
    row = Label("a", "car", BOX)
    backend.labels.write([row], dataset=foreign, on_loss="convert").raise_for_problems()
    with connected(emulated) as again:
        assert again.labels.write([row], dataset=foreign, on_loss="convert").counts == {"ignored": 1}
    assert len(list(backend.labels.read(foreign))) == 1
