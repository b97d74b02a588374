"""Label Studio's JSON: what its results say, and what others lose of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelstudio_tasks import RECTANGLE, reader_of, region, round_trip, task

from dragoman import (
    Box,
    Checklist,
    InvalidData,
    Item,
    Label,
    Number,
    Point,
    Polygon,
    Polyline,
    Prediction,
    Provenance,
    Radio,
    RotatedBox,
    Text,
    Whole,
)
from dragoman.fidelity import Survival
from dragoman.formats.labelstudio import LabelStudioReader, LabelStudioWriter
from dragoman.formats.labelstudio.fidelity import WRITING
from dragoman.schema import Feature, Ontology


class TestKnownWaysToLoseData:
    def test_rotated_boxes_flattened(self, tmp_path: Path) -> None:
        """The angle turns the box about its top-left corner, which stays where it is."""
        turned = region("rectanglelabels", {"x": 50, "y": 20, "width": 20, "height": 20, "rotation": 90})
        (row,) = reader_of(tmp_path, task(turned)).rows()
        assert row.geometry == RotatedBox(45, 20, 20, 10, 90)

    def test_frame_indices_off_by_one(self, tmp_path: Path) -> None:
        key = {"x": 0, "y": 0, "width": 10, "height": 10, "rotation": 0}
        keys = [{**key, "frame": 1, "enabled": True}, {**key, "frame": 5, "enabled": False}, {**key, "frame": 8}]
        value = {"framesCount": 10, "sequence": keys, "labels": ["car"]}
        video = {**task(region("videorectangle", value)), "data": {"video": "v.mp4"}}
        assert [
            (row.frame, row.span, row.interpolation, row.track_id) for row in reader_of(tmp_path, video).rows()
        ] == [
            (0, (0, 4), "linear", "r1"),
            (4, (0, 4), "linear", "r1"),
            (None, (7, 9), "none", "r1"),
        ]
        (item,) = reader_of(tmp_path, video).items()
        assert (item.media, item.frames) == ("video", 10)

    def test_predictions_of_which_an_export_gives_the_number_alone_are_passed_over(self, tmp_path: Path) -> None:
        """Label Studio's own snapshots do so unless they are told otherwise."""
        whole = {"model_version": "v1", "score": 0.5, "result": [RECTANGLE]}
        rows = list(reader_of(tmp_path, task(RECTANGLE, predictions=[7, whole])).rows())
        assert [type(row) for row in rows] == [Label, Prediction]

    def test_timelines_keep_their_ranges(self, tmp_path: Path) -> None:
        value = {"ranges": [{"start": 1, "end": 1}, {"start": 3, "end": 9}], "timelinelabels": ["car"]}
        result = {"id": "t", "type": "timelinelabels", "from_name": "x", "value": value}
        rows = list(reader_of(tmp_path, {**task(result), "data": {"video": "v.mp4"}}).rows())
        assert [(row.frame, row.span, row.geometry) for row in rows] == [(0, None, Whole()), (None, (2, 8), Whole())]
        assert len({row.id for row in rows}) == 2

    def test_ids_merged(self, tmp_path: Path) -> None:
        copied = {"predictions": [{"result": [RECTANGLE]}], "annotations": [{"result": [RECTANGLE]}] * 2}
        rows = list(reader_of(tmp_path, task(**copied)).rows())
        assert [type(row).__name__ for row in rows] == ["Label", "Label", "Prediction"]
        assert rows[0].id == rows[2].id == "r1"
        assert rows[1].id != "r1"

    def test_attributes_dropped(self, tmp_path: Path) -> None:
        answered = [
            {"id": "r1", "from_name": name, "type": tag, "value": value}
            for name, tag, value in (
                ("color", "choices", {"choices": ["red"]}),
                ("seen", "choices", {"choices": ["front", "top"]}),
                ("note", "textarea", {"text": ["two", "lines"]}),
                ("doors", "number", {"number": 4}),
            )
        ]
        (row,) = reader_of(tmp_path, task(RECTANGLE, *answered)).rows()
        assert row.attributes == {
            "color": Radio.of("red"),
            "seen": Checklist.of("front", "top"),
            "note": Text("two\nlines"),
            "doors": Number(4),
        }

    def test_confidence_zero_treated_as_absent(self, tmp_path: Path) -> None:
        predicted = task(
            annotations=[], predictions=[{"score": 0.9, "model_version": "v2", "result": [{**RECTANGLE, "score": 0.0}]}]
        )
        (row,) = reader_of(tmp_path, predicted).rows()
        assert isinstance(row, Prediction)
        assert (row.confidence, row.provenance) == (0.0, Provenance("label-studio", version="v2"))

    def test_the_score_of_a_prediction_is_that_of_results_without(self, tmp_path: Path) -> None:
        (row,) = reader_of(tmp_path, task(annotations=[], predictions=[{"score": 0.0, "result": [RECTANGLE]}])).rows()
        assert isinstance(row, Prediction)
        assert row.confidence == 0.0

    def test_items_without_annotations_dropped(self, tmp_path: Path) -> None:
        tasks = [{"data": {"image": name}} for name in ("one/a.jpg", "two/a.jpg")]
        assert [item.key for item in reader_of(tmp_path, *tasks).items()] == ["one/a.jpg", "two/a.jpg"]

    def test_boxes_outside_the_image_clamped(self, tmp_path: Path) -> None:
        row = Label("a", "sheep", Box(-10.5, -5, 5000, 500))
        assert list(round_trip(tmp_path / "set", [Item("a", width=100, height=50)], [row]).rows()) == [row]

    def test_several_labels_of_one_region(self, tmp_path: Path) -> None:
        both = {**RECTANGLE, "value": {**RECTANGLE["value"], "rectanglelabels": ["car", "red"]}}
        rows = list(reader_of(tmp_path, task(both)).rows())
        assert [row.feature for row in rows] == ["car", "red"]
        assert len({row.id for row in rows}) == 2

    def test_relations_dropped(self, tmp_path: Path) -> None:
        relation = {"type": "relation", "from_id": "r1", "to_id": "r2", "direction": "right", "labels": ["pulls"]}
        first, second = reader_of(tmp_path, task(RECTANGLE, {**RECTANGLE, "id": "r2"}, relation)).rows()
        assert first.metadata == {"relations": [{"to": "r2", "direction": "right", "labels": ["pulls"]}]}
        ontology = Ontology(name="x", features=(Feature(name="car"),))
        LabelStudioWriter(tmp_path / "again.json").write(
            ontology, [Item("a.jpg", width=100, height=50)], [first, second]
        )
        assert relation in json.loads((tmp_path / "again.json").read_text())[0]["annotations"][0]["result"]
        assert list(LabelStudioReader(tmp_path / "again.json").rows()) == [first, second]

    def test_tasks_alone_keep_features_without_rows_and_gain_those_that_were_added_since(self, tmp_path: Path) -> None:
        ontology = Ontology(name="farm", features=(Feature(name="sheep", geometries=("mask",)), Feature(name="car")))
        row = Label("a.jpg", "car", Box(1, 2, 3, 4))
        items = [Item("a.jpg", width=100, height=50), Item("b.jpg")]
        LabelStudioWriter(tmp_path / "set.json").write(ontology, items, [row])
        assert LabelStudioReader(tmp_path / "set.json").ontology() == ontology
        tasks = json.loads((tmp_path / "set.json").read_text())
        tasks[1]["annotations"] = [
            {"result": [{**RECTANGLE, "value": {**RECTANGLE["value"], "rectanglelabels": ["x"]}}]}
        ]
        (tmp_path / "set.json").write_text(json.dumps(tasks[::-1]))
        reader = LabelStudioReader(tmp_path / "set.json")
        assert reader.ontology().features == (*ontology.features, Feature(name="x", geometries=("box",)))
        assert list(reader.items()) == items[::-1]

    def test_an_ontology_in_a_task_that_is_none(self, tmp_path: Path) -> None:
        reader = reader_of(tmp_path, task(RECTANGLE, meta={"dragoman_ontology": {"name": ""}}))
        with pytest.raises(InvalidData, match="task 0: the ontology under 'dragoman_ontology' makes no sense"):
            reader.ontology()


