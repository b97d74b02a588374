"""Rows as results of a project, and back: exact means equal, in a configuration of ours and in others' too."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman import Box, Item, Label, Point, Prediction, RotatedBox, Survival, Whole
from dragoman.conformance import strategies
from dragoman.conformance.difficult import GEOMETRIES, HEIGHT, WIDTH, feature_of
from dragoman.errors import InvalidData
from dragoman.fidelity import Keeper
from dragoman.formats.labelstudio.config import read_config
from dragoman.formats.labelstudio.records import Annotation, Predicted, Task
from dragoman.formats.labelstudio.rows import TaskRows
from dragoman.schema import Checklist, Feature, Mask, Number, Ontology, Polygon, Provenance, Radio, Text
from dragoman_labelstudio.codec import Encoder, score_of, without_media
from dragoman_labelstudio.configuration import written
from dragoman_labelstudio.fidelity import ROWS, table_for

ITEM = Item("street", width=WIDTH, height=HEIGHT)
VIDEO = Item("film", width=WIDTH, height=HEIGHT, media="video", frames=100)
EXACT = [form for form in GEOMETRIES if ROWS.geometry(form).survival is Survival.EXACT]
OURS = written(
    Ontology(
        name="kit",
        features=tuple(Feature(name=feature_of(form), geometries=(form.split(" ")[0],)) for form in GEOMETRIES),
    ),
    "image",
)
THEIRS = """<View>
  <Image name="photo" value="$url"/>
  <RectangleLabels name="tag" toName="photo"><Label value="car"/><Label value="bus"/></RectangleLabels>
  <Polygon name="outline" toName="photo"/><KeyPoint name="dot" toName="photo"/>
  <Labels name="what" toName="photo"><Label value="lane"/></Labels>
  <Choices name="weather" toName="photo"><Choice value="sun"/><Choice value="rain"/></Choices>
  <Choices name="hidden" toName="photo" perRegion="true" whenLabelValue="car"><Choice value="yes"/></Choices>
  <TextArea name="note" toName="photo" perRegion="true"/>
</View>"""

RATED = """<View>
  <Image name="photo" value="$url"/>
  <RectangleLabels name="tag" toName="photo"><Label value="car"/></RectangleLabels>
  <Rating name="quality" toName="photo"/><Rating name="sure" toName="photo" perRegion="true"/>
