"""Scenes and tracks: videos and lidar sequences written, read, changed and deleted; labels on them."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import Box, Cuboid, InvalidData, Item, Label, NotFound, Prediction, Whole
from dragoman.emulate import DropAfter, Live
from dragoman_nucleus import scenes as scenes_module
from dragoman_nucleus.scenes import Scene


def frame(name: str, end: str = "jpg") -> Item:
    return Item(name, uri=f"https://example.com/{name}.{end}", width=64, height=48, metadata={"name": name})


VIDEO = Scene.video("drive", [frame("f0"), frame("f1")], frame_rate=10, metadata={"city": "Bern"})
FILE = Scene("film", uri="https://example.com/film.mp4")
LIDAR = Scene("sweep", "lidar", frames=({"top": frame("p0", "pcd"), "front": frame("i0")}, {"top": frame("p1", "pcd")}))


@pytest.fixture
def place(backend: Any) -> Any:
    """A dataset of scenes that has all three."""
    dataset = backend.scenes.create_dataset("drives")
    assert backend.scenes.write([VIDEO, FILE, LIDAR], dataset=dataset).counts == {"created": 3}
    return dataset


def keys_of(scene: Scene) -> list[dict[str, str]]:
    return [{sensor: item.key for sensor, item in one.items()} for one in scene.frames]


class TestScenes:
    @pytest.mark.parametrize("sent", [VIDEO, FILE, LIDAR], ids=lambda scene: scene.key)
    def test_a_scene_comes_back_with_its_frames(self, backend: Any, place: Any, sent: Scene) -> None:
        found = backend.scenes.get(place, sent.key)
        assert (found.key, found.kind, found.uri, found.metadata) == (sent.key, sent.kind, sent.uri, sent.metadata)
        assert (keys_of(found), found.frame_rate) == (keys_of(sent), sent.frame_rate)
        assert found.id.startswith("scn_")
        for one in found.frames:
            for item in one.values():
                assert (item.width, item.height, item.metadata) == (64, 48, {"name": item.key})

    def test_scenes_are_listed_and_found_by_a_frame(self, backend: Any, place: Any) -> None:
        assert {(one.key, one.kind) for one in backend.scenes.list(place)} == {
            ("drive", "video"),
            ("film", "video"),
            ("sweep", "lidar"),
        }
        assert backend.scenes.of_item(place, "f1").key == "drive"
        with pytest.raises(NotFound):
            backend.scenes.get(place, "nowhere")

    def test_what_is_there_is_ignored_or_its_metadata_updated(self, backend: Any, place: Any) -> None:
        assert backend.scenes.write([VIDEO, LIDAR], dataset=place).counts == {"ignored": 2}
        changed = Scene.video("drive", [frame("f0"), frame("f1")], frame_rate=10, metadata={"city": "Biel"})
        assert backend.scenes.write([changed], dataset=place, update=True).counts == {"updated": 1}
        assert backend.scenes.get(place, "drive").metadata == {"city": "Biel"}

    def test_a_bad_scene_is_rejected_alone(self, backend: Any, place: Any) -> None:
        taken = Scene.video("again", [frame("f0")], frame_rate=10)
        outcomes = list(backend.scenes.write([taken, Scene.video("new", [frame("g0")], frame_rate=10)], dataset=place))
        assert [one.status for one in outcomes] == ["rejected", "created"]
        assert "f0" in (outcomes[0].reason or "")

    @pytest.mark.parametrize("uri", ["/home/me/frame.jpg", "file:///home/me/frame.jpg", None])
    def test_media_that_are_no_urls_are_not_sent(
        self, backend: Any, place: Any, emulated: Live[Any], uri: str | None
    ) -> None:
        local = Scene.video("local", [frame("f2"), Item("f3", uri=uri)], frame_rate=10)
        films = [Scene("film 2", uri="https://example.com/2.mp4"), Scene("film 3", uri=uri or "3.mp4")]
        outcomes = list(backend.scenes.write([local, *films], dataset=place))
        assert [one.status for one in outcomes] == ["rejected", "created", "rejected"]
        assert outcomes[0].reason == f"All media of a scene are URLs, which {uri!r} is not."
        assert not [content for content in emulated.state.blobs.uploads.values() if b"/home/me" in content]

    @pytest.mark.parametrize("key", [".", ".."])
    def test_keys_that_are_steps_in_an_address_are_rejected(self, backend: Any, place: Any, key: str) -> None:
        named = Scene.video(key, [frame("g0")], frame_rate=10)
        framed = Scene.video("new", [frame("g1"), frame(key)], frame_rate=10)
        outcomes = list(backend.scenes.write([named, framed], dataset=place))
        assert [one.status for one in outcomes] == ["rejected"] * 2
        assert all(f"The key {key!r} means another place" in (one.reason or "") for one in outcomes)

    @pytest.mark.parametrize("rate", [0, -1, None])
    def test_a_video_of_frames_needs_a_frame_rate(self, backend: Any, place: Any, rate: float | None) -> None:
        (outcome,) = backend.scenes.write(
            [Scene("new", frames=({"camera": frame("g0")},), frame_rate=rate)], dataset=place
        )
        assert (outcome.status, outcome.reason) == (
            "rejected",
            f"A video of frames has a frame rate above 0, not {rate}.",
        )

    def test_of_two_scenes_of_one_key_the_first_is_taken(self, backend: Any, place: Any) -> None:
        rows = [Scene("new", uri=f"https://example.com/{name}.mp4") for name in ("first", "second")]
        outcomes = list(backend.scenes.write(rows, dataset=place))
        assert [one.status for one in outcomes] == ["created", "rejected"]
        assert outcomes[1].reason == "Another scene of this batch has the same key."
        assert backend.scenes.get(place, "new").uri == rows[0].uri

    def test_a_lost_answer_is_settled(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.scenes.create_dataset("drives")
        emulated.faults.add(DropAfter(), path="*/upload_video_scenes")
        assert backend.scenes.write([VIDEO], dataset=dataset).ok
        assert len(backend.scenes.list(dataset)) == 1

    def test_scenes_go_to_datasets_of_scenes_only(self, backend: Any, dataset: Any) -> None:
        (outcome,) = backend.scenes.write([VIDEO], dataset=dataset)
        assert outcome.status == "rejected"
        assert "no scene dataset" in (outcome.reason or "")

    @pytest.mark.parametrize("at_once", [500, 1])
    def test_metadata_are_merged_at_once_or_by_a_job(
        self, backend: Any, place: Any, monkeypatch: pytest.MonkeyPatch, at_once: int
    ) -> None:
        monkeypatch.setattr(scenes_module, "METADATA_AT_ONCE", at_once)
        backend.scenes.update_metadata(place, {"drive": {"rain": True}, "film": {"rain": False}})
        assert backend.scenes.get(place, "drive").metadata == {"city": "Bern", "rain": True}
        with pytest.raises(InvalidData, match="1 of 2 scenes"):
            backend.scenes.update_metadata(place, {"drive": {"n": 1}, "nowhere": {"n": 1}})
        assert backend.scenes.get(place, "drive").metadata["n"] == 1

    def test_a_deleted_scene_is_gone_with_its_frames(self, backend: Any, place: Any) -> None:
        backend.scenes.delete(place, "drive")
        assert {one.key for one in backend.scenes.list(place)} == {"film", "sweep"}
        assert "f0" not in {item.key for item in backend.datasets.read_items(place)}


class TestRowsOnScenes:
    def test_frames_take_boxes_and_cuboids_and_scenes_take_categories(self, backend: Any, place: Any) -> None:
        rows = [
            Label("f0", "car", Box(1, 2, 3, 4), track_id="car 1"),
            Label("p0", "car", Cuboid((1, 2, 3), (4, 5, 6)), track_id="car 1"),
            Label("drive", "rainy", Whole()),
        ]
        report = backend.labels.write(rows, dataset=place, on_loss="convert")
        assert report.counts == {"created": 3}
        model = backend.models.create("m", task="object_detection", features=["car", "rainy"])
        version = backend.versions.create(model, name="v", dataset=place)
        said = [Prediction("f1", "car", Box(1, 2, 3, 4)), Prediction("drive", "rainy", Whole(), confidence=0.5)]
        backend.predictions.write(said, version=version, dataset=place).raise_for_problems()
        read = {row.item: row for row in backend.predictions.read(version, dataset=place)}
        assert (read["drive"].feature, read["drive"].confidence) == ("rainy", 0.5)

    def test_predictions_on_scenes_are_read_of_each_dataset_of_a_run(self, backend: Any, place: Any) -> None:
        other = backend.scenes.create_dataset("other")
        backend.scenes.write([Scene.video("walk", [frame("w0")], frame_rate=10)], dataset=other).raise_for_problems()
        model = backend.models.create("m", task="object_detection", features=["rainy"])
        version = backend.versions.create(model, name="v", dataset=place)
        sent = {dataset.id: Prediction(key, "rainy", Whole()) for dataset, key in ((place, "drive"), (other, "walk"))}
        for dataset, row in sent.items():
            backend.predictions.write([row], version=version, dataset=dataset).raise_for_problems()
        for dataset, row in sent.items():
            for items in (None, [row.item]):
                (read,) = backend.predictions.read(version, dataset=dataset, items=items)
                assert (read.item, read.feature) == (row.item, "rainy")
            again = [row, Prediction({place.id: "f0", other.id: "w0"}[dataset], "rainy", Box(1, 2, 3, 4))]
            assert backend.predictions.write(again, version=version, dataset=dataset).counts == {"created": 2}
        for key in ("walk", "nowhere"):
            with pytest.raises(NotFound, match=key):
                list(backend.predictions.read(version, dataset=place, items=[key]))

    def test_a_scene_is_read_beside_many_items(self, backend: Any, place: Any) -> None:
        name = "film/1"
        backend.scenes.write([Scene(name, uri="https://example.com/1.mp4")], dataset=place).raise_for_problems()
        model = backend.models.create("m", task="object_detection", features=["rainy"])
        version = backend.versions.create(model, name="v", dataset=place)
        rows = [Prediction(name, "rainy", Whole()), Prediction("f0", "rainy", Box(1, 2, 3, 4))]
        backend.predictions.write(rows, version=version, dataset=place).raise_for_problems()
        read = backend.predictions.read(version, dataset=place, items=[name, "f0"])
        assert {row.item for row in read} == {name, "f0"}
        with pytest.raises(NotFound, match="no/where"):
            list(backend.predictions.read(version, dataset=place, items=[name, "no/where"]))

    def test_a_label_of_a_scene_that_was_there_is_not_said_to_be_refused(self, backend: Any, place: Any) -> None:
        label = Label("drive", "rainy", Whole())
        assert backend.labels.write([label], dataset=place).counts == {"created": 1}
        assert backend.labels.write([label], dataset=place).counts == {"ignored": 1}
        outcomes = list(backend.labels.write([label, Label("f0", "car", Box(1, 2, 3, 4))], dataset=place))
        assert [one.status for one in outcomes] == ["unknown", "created"]
        assert outcomes[0].reason == "Nucleus does not show the labels of a scene as a whole."

    def test_boxes_are_exported_by_track(self, backend: Any, place: Any) -> None:
        rows = [Label(key, "car", Box(1, 2, 3, 4), track_id="car 1") for key in ("f0", "f1")]
        backend.labels.write(rows, dataset=place).raise_for_problems()
        found = {one["scene"]["reference_id"]: one for one in backend.scenes.export(place, page_size=1)}
        assert len(found) == 3
        assert [one["key"] for one in found["drive"]["annotations"]["car 1"]["frames"]] == ["0", "1"]

    def test_tracks_are_made_by_rows_changed_and_deleted(self, backend: Any, place: Any) -> None:
        row = Label("f0", "car", Box(1, 2, 3, 4), track_id="car 1")
        backend.labels.write([row], dataset=place).raise_for_problems()
        (track,) = backend.scenes.tracks(place)
        assert (track.id, track.metadata) == ("car 1", {})
        backend.scenes.update_track(place, track, {"colour": "red"})
        backend.scenes.update_track(place, track, {"doors": 4})
        assert backend.scenes.tracks(place)[0].metadata == {"colour": "red", "doors": 4}
        backend.scenes.update_track(place, track, {"doors": 2}, replace=True)
        assert backend.scenes.tracks(place)[0].metadata == {"doors": 2}
        backend.scenes.delete_tracks(place, [track])
        assert backend.scenes.tracks(place) == []
        (read,) = backend.labels.read(place, items=["f0"])
        assert read.track_id is None
