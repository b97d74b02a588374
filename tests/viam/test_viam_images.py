"""Images beyond one dataset: found, fetched, moved between datasets, tagged, changed and deleted."""

from __future__ import annotations

import io
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from dragoman import Box, Conflict, InvalidData, Item, Label, NotFound, Prediction, Unavailable, Whole
from dragoman.conformance.difficult import png
from dragoman.emulate import DropAfter, Live, ManualClock, running
from dragoman_viam.emulator import create


def counted(live: Live[Any], end: str) -> int:
    """How often a method was called."""
    return sum(seen.path.endswith(end) for seen in live.journal.entries())


@pytest.fixture
def ids(backend: Any, dataset: Any) -> list[str]:
    """The ids of the images of the dataset."""
    return [item.id for item in backend.datasets.read_items(dataset)]


class TestReading:
    def test_they_are_found_by_filter_page_by_page(self, backend: Any, dataset: Any, ids: list[str]) -> None:
        backend.images.tag(["night"], ids=ids[:5])
        wanted = {"tags_filter": {"type": "TAGS_FILTER_TYPE_MATCH_BY_OR", "tags": ["night"]}}
        assert [item.id for item in backend.images.find(wanted, page_size=2)] == ids[:5]
        assert (backend.images.count(wanted), backend.images.count()) == (5, len(ids))

    def test_those_that_are_gone_are_passed_over(self, backend: Any, ids: list[str]) -> None:
        assert [item.id for item in backend.images.get([ids[0], "no/such/image", ids[1]])] == ids[:2]

    def test_they_are_fetched(self, backend: Any, items: list[Item], tmp_path: Path) -> None:
        image = backend.images.upload(items[0].uri, name="a.png")
        out = backend.images.download(image, tmp_path / "out.png")
        assert out.read_bytes() == Path(items[0].uri or "").read_bytes()
        with urllib.request.urlopen(backend.images.url(image, minutes=5)) as answer:
            assert answer.read() == out.read_bytes()

    def test_a_signed_url_ends(self) -> None:
        import dragoman

        clock = ManualClock()
        with running(create(clock=clock)) as live:
            backend = dragoman.connect("viam", endpoint=live.url, **live.credentials)
            with backend:
                url = backend.images.url(backend.images.upload(b"x", name="a.bin"), minutes=5)
                clock.advance(600)
                with pytest.raises(HTTPError, match="403"):
                    urllib.request.urlopen(url)


