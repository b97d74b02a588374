"""Scenes and tracks: videos and lidar sequences there and back, their frames as items, categories of scenes, tracks."""

from __future__ import annotations

import json

import pytest
from nucleus import (
    BoxAnnotation,
    BoxPrediction,
    CategoryAnnotation,
    CuboidAnnotation,
    DatasetItem,
    Frame,
    LidarScene,
    Point3D,
    VideoScene,
)
from nucleus.annotation import SceneCategoryAnnotation
from nucleus.errors import NucleusAPIError
from nucleus.prediction import SceneCategoryPrediction
from nucleus.track import Track

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def video(reference_id="video", frames=3, **fields):
    items = [
        DatasetItem(f"https://images.example/{reference_id}/{n}.jpg", f"{reference_id}-{n}", metadata={"n": n})
        for n in range(frames)
    ]
    return VideoScene(reference_id, frame_rate=15, items=items, metadata={"town": "Ulm"}, **fields)


def lidar(reference_id="drive", frames=2):
    return LidarScene(
        reference_id,
        [
            Frame(
                lidar=DatasetItem(
                    pointcloud_location=f"https://clouds.example/{n}.json", reference_id=f"cloud-{n}", metadata={}
                ),
                front=DatasetItem(f"https://images.example/{n}.jpg", f"front-{n}", metadata={"n": n}),
            )
            for n in range(frames)
        ],
        metadata={"night": 1},
    )


def append(dataset, scenes, **options):
    job = dataset.append(scenes, **options)
    job.sleep_until_complete(verbose_std_out=False)
    return job


@pytest.fixture
def scenes(client):
    return client.create_dataset("scenes", is_scene=True)


def test_a_video_comes_back_as_it_was_sent(scenes):
    job = append(scenes, [video()])
    assert job.job_type == "uploadVideoScene"
    shown = scenes.get_scene("video")
    assert isinstance(shown, VideoScene)
    assert shown == video()
    assert scenes.get_scene_from_item_ref_id("video-1") == shown
    assert [item.reference_id for item in scenes.items] == ["video-0", "video-1", "video-2"]


def test_a_lidar_scene_comes_back_as_it_was_sent(scenes):
    job = append(scenes, [lidar()])
    assert job.job_type == "uploadLidarScene"
    shown = scenes.get_scene("drive")
    assert isinstance(shown, LidarScene)
    assert shown == lidar()
    assert scenes.refloc("cloud-1")["item"].pointcloud_location == "https://clouds.example/1.json"


def test_a_video_by_url_has_no_frames(scenes):
    append(scenes, [VideoScene("clip", video_location="https://videos.example/1.mp4")])
    shown = scenes.get_scene("clip")
    assert (shown.video_location, shown.items) == ("https://videos.example/1.mp4", [])


def test_scenes_are_listed(scenes):
    append(scenes, [video("a"), video("b")])
    listed = scenes.scenes
    assert [(entry.reference_id, entry.type, entry.metadata) for entry in listed] == [
        ("a", "video", {"town": "Ulm"}),
        ("b", "video", {"town": "Ulm"}),
    ]
    assert all(entry.id.startswith("scn_") for entry in listed)


def test_a_known_scene_is_ignored_and_with_update_gets_new_metadata(scenes):
    append(scenes, [video()])
    other = video(frames=1)
    other.metadata = {"town": "Bonn"}
    job = append(scenes, [other])
    assert job.status()["message"]["scene_upload"]["ignored"] == 1
    assert scenes.get_scene("video") == video()
    append(scenes, [other], update=True)
    shown = scenes.get_scene("video")
    assert (shown.metadata, shown.length) == ({"town": "Bonn"}, 3)


def test_frames_that_are_items_already_are_an_error_of_their_scene(scenes):
    append(scenes, [video()])
    clash = VideoScene("other", frame_rate=5, items=video().items)
    job = append(scenes, [clash, video("fine")])
    (error,) = map(json.loads, job.errors())
    assert error["scene"]["referenceId"] == "other"
    assert "exist already" in error["error"]
    assert [scene.reference_id for scene in scenes.scenes] == ["video", "fine"]


FRAME = '{"reference_id":"f","url":"https://x/1.jpg","type":"image"}'


