"""Models, runs, imports and exports, through the SDK alone."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import labelbox
import numpy as np
import pytest
import requests
from labelbox.schema.annotation_import import LabelImport, MALPredictionImport, MEAPredictionImport
from PIL import Image

from dragoman.emulate import Live
from dragoman_labelbox.emulator import exports

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def box(uuid: str, key: str = "a", **fields: Any) -> dict[str, Any]:
    """A row of an import."""
    shape = {"top": 1, "left": 2, "height": 4, "width": 3}
    return {"uuid": uuid, "dataRow": {"globalKey": key}, "name": "car", "bbox": shape, **fields}


def lines(task: Any) -> list[dict[str, Any]]:
    """All lines of an export."""
    task.wait_till_done()
    assert task.status == "COMPLETE"
    return [line.json for line in task.get_buffered_stream()] if task.has_result() else []


def test_models_and_runs_are_made_listed_and_deleted(client: Any, ontology: Any) -> None:
    model = client.create_model("m", ontology.uid)
    run = model.create_model_run("r", {"batch_size": 1})
    assert (run.training_metadata, client.get_model_run(run.uid).name) == ({"batchSize": 1}, "r")
    assert [found.uid for found in client.get_models(where=labelbox.Model.name == "m")] == [model.uid]
    assert [found.uid for found in model.model_runs()] == [run.uid]
    run.delete()
    assert list(model.model_runs()) == []
    model.delete()
    assert list(client.get_models()) == []


def test_config_and_status_of_a_run(client: Any, run: Any) -> None:
    assert run.update_config({"batch_size": 1}) == {"trainingMetadata": {"batch_size": 1}}
    assert run.get_config() == {"batch_size": 1}
    assert run.reset_config() == {"trainingMetadata": None}
    query = "query trainingPipelinePyApi($where: WhereUniqueIdInput!) { trainingPipeline(where: $where) { status } }"

    def status() -> Any:
        return client.execute(query, {"where": {"id": run.uid}}, experimental=True)["trainingPipeline"]

    assert status() == {"status": None, "errorMessage": None, "metadata": None}
    run.update_status("FAILED", metadata={"a": "1"}, error_message="no memory")
    run.update_status("COMPLETE", metadata={"b": "2"})
    assert status() == {"status": "COMPLETE", "errorMessage": "no memory", "metadata": {"a": "1", "b": "2"}}
    assert (run.total_cost, run.total_data_rows) == (None, None)


def test_rows_labels_and_splits_of_a_run(project: Any, run: Any, client: Any) -> None:
    LabelImport.create_from_objects(client, project.uid, "n", [box("u")])
    assert run.upsert_labels(project_id=project.uid) is True
    (label,) = project.labels()
    assert run.upsert_labels(label_ids=[label.uid]) is True
    assert run.assign_data_rows_to_split(global_keys=["a"], split="TRAINING") is True
    shown = {row.data_row().global_key: (row.data_split.value, row.label_id) for row in run.model_run_data_rows()}
    assert shown == {"a": ("TRAINING", label.uid), "b": ("UNASSIGNED", None), "v": ("UNASSIGNED", None)}
    run.delete_model_run_data_rows([row.data_row().uid for row in run.model_run_data_rows()][:2])
    assert len(list(run.model_run_data_rows())) == 1


def test_a_registration_that_fails_raises(run: Any) -> None:
    with pytest.raises(Exception, match="Job failed"):
        run.upsert_labels(label_ids=["none"])


def test_predictions_have_a_status_each(run: Any) -> None:
    rows = [
        box("u1", confidence=0.0),
        box("u1"),
        box("u2", "none"),
        {**box("u3"), "name": "tree"},
        {**box("u4"), "confidence": 2},
        {"uuid": "u5", "dataRow": {"globalKey": "a"}, "name": "weather", "answer": {"name": "snow"}},
        {"uuid": "u6", "dataRow": {"globalKey": "v"}, "name": "car", "bbox": box("")["bbox"]},
        {"uuid": "u7", "dataRow": {"globalKey": "a"}, "name": "car"},
        {**box("u8"), "classifications": [{"name": "note", "answer": ["x"]}]},
    ]
    job = run.add_predictions("j", rows)
    names = [row["errors"][0]["name"] if "errors" in row else row["status"] for row in job.statuses]
    assert names == [
        "SUCCESS",
        "DuplicateUuid",
        "DataRowNotFound",
        "UnknownFeature",
        "InvalidAnnotation",
        "UnknownFeature",
        "InvalidAnnotation",
        "InvalidAnnotation",
        "InvalidAnnotation",
    ]
    assert len(job.errors) == 8
    assert [row["uuid"] for row in job.inputs] == [row["uuid"] for row in rows]


def test_an_import_is_made_once_per_name(run: Any, client: Any, live: Live[Any]) -> None:
    first = run.add_predictions("j", [box("u1")])
    assert run.add_predictions("j", [box("u2")]).uid == first.uid
    assert MEAPredictionImport.from_name(client, run.uid, "j").uid == first.uid
    assert len(live.state.runs[run.uid].rows[live.state.by_global_key["a"].id].predictions.rows) == 1


def test_predictions_come_by_file_and_by_url(run: Any, client: Any, tmp_path: Path) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_text("\n".join(json.dumps(box(f"u{n}")) for n in range(3)))
    assert [row["status"] for row in run.add_predictions("file", str(path)).statuses] == ["SUCCESS"] * 3
    url = client.upload_data(json.dumps(box("v1")).encode(), filename="x.ndjson", content_type="application/x-ndjson")
    assert [row["status"] for row in run.add_predictions("url", url).statuses] == ["SUCCESS"]


def test_an_import_of_nothing_fails(run: Any, client: Any, tmp_path: Path) -> None:
    path = tmp_path / "empty.ndjson"
    path.write_text("\n")
    job = run.add_predictions("empty", str(path))
    assert job.state.value == "FAILED"
    with pytest.raises(ValueError, match="Import failed"):
        _ = job.statuses


def test_texts_that_break_lines_come_back(run: Any) -> None:
    note = [{"name": "note", "answer": "line\u2028separator \u00e4 \U0001f98a"}]
    job = run.add_predictions("j", [box("a\u2028b", classifications=note)])
    assert [row["uuid"] for row in job.statuses] == ["a\u2028b"]
    shown = lines(run.export(params={"predictions": True}))[0]
    (prediction,) = next(iter(shown["experiments"].values()))["runs"][run.uid]["predictions"]
    (made,) = prediction["annotations"]["objects"]
    assert made["classifications"][0]["text_answer"]["content"] == note[0]["answer"]


def test_exports_without_predictions_have_none(run: Any) -> None:
    run.add_predictions("j", [box("u1")])
    runs = [next(iter(line["experiments"].values()))["runs"][run.uid] for line in lines(run.export())]
    assert ["predictions" in shown for shown in runs] == [False] * 3


def test_exports_are_cut_into_files(
    run: Any, monkeypatch: pytest.MonkeyPatch, live: Live[Any], client: Any, dataset: Any
) -> None:
    monkeypatch.setattr(exports.cut, "__defaults__", (300,))
    run.add_predictions("j", [box(f"u{n}", "ab"[n % 2]) for n in range(20)])
    task = run.export(params={"predictions": True, "data_row_details": True})
    assert {line["data_row"]["global_key"] for line in lines(task)} == {"a", "b", "v"}
    v2 = run.export_v2(params={"predictions": True})
    v2.wait_till_done()
    assert len(v2.result) == 3


def test_an_export_of_nothing_has_no_result(client: Any, ontology: Any) -> None:
    task = client.create_model("m", ontology.uid).create_model_run("empty").export()
    task.wait_till_done()
    assert task.has_result() is False


def test_catalog_and_project_exports_are_filtered(client: Any, project: Any, dataset: Any, run: Any) -> None:
    LabelImport.create_from_objects(client, project.uid, "n", [box("u1"), box("u2", "b")])
    run.add_predictions("j", [box("u1")])
    assert len(lines(project.export(filters={"global_keys": ["a"]}))) == 1
    params = {"project_ids": [project.uid], "model_run_ids": [run.uid], "predictions": True, "metadata_fields": True}
    (line,) = lines(dataset.export(filters={"global_keys": ["a"]}, params=params))
    assert [len(line["projects"][project.uid]["labels"]), line["metadata_fields"]] == [1, []]
    assert len(next(iter(line["experiments"].values()))["runs"][run.uid]["predictions"]) == 1


def test_masks_are_drawn_into_one_image_behind_the_key(run: Any, client: Any) -> None:
    rows = []
    for number in range(2):
        pixels = np.zeros((4, 6), np.uint8)
        pixels[number, :] = 1
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        png = base64.b64encode(out.getvalue()).decode()
        rows.append({"uuid": f"m{number}", "dataRow": {"globalKey": "a"}, "name": "sky", "mask": {"png": png}})
    run.add_predictions("j", rows)
    shown = lines(run.export(params={"predictions": True}))[0]
    (prediction,) = next(iter(shown["experiments"].values()))["runs"][run.uid]["predictions"]
    masks = [made["composite_mask"] for made in prediction["annotations"]["objects"]]
    assert masks[0]["url"] == masks[1]["url"]
    assert requests.get(masks[0]["url"], timeout=10).status_code == 401
    drawn = np.asarray(Image.open(io.BytesIO(client.connection.get(masks[0]["url"]).content)))
    for number, mask in enumerate(masks):
        assert np.all(drawn[number] == mask["color_rgb"])
    assert not drawn[2:].any()


def test_labels_ignore_confidence_and_drafts_are_no_labels(client: Any, project: Any) -> None:
    made = MALPredictionImport.create_from_objects(client, project.uid, "m", [box("u1", confidence=0.5)])
    made.wait_till_done()
    assert [row["status"] for row in made.statuses] == ["SUCCESS"]
    assert [line["projects"][project.uid]["labels"] for line in lines(project.export())] == [[], []]
    LabelImport.create_from_objects(client, project.uid, "n", [box("u1", confidence=0.5)])
    (line,) = lines(project.export(filters={"global_keys": ["a"]}))
    (label,) = line["projects"][project.uid]["labels"]
    assert "confidence" not in label["annotations"]["objects"][0]
    assert project.get_label_count() == 1


def test_videos_have_frames_segments_and_keyframes(client: Any, dataset: Any, ontology: Any) -> None:
    film = client.create_project(name="film", media_type=labelbox.MediaType.Video)
    film.connect_ontology(ontology)
    film.create_batch("b", global_keys=["v"])
    shape = {"top": 1, "left": 2, "height": 4, "width": 3}
    keyframes = [{"frame": frame, "bbox": shape, "classifications": []} for frame in (1, 10)]
    rows = [
        {"uuid": "t", "dataRow": {"globalKey": "v"}, "name": "car", "segments": [{"keyframes": keyframes}]},
        {
            "uuid": "w",
            "dataRow": {"globalKey": "v"},
            "name": "weather",
            "answer": {"name": "sun"},
            "frames": [{"start": 3, "end": 5}],
        },
    ]
    job = LabelImport.create_from_objects(client, film.uid, "n", rows)
    assert [row["status"] for row in job.statuses] == ["SUCCESS"] * 2
    (label,) = lines(film.export())[0]["projects"][film.uid]["labels"]
    shown = label["annotations"]
    assert (label["label_kind"], sorted(shown["frames"])) == ("Video", ["1", "10", "3"])
    assert sorted(shown["segments"].values()) == [[[1, 10]], [[3, 5]]]


def test_predictions_are_sent_to_annotation(client: Any, project: Any, run: Any, live: Live[Any]) -> None:
    run.add_predictions("j", [box("u1")])
    queue = project.task_queues()[0].uid
    task = run.send_to_annotate_from_model(project.uid, queue, "sent", labelbox.GlobalKeys(["a"]), {})
    task.wait_till_done()
    assert task.status == "COMPLETE"
    assert len(live.state.projects[project.uid].drafts) == 1
    task = client.send_to_annotate_from_catalog(
        project.uid, queue, "catalog", labelbox.GlobalKeys(["v"]), {"source_project_id": project.uid}
    )
    task.wait_till_done()
    assert {batch.name for batch in project.batches()} == {"first", "sent", "catalog"}


def test_upsert_predictions_and_send_to_project_gives_three_results(project: Any, run: Any) -> None:
    job, batch, drafts = run.upsert_predictions_and_send_to_project("k", [box("u1"), box("u2", "none")], project.uid)
    assert [row["status"] for row in job.statuses] == ["SUCCESS", "FAILURE"]
    assert (batch.name, drafts.state.value) == ("k", "FINISHED")
    assert run.upsert_predictions_and_send_to_project("l", [box("u1", "none")], project.uid)[1:] == (None, None)


def test_jobs_wait_for_as_many_looks_as_asked(live: Live[Any], run: Any, client: Any) -> None:
    live.settings.job_polls = 2
    job = run.add_predictions("slow", [box("u1")])
    assert job.state.value == "RUNNING"
    states = []
    for _ in range(2):
        job.refresh()
        states.append(job.state.value)
    assert states == ["RUNNING", "FINISHED"]
    assert [row["status"] for row in job.statuses] == ["SUCCESS"]


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({"metricName": "m", "metricValue": 0.5, "aggregation": "SUM"}, True),
        ({"metricName": "m", "metricValue": [1, 2, 3, 4], "aggregation": "CONFUSION_MATRIX"}, True),
        ({"metricName": "m", "metricValue": {"0.1": 1, "0.2": 2}, "aggregation": "ARITHMETIC_MEAN"}, True),
        ({"metricName": "iou", "metricValue": 0.5, "aggregation": "SUM"}, False),
        ({"metricName": "m", "metricValue": "high", "aggregation": "SUM"}, False),
        ({"metricName": "m", "metricValue": 0.5, "aggregation": "CONFUSION_MATRIX"}, False),
    ],
)
def test_metrics_are_checked(run: Any, fields: dict[str, Any], taken: bool) -> None:
    row = {"uuid": "u", "dataRow": {"globalKey": "a"}, "featureName": "car", **fields}
    (status,) = run.add_predictions("n", [row]).statuses
    assert (status["status"] == "SUCCESS") is taken