class TestSizes:
    def test_a_header_is_read_once(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("theirs")
        image = self.uploaded_by_others(backend, emulated, dataset, png(1))
        backend.labels.write([Label("cat.png", "ear", Box(16, 12, 32, 24))], dataset=dataset).raise_for_problems()
        emulated.journal.clear()
        for _ in range(3):
            assert [label.geometry for label in backend.labels.read(dataset)] == [Box(16, 12, 32, 24)]
            assert [(item.width, item.height) for item in backend.datasets.read_items(dataset)] == [(64, 48)]
        assert counted(emulated, "/BinaryDataByIDs") == 0
        assert image in emulated.state.images

    def test_an_image_that_we_uploaded_is_never_fetched_for_its_size(
        self, backend: Any, labelled: Any, emulated: Live[Any]
    ) -> None:
        fresh = type(backend)(backend.settings, backend.pipeline._hooks)
        emulated.journal.clear()
        assert len(list(fresh.labels.read(labelled))) == 16
        assert counted(emulated, "/BinaryDataByIDs") == 0
        fresh.close()

    def test_what_is_no_image_has_no_size_and_takes_no_boxes(self, backend: Any, emulated: Live[Any]) -> None:
        dataset = backend.datasets.create("texts")
        self.uploaded_by_others(backend, emulated, dataset, b"no image")
        (item,) = backend.datasets.read_items(dataset)
        assert (item.width, item.height) == (None, None)
        report = backend.labels.write([Label("cat.png", "ear", Box(1, 1, 2, 2))], dataset=dataset)
        (problem,) = report.problems()
        assert "no image" in (problem.reason or "")

    def uploaded_by_others(self, backend: Any, live: Live[Any], dataset: Any, content: bytes) -> str:
        """Upload an image without a note of ours."""
        described = {
            "part_id": live.state.part.id,
            "type": "DATA_TYPE_FILE",
            "file_name": "cat",
            "file_extension": ".png",
            "dataset_ids": [dataset.id],
        }
        frames = [{"metadata": described}, {"file_contents": {"data": content}}]
        image: str = backend.wire.upload("sync.FileUpload", lambda: iter(frames)).binary_data_id
        return image


class TestDatasets:
    def test_images_join_and_leave(self, backend: Any, dataset: Any, ids: list[str]) -> None:
        other = backend.datasets.create("other")
        backend.images.join(ids[:3], other.id)
        backend.images.join(ids[:3], other.id)
        assert [item.id for item in backend.datasets.read_items(other)] == ids[:3]
        backend.images.leave(ids[:1], other.id)
        assert [item.id for item in backend.datasets.read_items(other)] == ids[1:3]
        assert backend.datasets.get(dataset).items == len(ids)

    def test_an_older_image_that_joins_a_listed_dataset_is_one_of_its_items(self, backend: Any) -> None:
        older = backend.images.upload(png(1), name="older.png")
        dataset = backend.datasets.create("joined")
        backend.datasets.write_items([Item("newer.png", data=png(2))], dataset=dataset).raise_for_problems()
        backend.labels.write([Label("newer.png", "car", Whole())], dataset=dataset).raise_for_problems()
        backend.images.join([older], dataset.id)
        backend.labels.write([Label("older.png", "car", Whole())], dataset=dataset).raise_for_problems()
        again = backend.datasets.write_items([Item("older.png", data=png(1))], dataset=dataset)
        assert dict(again.counts) == {"ignored": 1}

    def test_deleting_a_dataset_leaves_its_images(self, backend: Any, dataset: Any, ids: list[str]) -> None:
        backend.datasets.delete(dataset)
        assert len(backend.images.get(ids)) == len(ids)

    def test_datasets_are_renamed_and_merged(self, backend: Any, dataset: Any, ids: list[str]) -> None:
        other = backend.datasets.create("other")
        backend.images.join(ids[:2], other.id)
        assert backend.sets.rename(other.id, "renamed").name == "renamed"
        with pytest.raises(Conflict):
            backend.sets.rename(other.id, dataset.name)
        merged = backend.sets.merge([dataset.id, other.id], name="merged")
        assert (merged.name, merged.items) == ("merged", len(ids))

    def test_two_images_of_one_name_are_told_of(self, backend: Any, dataset: Any, ids: list[str]) -> None:
        twin = backend.images.upload(png(9), name="image 0", dataset=dataset.id)
        with pytest.raises(Conflict, match="2 images named 'image 0'"):
            backend.labels.write([Label("image 0", "car", Box(1, 1, 2, 2))], dataset=dataset)
        backend.images.leave([twin], dataset.id)
        backend.labels.write([Label("image 0", "car", Box(1, 1, 2, 2))], dataset=dataset).raise_for_problems()


class TestTagsAndBoxes:
    def test_tags_come_and_go_by_ids_and_by_filter(self, backend: Any, dataset: Any, ids: list[str]) -> None:
        backend.images.tag(["day", "dry"], ids=ids[:2])
        backend.images.tag(["seen"], wanted={"dataset_id": dataset.id})
        assert {feature.name for feature in backend.ontologies.get(dataset).features} == {"day", "dry", "seen"}
        assert backend.images.untag(["day"], ids=ids) == 2
        assert backend.images.untag(["seen", "dry"], wanted={"dataset_id": dataset.id}) == len(ids) + 2
        assert list(backend.labels.read(dataset)) == []

    def test_a_box_is_changed_and_removed(self, backend: Any, dataset: Any, ids: list[str]) -> None:
        backend.labels.write([Label("image 0", "car", Box(1, 2, 30, 20))], dataset=dataset)
        (label,) = backend.labels.read(dataset)
        (image,) = [item.id for item in backend.datasets.read_items(dataset) if item.key == "image 0"]
        backend.images.change_box(image, label.provenance.id, geometry=Box(2, 2, 4, 4), confidence=0.25)
        (changed,) = backend.labels.read(dataset)
        assert (changed.feature, changed.geometry, changed.confidence) == ("car", Box(2, 2, 4, 4), 0.25)
        backend.images.change_box(image, label.provenance.id, label="bus")
        (changed,) = backend.labels.read(dataset)
        assert (changed.feature, changed.geometry) == ("bus", Box(2, 2, 4, 4))
        backend.images.remove_box(image, label.provenance.id)
        assert list(backend.labels.read(dataset)) == []
        with pytest.raises(NotFound):
            backend.images.remove_box(image, label.provenance.id)

    def test_a_change_out_of_range_changes_nothing(self, backend: Any, dataset: Any) -> None:
        backend.labels.write([Label("image 0", "car", Box(1, 2, 30, 20))], dataset=dataset)
        (label,) = backend.labels.read(dataset)
        (image,) = [item.id for item in backend.datasets.read_items(dataset) if item.key == "image 0"]
        with pytest.raises(InvalidData, match="leaves the image"):
            backend.images.change_box(image, label.provenance.id, geometry=Box(60, 2, 30, 20))
        assert list(backend.labels.read(dataset)) == [label]


class TestDeleting:
    def test_images_are_deleted_by_ids_and_by_filter(self, backend: Any, dataset: Any, ids: list[str]) -> None:
        assert backend.images.delete(ids=ids[:2]) == 2
        assert backend.images.delete(wanted={"dataset_id": dataset.id}) == len(ids) - 2
        assert backend.images.count() == 0

    @pytest.mark.parametrize("chosen", [{}, {"ids": ["a"], "wanted": {}}])
    def test_nothing_is_deleted_by_an_omission(self, backend: Any, ids: list[str], chosen: dict[str, Any]) -> None:
        with pytest.raises(InvalidData, match="Either ids or a filter"):
            backend.images.delete(**chosen)
        assert backend.images.count() == len(ids)

    def test_an_item_whose_image_is_gone_is_uploaded_again(
        self, backend: Any, dataset: Any, items: list[Item], emulated: Live[Any]
    ) -> None:
        first = next(iter(emulated.state.images))
        del emulated.state.images[first]
        report = backend.datasets.write_items(items, dataset=dataset)
        assert dict(report.counts) == {"created": 1, "ignored": len(items) - 1}


class TestUploading:
    def test_files_urls_bytes_and_open_files_are_taken(self, backend: Any, items: list[Item], tmp_path: Path) -> None:
        path = Path(items[0].uri or "")
        first = backend.images.upload(path, name="a.png", tags=["t"])
        sources: list[Any] = [str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), backend.images.url(first)]
        others = [backend.images.upload(source, name=f"{n}.png") for n, source in enumerate(sources)]
        for image in [first, *others]:
            assert backend.images.download(image, tmp_path / "out").read_bytes() == path.read_bytes()
        assert [item.key for item in backend.images.get(others)] == ["0.png", "1.png", "2.png", "3.png"]

    def test_a_lost_answer_is_not_sent_again(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(DropAfter(), path="*/FileUpload")
        with pytest.raises(Exception, match="its answer was lost"):
            backend.images.upload(b"x", name="a.png")
        assert len(emulated.state.images) == 1

    def test_a_url_that_cannot_be_read_is_said(self, backend: Any) -> None:
        with pytest.raises(Unavailable, match="cannot be fetched"):
            backend.images.upload("http://127.0.0.1:9/a.png", name="a.png")


class TestWorkspace:
    def test_several_organisations_must_be_told_apart(self, backend: Any, emulated: Live[Any]) -> None:
        from dragoman_viam.workspace import _only

        with pytest.raises(InvalidData, match="Set `organization`") as refusal:
            _only("organization", [emulated.state.organization, emulated.state.organization])
        assert refusal.value.field == "organization"
        with pytest.raises(NotFound, match="reaches no part"):
            _only("part", [])

    def test_what_the_settings_name_is_not_looked_up(self, emulated: Live[Any]) -> None:
        import dragoman

        state = emulated.state
        named = {"organization": state.organization.id, "location": state.location.id, "part": state.part.id}
        with dragoman.connect("viam", endpoint=emulated.url, **emulated.credentials, **named) as backend:
            backend.images.upload(b"x", name="a.png")
        assert not [seen for seen in emulated.journal.entries() if "/List" in seen.path or "/Get" in seen.path]

    def test_an_unknown_part_is_not_found(self, emulated: Live[Any]) -> None:
        import dragoman

        with dragoman.connect("viam", endpoint=emulated.url, **emulated.credentials, part="no such") as backend:
            report = backend.datasets.write_items([Item("a", data=b"x")], dataset=backend.datasets.create("d"))
            (problem,) = report.problems()
            assert "part" in (problem.reason or "")

    def test_predictions_may_be_written_as_boxes_with_confidences(self, backend: Any, dataset: Any) -> None:
        sent = Prediction("image 0", "car", Box(1, 2, 3, 4), confidence=0.0)
        backend.labels.write([sent], dataset=dataset).raise_for_problems()
        (read,) = backend.labels.read(dataset)
        assert (type(read), read.confidence) == (Prediction, 0.0)