@pytest.mark.parametrize(
    ("route", "line", "reason"),
    [
        ("upload_scenes", f'{{"reference_id":"s","frames":[{{"front":{FRAME}}}]}}', "exactly one pointcloud"),
        ("upload_video_scenes", '{"reference_id":"s"}', "frames or a video_url"),
        ("upload_video_scenes", f'{{"reference_id":"s","frames":[{FRAME},{FRAME}]}}', "occurs twice"),
        ("upload_video_scenes", '{"frames":[]}', "reference_id"),
        ("upload_video_scenes", "nonsense", "malformed"),
    ],
)
def test_a_broken_scene_is_an_error(client, scenes, live, route, line, reason):
    live.state.blobs.uploads[scenes.id, "raw"] = f"{line}\n".encode()
    job = client.make_request({"requestId": "raw"}, f"{scenes.id}/{route}?async=1")
    live.state.jobs.finish_all()
    assert reason in client.get_job(job["job_id"]).errors()[0]
    assert scenes.scenes == []


def test_a_dataset_takes_items_or_scenes_never_both(client, scenes, dataset):
    with pytest.raises(NucleusAPIError, match="takes scenes only"):
        scenes.append([DatasetItem("https://images.example/1.jpg", "a")])
    with pytest.raises(NucleusAPIError, match="is no scene dataset"):
        client.make_request({"requestId": "raw"}, f"{dataset.id}/upload_scenes?async=1")


def test_a_deleted_scene_takes_its_frames_along(scenes):
    append(scenes, [video("a"), video("b")])
    scenes.delete_scene("a")
    assert [scene.reference_id for scene in scenes.scenes] == ["b"]
    assert scenes.size == 3
    with pytest.raises(NucleusAPIError, match="does not exist"):
        scenes.get_scene("a")


def test_a_deleted_frame_leaves_its_scene(scenes):
    append(scenes, [video()])
    scenes.delete_item("video-1")
    assert [item.reference_id for item in scenes.get_scene("video").items] == ["video-0", "video-2"]


def test_scene_metadata_is_merged(scenes):
    append(scenes, [video()])
    assert scenes.update_scene_metadata({"video": {"rain": 1}, "none": {}})["updated"] == 1
    assert scenes.get_scene("video").metadata == {"town": "Ulm", "rain": 1}


def test_frames_are_annotated_like_items(scenes, model):
    append(scenes, [lidar()])
    cuboid = CuboidAnnotation("van", Point3D(1, 2, 3), Point3D(4, 5, 6), 0.5, "cloud-0", "c")
    scenes.annotate([cuboid, BoxAnnotation("car", 1, 2, 3, 4, "front-0", "b")])
    assert scenes.refloc("cloud-0")["annotations"]["cuboid"][0].to_payload() == cuboid.to_payload()
    assert len(scenes.items_and_annotations()) == 4


def test_categories_of_scenes_are_kept_apart_from_those_of_items(scenes, model):
    append(scenes, [video()])
    scenes.annotate(
        [
            SceneCategoryAnnotation("rainy", "video", "weather", {"sure": 1}),
            CategoryAnnotation("dry", "video-0", "weather"),
        ]
    )
    scenes.upload_predictions(model, [SceneCategoryPrediction("sunny", "video", "weather", 0.75)])
    (shown,) = scenes.predictions_refloc(model, "video")["category"]
    assert (shown.label, shown.reference_id, shown.confidence) == ("sunny", "video", 0.75)
    assert shown.dataset_item_id is None
    assert [row.label for row in scenes.export_predictions(model)["category"]] == ["sunny"]
    labels = [row.label for row in scenes.refloc("video-0")["annotations"]["category"]]
    assert labels == ["dry"]


def test_a_box_is_on_no_scene(scenes):
    append(scenes, [video()])
    answer = scenes.annotate([BoxAnnotation("car", 1, 2, 3, 4, "video", "b")])
    assert (answer["annotations_processed"], len(answer["errors"])) == (0, 1)


def box(frame, annotation_id, track=None, **metadata):
    return BoxAnnotation("car", frame, 2, 3, 4, f"video-{frame}", annotation_id, metadata, track_reference_id=track)