class TestShapes:
    @pytest.mark.parametrize(
        ("tag", "value", "geometry"),
        [
            ("rectanglelabels", {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}, Box(10, 10, 30, 20)),
            ("polygonlabels", {"points": [[0, 0], [50, 0], [50, 50]]}, Polygon.of([(0, 0), (50, 0), (50, 25)])),
            ("polygonlabels", {"points": [[0, 0], [50, 50]], "closed": False}, Polyline((0, 0, 50, 25))),
            ("keypointlabels", {"x": 10, "y": 20, "width": 0.3}, Point(10, 10)),
        ],
    )
    def test_percent_of_the_original_size(self, tmp_path: Path, tag: str, value: dict[str, Any], geometry: Any) -> None:
        assert next(reader_of(tmp_path, task(region(tag, value))).rows()).geometry == geometry

    def test_ellipses_stay_ellipses(self, tmp_path: Path) -> None:
        ellipse = {"x": 50.0, "y": 50.0, "radiusX": 10.0, "radiusY": 20.0, "rotation": 30.0}
        (row,) = reader_of(tmp_path, task(region("ellipselabels", ellipse))).rows()
        assert isinstance(row.geometry, Polygon)
        assert row.metadata == {"ellipse": ellipse}
        ontology = Ontology(name="x", features=(Feature(name="car"),))
        LabelStudioWriter(tmp_path / "set.json").write(ontology, [Item("a.jpg", width=100, height=50)], [row])
        (result,) = json.loads((tmp_path / "set.json").read_text())[0]["annotations"][0]["result"]
        assert result["type"] == "ellipselabels"
        assert result["value"] == {**ellipse, "ellipselabels": ["car"]}

    def test_a_tag_that_draws_and_one_that_names(self, tmp_path: Path) -> None:
        drawn = region("rectangle", {"x": 0, "y": 0, "width": 100, "height": 100})
        named = {"id": "r1", "type": "labels", "from_name": "y", "value": {"labels": ["car"]}}
        assert [(row.feature, row.geometry) for row in reader_of(tmp_path, task(drawn, named)).rows()] == [
            ("car", Box(0, 0, 100, 50))
        ]

    def test_answers_about_the_item(self, tmp_path: Path) -> None:
        sunny = {"id": "c", "from_name": "weather", "type": "choices", "value": {"choices": ["sunny"]}}
        (row,) = reader_of(tmp_path, task(sunny)).rows()
        assert (row.feature, row.geometry, row.answer) == ("weather", Whole(), Radio.of("sunny"))

    def test_stored_shapes_are_choices(self) -> None:
        assert WRITING.geometry("keypoints").survival is Survival.STORED
