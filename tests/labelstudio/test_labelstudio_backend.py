"""What is refused, and what things are called, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from labelstudio_said import ENDPOINT, LEGACY, client_of

import dragoman
from dragoman import InvalidData, Item, NotFound, Unsupported
from dragoman.schema import Feature, Task
from dragoman_labelstudio.models import _task_of
from dragoman_labelstudio.uploads import fetch, file_of, is_remote, unusable
from dragoman_labelstudio.versions import name_of, project_in


@pytest.fixture
def backend() -> Iterator[Any]:
    """A backend whose server nobody asks."""
    with dragoman.connect("labelstudio", endpoint=ENDPOINT, token=LEGACY) as backend:
        yield backend


@pytest.mark.parametrize(
    ("version", "project", "name"),
    [
        ("12:det-1", "12", "det-1"),
        ("det-1", None, "det-1"),
        ("a:b", None, "a:b"),
        ("3:a:b", "3", "a:b"),
        ("7:", "7", ""),
    ],
)
def test_a_version_s_id_names_its_project(version: str, project: str | None, name: str) -> None:
    assert (project_in(version), name_of(version)) == (project, name)


def test_a_version_of_no_project_is_not_found(backend: Any) -> None:
    with pytest.raises(NotFound, match="det-1"):
        backend.versions.get("det-1")


@pytest.mark.parametrize(
    ("kinds", "task"),
    [
        (("whole",), Task.CLASSIFICATION),
        (("whole", "box"), Task.OBJECT_DETECTION),
        (("box", "mask"), Task.INSTANCE_SEGMENTATION),
        ((), Task.CLASSIFICATION),
    ],
)
def test_a_model_s_task_is_the_most_that_its_features_are_drawn_as(kinds: tuple[str, ...], task: Task) -> None:
    assert _task_of([Feature(name="car", geometries=kinds)]) is task


class TestAttachments:
    """A connection is an address; Label Studio maps no features and chooses no version."""

    def test_what_is_no_address_is_refused(self, backend: Any) -> None:
        with pytest.raises(InvalidData, match="no address"):
            backend.attachments.attach("detector", project="1", features={})

    def test_features_under_other_names_are_refused(self, backend: Any) -> None:
        with pytest.raises(InvalidData, match="maps no features"):
            backend.attachments.attach("http://models.example", project="1", features={"car": "vehicle"})

    def test_chosen_versions_are_refused(self, backend: Any) -> None:
        with pytest.raises(Unsupported, match="chooses its version itself"):
            backend.attachments.attach("http://models.example", project="1", features={}, versions="all")


class TestMedia:
    """Addresses are kept, files are sent, and what is neither is refused."""

    @pytest.mark.parametrize("uri", ["https://example.com/a.png", "s3://bucket/a.png", "gs://bucket/a.png"])
    def test_an_address_is_kept(self, uri: str) -> None:
        item = Item("a", uri=uri)
        assert is_remote(item)
        assert unusable(item) is None

    def test_a_file_is_sent(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"x")
        for uri in (str(path), f"file://{path}"):
            item = Item("a", uri=uri)
            assert not is_remote(item)
            assert file_of(item) == path
            assert unusable(item) is None

    def test_bytes_are_sent(self) -> None:
        assert unusable(Item("a", data=b"x")) is None

    @pytest.mark.parametrize(("item", "reason"), [(Item("a"), "no uri"), (Item("a", uri="/nowhere.png"), "no file")])
    def test_what_is_not_there_is_refused(self, item: Item, reason: str) -> None:
        assert reason in (unusable(item) or "")

    def test_an_upload_is_fetched_once(self, tmp_path: Path) -> None:
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request.url.path)
            return httpx.Response(200, content=b"pixels")

        client = client_of(answer)
        first = fetch(client, "/data/upload/7/1a2b-a.png", tmp_path)
        assert fetch(client, "/data/upload/7/1a2b-a.png", tmp_path) == first
        assert asked == ["/data/upload/7/1a2b-a.png"]
        assert first.parent == tmp_path

    def test_an_upload_s_path_cannot_lead_out_of_the_folder(self, tmp_path: Path) -> None:
        client = client_of(lambda request: httpx.Response(200, content=b"x"))
        found = fetch(client, "/data/upload/../../etc/passwd", tmp_path)
        assert found.resolve().parent == tmp_path.resolve()


def test_two_servers_count_their_projects_alike_and_their_keys_differ() -> None:
    assert client_of(lambda request: None).host == "studio.example"  # type: ignore[arg-type, return-value]