</View>"""


def encoded(rows: list[Label], label_config: str = OURS, item: Item = ITEM, version: str | None = None) -> list[Any]:
    """The results of rows, after they were JSON."""
    results = Encoder(read_config(label_config.encode()), version).results(item, rows, set())
    return msgspec.json.decode(msgspec.json.encode(results))


def read(results: list[Any], label_config: str = OURS, item: Item = ITEM, said: Any = None) -> list[Label]:
    """The rows of results as one annotation, or as what `said` makes of them."""

    def refuse(error: InvalidData) -> None:
        raise error

    content = said(results) if said else Annotation(results)
    predicted = isinstance(content, Predicted)
    task = Task({"image": "x"}, 1, None, [] if predicted else [content], [content] if predicted else [])
    return list(TaskRows(task, item, read_config(label_config.encode()), refuse).rows())


def refused(row: Label, label_config: str = THEIRS, item: Item = ITEM) -> InvalidData:
    with pytest.raises(InvalidData) as refusal:
        encoded([row], label_config, item)
    return refusal.value


class TestOurConfiguration:
    """Every form of geometry in a configuration that was made of an ontology."""

    @pytest.mark.parametrize("form", EXACT)
    def test_an_exact_shape_comes_back(self, form: str) -> None:
        rows = [Label("street", feature_of(form), shape) for shape in GEOMETRIES[form]]
        assert [msgspec.structs.replace(row, provenance=None) for row in read(encoded(rows))] == rows

    @given(data=st.data(), form=st.sampled_from(["box", "rotated_box", "point", "whole", "polygon", "polyline"]))
    def test_fields_of_labels_come_back(self, data: st.DataObject, form: str) -> None:
        shape = GEOMETRIES[form][0]
        drawn = data.draw(strategies.labels_with(st.just(shape)))
        moment = {"frame": None, "span": None, "interpolation": "none"}
        row = msgspec.structs.replace(drawn, item="street", feature=feature_of(form), id="row", **moment)
        assume(not {"ellipse", "relations", "dragoman_region"} & row.metadata.keys())
        (found,) = read(encoded([row]))
        assert msgspec.structs.replace(found, provenance=row.provenance) == row
        assert row.provenance is None or found.provenance == row.provenance

    @given(confidence=st.none() | strategies.probabilities)
    def test_a_prediction_keeps_its_own_confidence(self, confidence: float | None) -> None:
        row = Prediction("street", feature_of("box"), Box(1, 2, 3, 4), confidence=confidence)
        rows = [row, Prediction("street", feature_of("box"), Box(2, 2, 3, 4), confidence=0.25)]
        found = read(encoded(rows), said=lambda results: Predicted(results, score_of(rows), "v1"))
        assert [one.confidence for one in found if isinstance(one, Prediction)] == [confidence, 0.25]

    def test_what_cannot_be_drawn_is_a_choice_with_the_shape_beside(self) -> None:
        row = Label("street", feature_of("keypoints"), GEOMETRIES["keypoints"][0])
        kept = Keeper(ROWS, "store").keep(row)
        assert kept is not None
        (result,) = encoded([kept])
        assert (result["type"], result["value"]) == ("choices", {"choices": [feature_of("keypoints")]})

    def test_an_answer_to_a_feature_that_is_no_question_stands_beside_it(self) -> None:
        row = Label("street", feature_of("whole"), Whole(), answer=Radio.of("yes"))
        (found,) = read(encoded([row]))
        assert (found.feature, found.answer) == (row.feature, row.answer)

    def test_provenance_that_the_prediction_says_is_not_said_again(self) -> None:
        came = Provenance("label-studio", version="v1")
        row = Prediction("street", feature_of("box"), Box(1, 2, 3, 4), provenance=came)
        (plain,) = encoded([row], version="v1")
        assert "meta" not in plain
        (kept,) = encoded([row], version="v2")
        assert kept["meta"]["dragoman_region"]["provenance"] == {"platform": "label-studio", "version": "v1"}


class TestTheirConfiguration:
    """A configuration that people made: results have its names, and it comes back the same."""

    def test_a_shape_has_the_name_of_the_control_that_has_its_label(self) -> None:
        (result,) = encoded([Label("street", "bus", Box(0, 0, 32, 24))], THEIRS)
        assert (result["from_name"], result["to_name"], result["type"]) == ("tag", "photo", "rectanglelabels")
        assert result["value"]["rectanglelabels"] == ["bus"]

    @pytest.mark.parametrize("shape", [Polygon.of([(0, 0), (9, 0), (9, 9)]), Point(3, 4)])
    def test_a_tag_that_only_draws_is_joined_by_the_one_that_names(self, shape: Any) -> None:
        row = Label("street", "lane", shape, metadata={"kept": 1})
        drawn, named = encoded([row], THEIRS)
        assert drawn["id"] == named["id"]
        assert (drawn["from_name"], drawn["type"]) in [("outline", "polygon"), ("dot", "keypoint")]
        assert (named["from_name"], named["type"], named["value"]["labels"]) == ("what", "labels", ["lane"])
        (found,) = read([drawn, named], THEIRS)
        assert msgspec.structs.replace(found, provenance=None) == row

    def test_answers_go_where_the_configuration_asks_and_the_others_beside(self) -> None:
        asked = {"hidden": Radio.of("yes"), "note": Text("far away")}
        others = {"hidden?": Radio.of("no"), "weather": Radio.of("sun"), "count": 3}
        row = Label("street", "car", Box(0, 0, 3, 3), attributes={**asked, **others})
        region, *answers = encoded([row], THEIRS)
        assert {answer["from_name"]: answer["type"] for answer in answers} == {"hidden": "choices", "note": "textarea"}
        assert region["meta"]["dragoman_region"]["attributes"].keys() == others.keys()
        assert read([region, *answers], THEIRS)[0].attributes == row.attributes

    def test_a_question_about_the_item_is_answered(self) -> None:
        row = Label("street", "weather", Whole(), answer=Radio.of("rain"))
        (result,) = encoded([row], THEIRS)
        assert (result["from_name"], result["value"]) == ("weather", {"choices": ["rain"]})
        assert read([result], THEIRS)[0].answer == row.answer

    def test_stars_are_a_whole_number(self) -> None:
        rows = [
            Label("street", "quality", Whole(), answer=Number(3)),
            Label("street", "car", Box(0, 0, 3, 3), attributes={"sure": Number(0.0)}),
        ]
        whole, region, sure = encoded(rows, RATED)
        assert (whole["from_name"], whole["type"], whole["value"]) == ("quality", "rating", {"rating": 3})
        assert (sure["from_name"], sure["type"], sure["value"]) == ("sure", "rating", {"rating": 0})
        found = read([whole, region, sure], RATED)
        assert [msgspec.structs.replace(row, provenance=None) for row in found] == rows

    def test_stars_that_are_no_whole_number_are_no_answer(self) -> None:
        row = Label("street", "quality", Whole(), answer=Number(2.5))
        assert "'quality'" in refused(row, RATED).message

    @pytest.mark.parametrize(
        ("row", "what"),
        [
            (Label("street", "tram", Box(0, 0, 3, 3)), "no rectangle for 'tram'"),
            (Label("street", "lane", RotatedBox(5, 5, 3, 3, 30)), "no rectangle for 'lane'"),
            (Label("street", "car", Mask(HEIGHT, WIDTH, (HEIGHT * WIDTH,))), "no brush for 'car'"),
            (Label("street", "car", Whole()), "no class or question 'car'"),
            (Label("street", "weather", Whole(), answer=Radio.of("fog")), "no class or question 'weather'"),
            (Label("street", "weather", Whole(), answer=Checklist.of("sun", "rain")), "no class or question"),
        ],
    )
    def test_what_it_has_no_place_for_is_refused_and_named(self, row: Label, what: str) -> None:
        error = refused(row)
        assert what in error.message
        assert error.field == "feature"

    def test_a_row_without_the_size_of_its_item_is_refused(self) -> None:
        error = refused(Label("street", "car", Box(0, 0, 3, 3)), item=Item("street"))
        assert "width and height" in error.message

    def test_a_mask_has_a_size_of_its_own(self) -> None:
        row = Label("street", feature_of("mask"), GEOMETRIES["mask"][0])
        (result,) = encoded([row], item=Item("street"))
        assert (result["original_width"], result["original_height"]) == (WIDTH, HEIGHT)


class TestVideos:
    """Boxes of one object are one region; nothing but boxes is drawn."""

    CONFIG = written(Ontology(name="film", features=(Feature(name="car", geometries=("box",)),)), "video")

    def test_keyframes_of_a_track_are_one_region_and_come_back(self) -> None:
        rows = [
            Label("film", "car", Box(n, 2, 3, 4), frame=n, span=(0, 10), interpolation="linear", track_id="7")
            for n in (0, 5, 10)
        ]
        (region,) = encoded(rows, self.CONFIG, VIDEO)
        assert (region["type"], region["from_name"]) == ("videorectangle", "video_box")
        assert [key["frame"] for key in region["value"]["sequence"]] == [1, 6, 11]
        found = read([region], self.CONFIG, VIDEO)
        assert [msgspec.structs.replace(row, provenance=None) for row in found] == rows

    def test_the_table_of_a_project_of_videos_has_boxes_only(self) -> None:
        table = table_for(read_config(self.CONFIG.encode()))(Label("film", "car", Whole()))
        assert table.geometry("box").survival is Survival.EXACT
        assert table.geometry("polygon").survival is Survival.DROPPED
        assert table_for(read_config(OURS.encode()))(Label("i", "car", Whole())) is ROWS

    def test_a_shape_that_is_no_box_is_refused(self) -> None:
        assert "on a video" in refused(Label("film", "car", Point(1, 2), frame=3), self.CONFIG, VIDEO).message


@pytest.mark.parametrize(
    ("confidences", "score"), [([0.5, 0.25], 0.375), ([0.0], 0.0), ([0.5, None], None), ([None], None), ([], None)]
)
def test_the_score_of_a_prediction_is_the_mean_where_every_row_has_one(
    confidences: list[float | None], score: float | None
) -> None:
    rows = [Prediction("street", "car", Box(1, 2, 3, 4), confidence=one) for one in confidences]
    assert score_of(rows) == score


def test_an_item_is_kept_without_where_its_media_was_here() -> None:
    item = Item("street", id="7", uri="/home/somebody/street.png", data=b"x", width=3, height=2, split="test")
    assert without_media(item) == Item("street", width=3, height=2, split="test")