@pytest.mark.parametrize(
    "rows",
    [
        [box(0, "a", "t1"), box(2, "b", "t1")],
        [box(0, "a", track_reference_id="t1"), box(2, "b", track_reference_id="t1")],
        [box(0, "a", track_id="t1"), box(2, "b", track_id="t1")],
        [box(0, "t1"), box(2, "t1")],
    ],
    ids=["track of the row", "track in metadata", "track id in metadata", "annotation id"],
)
def test_scenes_are_exported_by_track(scenes, rows):
    append(scenes, [video(), video("empty")])
    scenes.annotate(rows)
    first, second = scenes.scene_and_annotation_generator(page_size=1)
    assert (first["scene"]["reference_id"], second["scene"]["reference_id"]) == ("video", "empty")
    frames = first["annotations"]["t1"]["frames"]
    assert [(frame["key"], frame["left"], frame["height"]) for frame in frames] == [("0", 0, 4), ("2", 2, 4)]
    assert second["annotations"] == {}


def test_annotations_that_belong_to_no_track_cannot_be_grouped(scenes):
    append(scenes, [video()])
    scenes.annotate([box(0, "a"), box(1, "b")])
    with pytest.raises(NucleusAPIError, match="cannot be grouped") as refusal:
        list(scenes.scene_and_annotation_generator())
    assert refusal.value.status_code == 400


def test_scenes_are_exported_by_slice(scenes):
    append(scenes, [video("a"), video("b")])
    part = scenes.create_slice_by_ids("one", scene_ids=[scenes.scenes[1].id])
    (row,) = scenes.scene_and_annotation_generator(slice_id=part.id)
    assert row["scene"]["reference_id"] == "b"


def test_rows_make_the_tracks_that_they_name(dataset, model):
    dataset.annotate([BoxAnnotation("car", 1, 2, 3, 4, "img-0", "a", track_reference_id="t1")])
    dataset.upload_predictions(model, [BoxPrediction("car", 1, 2, 3, 4, "img-1", track_reference_id="t2")])
    assert [track.to_payload() for track in dataset.tracks] == [
        {"reference_id": name, "dataset_id": dataset.id, "metadata": None} for name in ("t1", "t2")
    ]


def test_tracks_come_with_their_scene(client, scenes):
    track = Track(client.connection, scenes.id, "t1", {"color": "red"})
    append(scenes, [video(tracks=[track])])
    assert scenes.get_scene("video").tracks == [track]
    scenes.annotate([box(1, "a", "t2")])
    assert [track.reference_id for track in scenes.get_scene("video").tracks] == ["t1", "t2"]


def test_track_metadata_is_merged_or_overwritten(dataset):
    dataset.annotate([BoxAnnotation("car", 1, 2, 3, 4, "img-0", "a", track_reference_id="t1")])
    (track,) = dataset.tracks
    track.update({"a": 1})
    track.update({"b": 2})
    assert dataset.tracks == [track]
    assert track.metadata == {"a": 1, "b": 2}
    track.update({"c": 3}, overwrite_metadata=True)
    assert dataset.tracks[0].metadata == {"c": 3}


def test_rows_of_a_deleted_track_stay_and_have_none(dataset, model):
    dataset.annotate([BoxAnnotation("car", 1, 2, 3, 4, "img-0", "a", track_reference_id="t1")])
    dataset.upload_predictions(model, [BoxPrediction("car", 1, 2, 3, 4, "img-1", None, "p", track_reference_id="t1")])
    dataset.delete_tracks(["t1"])
    assert dataset.tracks == []
    assert dataset.ground_truth_loc("img-0", "a").track_reference_id is None
    assert dataset.prediction_loc(model, "img-1", "p").track_reference_id is None
    dataset.delete_tracks(["t1"])


def test_an_unknown_track_cannot_be_changed(client, dataset):
    with pytest.raises(NucleusAPIError, match="Track none does not exist"):
        Track(client.connection, dataset.id, "none").update({"a": 1})


def test_of_a_lidar_dataset_the_images_are_compared(scenes):
    append(scenes, [lidar()])
    result = scenes.deduplicate(0).result()
    assert (result.unique_reference_ids, result.stats.original_count) == (["front-0", "front-1"], 2)


def test_a_video_keeps_its_frame_rate_as_it_was(scenes):
    append(scenes, [video()])
    assert repr(scenes.get_scene("video").frame_rate) == "15"
