"""Labels through the SDK: imports of all kinds of annotations, reviews, benchmarks, and what exports say."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import labelbox
import numpy as np
import pytest
import requests
from labelbox import Classification, DataRow, MediaType, OntologyBuilder, Option, Review, Tool
from labelbox.schema.annotation_import import LabelImport, MALPredictionImport
from lbox import exceptions
from PIL import Image

from dragoman.emulate import Live

LONG_AGO, SOME_DAY = "2000-01-01 00:00:00", "2090-01-01 00:00:00"
DETAILS = {"project_details": True, "label_details": True, "performance_details": True}


def exported(task: Any) -> list[dict[str, Any]]:
    """The lines of an export, by global key."""
    task.wait_till_done()
    lines = [found.json for found in task.get_buffered_stream()] if task.has_result() else []
    return sorted(lines, key=lambda line: str(line["data_row"]["global_key"]))


def painted() -> bytes:
    """A PNG of 8 x 6 pixels, two of which are red."""
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[1, 2:4] = (255, 0, 0)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


class TestListing:
    def test_a_label_knows_where_it_belongs(self, client: Any, project: Any, labeled: Any) -> None:
        row = client.get_data_row_by_global_key("a")
        assert (labeled.data_row(), labeled.project(), labeled.created_by()) == (row, project, client.get_user())
        assert list(row.labels()) == [labeled]
        assert row.get_winning_label_id(project.uid) == labeled.uid
        assert json.loads(labeled.label)["objects"][0]["name"] == "car"
        assert list(labeled.versions()) == list(project.label_versions()) == []

    @pytest.mark.filterwarnings("ignore:The datasets and order_by arguments:DeprecationWarning")
    def test_labels_are_filtered(self, client: Any, project: Any, labeled: Any, dataset: Any) -> None:
        assert list(project.labels(created_by=client.get_user())) == [labeled]
        assert list(project.labels(created_by="somebody")) == []
        assert list(project.labels(datasets=[dataset])) == [labeled]
        assert list(project.labels(datasets=[client.create_dataset(name="other")])) == []

    def test_labels_are_deleted(self, client: Any, project: Any, labeled: Any) -> None:
        assert project.delete_labels_by_user("somebody") == 0
        assert project.delete_labels_by_user(client.get_user().uid) == 1
        assert project.get_label_count() == 0

    def test_a_label_that_is_named_twice_is_deleted_once(self, project: Any, labeled: Any) -> None:
        labelbox.Label.bulk_delete([labeled, labeled])
        assert list(project.labels()) == []


class TestOpinions:
    def test_reviews_are_counted_by_sign(self, project: Any, labeled: Any) -> None:
        review = labeled.create_review(score=1.0)
        assert (review.label(), review.project()) == (labeled, project)
        assert project.review_metrics(Review.NetScore.Positive) == 1
        review.update(score=-1.0)
        assert [project.review_metrics(net) for net in (None, *Review.NetScore)] == [1, 1, 0, 0]
        review.delete()
        assert list(labeled.reviews()) == []

    def test_a_label_becomes_a_benchmark_and_is_none_again(self, project: Any, labeled: Any) -> None:
        benchmark = labeled.create_benchmark()
        assert benchmark.reference_label() == labeled
        assert list(project.benchmarks()) == [benchmark]
        assert next(project.labels()).is_benchmark_reference
        benchmark.delete()
        assert list(project.benchmarks()) == []

    def test_scores_are_kept_by_name(self, client: Any, labeled: Any) -> None:
        client.upsert_label_feedback(labeled.uid, "fine", {"tight": 0.5, "complete": 1})
        scores = client.upsert_label_feedback(labeled.uid, "better", {"tight": 0.75})
        assert {score.name: score.score for score in scores} == {"tight": 0.75, "complete": 1}


class TestImports:
    def test_imports_are_listed_by_kind(self, client: Any, project: Any, labeled: Any) -> None:
        rows = [{"uuid": "d", "dataRow": {"globalKey": "b"}, "name": "weather", "answer": {"name": "sun"}}]
        drafts = MALPredictionImport.create_from_objects(client, project.uid, "drafts", rows)
        assert [found.name for found in project.get_label_imports()] == ["labels"]
        assert list(project.get_mal_prediction_imports()) == [drafts]

    def test_drafts_go_with_their_import(self, client: Any, project: Any, live: Live[Any]) -> None:
        for name in ("first", "second"):
            rows = [{"uuid": name, "dataRow": {"globalKey": "b"}, "name": "weather", "answer": {"name": "sun"}}]
            MALPredictionImport.create_from_objects(client, project.uid, name, rows).wait_till_done()
        MALPredictionImport.from_name(client, project.uid, "first").delete()
        (held,) = live.state.projects[project.uid].drafts.values()
        assert [stored.uuid for stored in held.rows] == ["second"]
        with pytest.raises(exceptions.ResourceNotFoundError):
            MALPredictionImport.from_name(client, project.uid, "first")

    def test_masks_come_by_colour(self, client: Any, project: Any) -> None:
        hosted = {"instanceURI": client.upload_data(painted(), "m.png", "image/png"), "colorRGB": [255, 0, 0]}
        inline = {"imBytes": base64.b64encode(painted()).decode(), "colorRGB": [255, 0, 0]}
        elsewhere = {"instanceURI": "https://example.com/m.png", "colorRGB": [1, 2, 3]}
        rows = [
            {"uuid": str(n), "dataRow": {"globalKey": "a"}, "name": "sky", "mask": mask}
            for n, mask in enumerate((hosted, inline, elsewhere))
        ]
        done = LabelImport.create_from_objects(client, project.uid, "masks", rows)
        assert done.errors == []
        line = exported(project.export())[0]
        objects = line["projects"][project.uid]["labels"][0]["annotations"]["objects"]
        shown = [each["composite_mask"] for each in objects]
        assert shown[0] == {"url": "https://example.com/m.png", "color_rgb": [1, 2, 3]}
        image = requests.get(shown[2]["url"], headers=client.headers).content
        drawn = np.argwhere(np.all(np.asarray(Image.open(io.BytesIO(image))) == shown[2]["color_rgb"], axis=2))
        assert drawn.tolist() == [[1, 2], [1, 3]]

    @pytest.mark.parametrize(
        "mask", [{"imBytes": "no base64"}, {"imBytes": ""}, {"imBytes": base64.b64encode(painted()).decode()}, {}]
    )
    def test_a_mask_without_image_or_colour_is_refused(self, client: Any, project: Any, mask: dict[str, Any]) -> None:
        rows = [{"uuid": "u", "dataRow": {"globalKey": "a"}, "name": "sky", "mask": mask}]
        (refused,) = LabelImport.create_from_objects(client, project.uid, "masks", rows).errors
        assert refused["errors"][0]["name"] == "InvalidAnnotation"

    def test_relationships_join_two_annotations(self, client: Any, dataset: Any) -> None:
        tools = [Tool(Tool.Type.BBOX, "car"), Tool(Tool.Type.RELATIONSHIP, "follows")]
        ontology = client.create_ontology("r", OntologyBuilder(tools).asdict(), media_type=MediaType.Image)
        project = client.create_project("r", MediaType.Image)
        project.connect_ontology(ontology)
        project.create_batch("all", global_keys=["a"])
        box = {"top": 0, "left": 0, "width": 1, "height": 1}
        at = {"dataRow": {"globalKey": "a"}}
        cars = [{"uuid": uuid, **at, "name": "car", "bbox": box} for uuid in ("one", "two")]
        joined = {"source": "one", "target": "two", "type": "unidirectional"}
        rows = [*cars, {"uuid": "rel", **at, "name": "follows", "relationship": joined}]
        assert LabelImport.create_from_objects(client, project.uid, "rel", rows).errors == []
        (line,) = exported(project.export())
        shown = line["projects"][project.uid]["labels"][0]["annotations"]
        first, second = (each["feature_id"] for each in shown["objects"])
        assert shown["relationships"][0]["unidirectional_relationship"] == {"source": first, "target": second}


class TestOtherMedia:
    """Annotations of what is neither an image nor a video."""

    def _imported(self, client: Any, dataset: Any, media: MediaType, built: OntologyBuilder, *rows: Any) -> Any:
        """Import rows on a data row of its own and return the label as exports show it."""
        dataset.create_data_row(row_data="Some content.", media_type=media.value, global_key="other")
        project = client.create_project("other", media)
        project.connect_ontology(client.create_ontology("other", built.asdict(), media_type=media))
        project.create_batch("all", global_keys=["other"])
        given = [{"uuid": str(n), "dataRow": {"globalKey": "other"}, **row} for n, row in enumerate(rows)]
        assert LabelImport.create_from_objects(client, project.uid, "rows", given).errors == []
        (line,) = exported(project.export())
        return line["projects"][project.uid]["labels"][0]

    def test_texts_have_entities(self, client: Any, dataset: Any) -> None:
        built = OntologyBuilder([Tool(Tool.Type.NER, "subject")])
        entity = {"name": "subject", "location": {"start": 2, "end": 6}}
        (shown,) = self._imported(client, dataset, MediaType.Text, built, entity)["annotations"]["objects"]
        assert (shown["annotation_kind"], shown["location"]) == ("TextEntity", {"start": 2, "end": 6})

    def test_documents_have_boxes_and_tokens_on_pages(self, client: Any, dataset: Any) -> None:
        built = OntologyBuilder([Tool(Tool.Type.BBOX, "figure"), Tool(Tool.Type.NER, "term")])
        box = {"name": "figure", "bbox": {"top": 1, "left": 2, "height": 3, "width": 4}, "page": 1, "unit": "POINTS"}
        term = {"name": "term", "textSelections": [{"groupId": "g", "page": 2, "tokenIds": ["t"]}]}
        label = self._imported(client, dataset, MediaType.Document, built, box, term)
        figure, tokens = label["annotations"]["objects"]
        assert (figure["page_number"], figure["unit"]) == (1, "POINTS")
        assert tokens["location"] == {"groups": [{"id": "g", "page_number": 2, "tokens": ["t"]}]}

    def test_chats_have_entities_and_choices_of_messages(self, client: Any, dataset: Any) -> None:
        built = OntologyBuilder([Tool(Tool.Type.NER, "subject"), Tool(Tool.Type.MESSAGE_SINGLE_SELECTION, "best")])
        entity = {"name": "subject", "location": {"start": 0, "end": 3}, "messageId": "4"}
        data = {"messageId": "1", "modelConfigName": "warm", "parentMessageId": "0"}
        best = {"name": "best", "messageEvaluationTask": {"format": "message-single-selection", "data": data}}
        label = self._imported(client, dataset, MediaType.Conversational, built, entity, best)
        said, chosen = label["annotations"]["objects"]
        assert said["conversational_location"]["message_id"] == "4"
        assert chosen["message_single_selection"] == data

    def test_recordings_have_answers_over_time(self, client: Any, dataset: Any) -> None:
        asked = Classification(Classification.Type.RADIO, "speaker", options=[Option("one"), Option("two")])
        spans = [
            {"name": "one", "frames": [{"start": 0, "end": 900}]},
            {"name": "two", "frames": [{"start": 1000, "end": 2000}]},
        ]
        answer = {"name": "speaker", "answer": spans}
        label = self._imported(client, dataset, MediaType.Audio, OntologyBuilder(classifications=[asked]), answer)
        frames = label["annotations"]["frames"]
        assert {key: each["classifications"][0]["radio_answer"]["name"] for key, each in frames.items()} == {
            "0": "one",
            "1000": "two",
        }


class TestVideos:
    @pytest.fixture
    def videos(self, client: Any, dataset: Any) -> Any:
        """A project with the video, boxes, and questions that are asked of frames."""
        asked = [
            Classification(Classification.Type.CHECKLIST, "seen", options=[Option("car"), Option("bus")]),
            Classification(Classification.Type.TEXT, "said"),
        ]
        built = OntologyBuilder([Tool(Tool.Type.BBOX, "car")], asked).asdict()
        made = client.create_project("videos", MediaType.Video)
        made.connect_ontology(client.create_ontology("v", built, media_type=MediaType.Video))
        made.create_batch("all", global_keys=["v"])
        return made

    def _frames(self, client: Any, project: Any, body: dict[str, Any], **params: Any) -> dict[str, Any]:
        rows = [{"uuid": "u", "dataRow": {"globalKey": "v"}, **body}]
        assert LabelImport.create_from_objects(client, project.uid, "rows", rows).errors == []
        (line,) = exported(project.export(params=params))
        frames: dict[str, Any] = line["projects"][project.uid]["labels"][0]["annotations"]["frames"]
        return frames

    def test_boxes_are_interpolated_where_that_is_asked_for(self, client: Any, videos: Any) -> None:
        boxes = [{"frame": n, "bbox": {"top": 0, "left": n, "width": 4, "height": 4}} for n in (1, 5)]
        track = {"name": "car", "segments": [{"keyframes": boxes}]}
        assert list(self._frames(client, videos, track)) == ["1", "5"]
        (line,) = exported(videos.export(params={"interpolated_frames": True}))
        label = line["projects"][videos.uid]["labels"][0]["annotations"]
        lefts = [next(iter(frame["objects"].values()))["bounding_box"]["left"] for frame in label["frames"].values()]
        assert lefts == [1, 2, 3, 4, 5]
        assert list(next(iter(label["key_frame_feature_map"].values()))) == ["1", "5"]

    def test_each_text_has_frames_of_its_own(self, client: Any, videos: Any) -> None:
        said = [
            {"value": "one", "frames": [{"start": 2, "end": 3}]},
            {"value": "two", "frames": [{"start": 7, "end": 7}]},
        ]
        frames = self._frames(client, videos, {"name": "said", "answer": said})
        shown = {key: frame["classifications"][0]["text_answer"]["content"] for key, frame in frames.items()}
        assert shown == {"2": "one", "7": "two"}

    def test_each_option_may_have_frames_of_its_own(self, client: Any, videos: Any) -> None:
        seen = [
            {"name": "car", "frames": [{"start": 2, "end": 3}]},
            {"name": "bus", "frames": [{"start": 7, "end": 7}]},
        ]
        frames = self._frames(client, videos, {"name": "seen", "answer": seen})
        answers = {key: frame["classifications"][0]["checklist_answers"] for key, frame in frames.items()}
        assert {key: [each["name"] for each in given] for key, given in answers.items()} == {"2": ["car"], "7": ["bus"]}


class TestExports:
    @pytest.mark.parametrize(
        ("filters", "keys"),
        [
            ({"global_keys": ["b"]}, ["b"]),
            ({"batch_ids": ["nowhere"]}, []),
            ({"workflow_status": "Done"}, ["a"]),
            ({"workflow_status": "ToLabel"}, ["b"]),
            ({"workflow_status": "InReview"}, []),
            ({"label_created_at": [LONG_AGO, SOME_DAY]}, ["a"]),
            ({"label_created_at": [None, LONG_AGO]}, []),
            ({"last_activity_at": ["2000-01-01", None]}, ["a", "b"]),
            ({"last_activity_at": [None, "2023-05-23T14:30:00+0530"]}, []),
        ],
    )
    def test_a_project_is_filtered(self, project: Any, labeled: Any, filters: dict[str, Any], keys: list[str]) -> None:
        assert [line["data_row"]["global_key"] for line in exported(project.export(filters=filters))] == keys

    def test_batches_are_a_filter(self, project: Any) -> None:
        (batch,) = project.batches()
        assert len(exported(project.export(filters={"batch_ids": [batch.uid]}))) == 2

    def test_details_are_given_where_they_are_asked_for(self, client: Any, project: Any, labeled: Any) -> None:
        labeled.create_review(score=1.0)
        held = exported(project.export(params=DETAILS))[0]["projects"][project.uid]
        (batch,) = project.batches()
        asked = held["project_details"]
        assert (asked["workflow_status"], asked["batch_id"], asked["priority"]) == ("DONE", batch.uid, 5)
        (label,) = held["labels"]
        assert label["label_details"]["created_by"] == client.get_user().email
        assert len(label["label_details"]["reviews"]) == 1
        assert label["performance_details"]["seconds_to_create"] == 0
        plain = exported(project.export())[0]["projects"][project.uid]
        assert plain.keys() == {"name", "labels"}
        assert not plain["labels"][0].keys() & {"label_details", "performance_details"}

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_the_older_export_gives_its_result_at_an_address(self, client: Any, project: Any) -> None:
        task = project.export_v2()
        task.wait_till_done()
        fetched = client.connection.get(task.result_url)
        assert [json.loads(line) for line in fetched.text.splitlines()] == task.result
        missing = f"{client.rest_endpoint}/export-results/nowhere/{client.get_organization().uid}"
        assert client.connection.get(missing).status_code == 404

    def test_rows_are_exported_with_their_projects(self, client: Any, project: Any, labeled: Any) -> None:
        task = DataRow.export(client, global_keys=["a", "v"], params={"all_projects": True})
        shown = {line["data_row"]["global_key"]: line.get("projects", {}).keys() for line in exported(task)}
        assert shown == {"a": {project.uid}, "v": set()}

    def test_attachments_and_details_of_rows(self, client: Any, dataset: Any) -> None:
        client.get_data_row_by_global_key("a").create_attachment("RAW_TEXT", "hello", "greeting")
        task = labelbox.DataRow.export(
            client, global_keys=["a"], params={"attachments": True, "data_row_details": True}
        )
        (line,) = exported(task)
        assert line["attachments"] == [{"type": "RAW_TEXT", "value": "hello", "name": "greeting"}]
        assert line["data_row"]["details"]["dataset_name"] == "street"
