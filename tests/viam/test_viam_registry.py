"""Models, versions, packages and scripts: the registry and the archives behind it."""

from __future__ import annotations

import os
import tarfile
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError

import pytest

from dragoman import AuthenticationError, Conflict, InvalidData, NotFound, Unavailable
from dragoman.emulate import DropAfter, DropBefore, Live
from dragoman.errors import Unsupported
from dragoman_viam.downloads import fetch, is_ours
from dragoman_viam.models import PLAIN, registry_name
from dragoman_viam.settings import ViamSettings


class TestModels:
    def test_a_model_made_by_others_is_one(self, backend: Any, emulated: Live[Any]) -> None:
        backend.packages.upload("theirs", None, version="1", kind="ml_model", metadata={"model_framework": "onnx"})
        (model,) = backend.models.list()
        assert (model.name, model.key, model.features) == ("theirs", "theirs", ())
        assert [version.config for version in backend.versions.list(model)] == [{"framework": "onnx"}]

    def test_an_update_keeps_what_the_platform_knows(self, backend: Any, model: Any, emulated: Live[Any]) -> None:
        backend.versions.create(model, name="1", config={"framework": "pytorch"})
        backend.models.update(model, description="new", metadata={"a": 1})
        item = emulated.state.items[model.id]
        assert item.ml_model_metadata.model_framework == 3
        assert list(item.ml_model_metadata.versions) == ["1"]
        found = backend.models.get(model)
        assert (found.description, found.metadata, found.features) == ("new", {"a": 1}, ("car",))

    def test_a_creation_that_broke_off_is_finished_by_the_next(self, backend: Any, emulated: Live[Any]) -> None:
        emulated.faults.add(DropBefore(), path="*/UpdateRegistryItem")
        made = backend.models.create("detector", task="object_detection", features=["car"], key="detector")
        assert backend.models.get(made).features == ("car",)
        assert len(emulated.state.items) == 1

    def test_deleting_a_model_deletes_its_versions(self, backend: Any, model: Any, emulated: Live[Any]) -> None:
        for name in ("1", "2"):
            backend.versions.create(model, name=name)
        backend.models.delete(model)
        assert (emulated.state.items, emulated.state.packages) == ({}, {})

    def test_a_task_that_viam_has_not_is_refused(self, backend: Any) -> None:
        with pytest.raises(Unsupported, match="instance_segmentation"):
            backend.models.create("m", task="instance_segmentation", features=["a"])

    def test_a_script_is_no_model(self, backend: Any, tmp_path: Path) -> None:
        item = backend.registry.upload_script("trainer", tmp_path, version="1")
        assert list(backend.models.list()) == []
        with pytest.raises(NotFound, match="no model"):
            backend.models.get(item)

    @pytest.mark.parametrize("key", ["plain-1_A", "Größe 🦊", "a b", "a-b", "x" * 300, "///"])
    def test_names_are_such_as_the_registry_takes(self, key: str) -> None:
        assert PLAIN.fullmatch(registry_name(key))
        assert registry_name(key) == registry_name(key)
        assert registry_name(key) != registry_name(f"{key}!")


class TestWeights:
    def test_weights_come_back_as_they_were(self, backend: Any, model: Any, tmp_path: Path) -> None:
        content = bytes(range(256)) * 5000
        sent = tmp_path / "model.onnx"
        sent.write_bytes(content)
        version = backend.versions.create(model, name="1", tags=["a"], metadata={"b": 2})
        with_weights = backend.versions.upload_weights(version, sent)
        assert (with_weights.status, with_weights.tags, with_weights.metadata) == ("succeeded", ("a",), {"b": 2})
        assert with_weights.config["framework"] == "onnx"
        assert backend.versions.download_weights(version, tmp_path / "out").read_bytes() == content

    def test_an_archive_stays_one(self, backend: Any, model: Any, tmp_path: Path) -> None:
        inner = tmp_path / "labels.txt"
        inner.write_text("car")
        sent = tmp_path / "model.tar.gz"
        with tarfile.open(sent, "w:gz") as archive:
            archive.add(inner, "labels.txt")
        version = backend.versions.create(model, name="1")
        backend.versions.upload_weights(version, sent)
        assert backend.versions.download_weights(version, tmp_path / "out").read_bytes() == sent.read_bytes()

    def test_weights_are_never_changed(self, backend: Any, model: Any, tmp_path: Path) -> None:
        first, second = tmp_path / "a.tflite", tmp_path / "b.tflite"
        first.write_bytes(b"first")
        second.write_bytes(b"second")
        version = backend.versions.create(model, name="1")
        backend.versions.upload_weights(version, first)
        backend.versions.upload_weights(version, first)
        with pytest.raises(Conflict, match="has weights"):
            backend.versions.upload_weights(version, second)
        assert backend.versions.download_weights(version, tmp_path / "out").read_bytes() == b"first"

    @pytest.mark.parametrize("fault", [DropBefore(), DropAfter()])
    @pytest.mark.parametrize("method", ["GetPackage", "DeletePackage", "CreatePackage", "CreatePackage/messages/2"])
    def test_a_fault_at_any_step_leaves_the_version_whole(
        self, backend: Any, model: Any, emulated: Live[Any], tmp_path: Path, fault: Any, method: str
    ) -> None:
        sent = tmp_path / "model.tflite"
        sent.write_bytes(b"weights" * 10_000)
        version = backend.versions.create(model, name="1", tags=["kept"])
        emulated.faults.add(fault, path=f"*/{method}")
        assert backend.versions.upload_weights(version, sent).tags == ("kept",)
        assert backend.versions.download_weights(version, tmp_path / "out").read_bytes() == sent.read_bytes()

    def test_a_framework_that_is_none_is_refused(self, backend: Any, model: Any) -> None:
        with pytest.raises(InvalidData, match="framework"):
            backend.versions.create(model, name="1", config={"framework": "caffe"})

    def test_a_version_is_made_once(self, backend: Any, model: Any) -> None:
        backend.versions.create(model, name="1")
        with pytest.raises(Conflict):
            backend.versions.create(model, name="1")


class TestPackages:
    def test_they_are_uploaded_listed_fetched_and_deleted(self, backend: Any, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        folder.mkdir()
        (folder / "a.txt").write_text("a")
        package = backend.packages.upload("stuff", folder, version="1", kind="archive", metadata={"n": 1})
        (listed,) = backend.packages.list(kind="archive")
        assert (listed.id, listed.info.version, dict(listed.info.metadata)) == (package, "1", {"n": 1})
        assert backend.packages.get(package, "1", kind="archive").info.files[0].name == "a.txt"
        path = backend.packages.download(package, "1", tmp_path / "out.tar.gz", kind="archive")
        with tarfile.open(path) as archive:
            assert archive.getnames() == ["a.txt"]
        backend.packages.delete(package, "1", kind="archive")
        assert backend.packages.list(name="stuff") == ()

    def test_the_same_contents_make_the_same_archive(self, backend: Any, tmp_path: Path) -> None:
        for number, name in enumerate(("one", "two")):
            (tmp_path / name).mkdir()
            (tmp_path / name / "a.txt").write_text("a")
            os.utime(tmp_path / name / "a.txt", (number, number))
            backend.packages.upload(name, tmp_path / name, version="1", kind="archive")
        first, second = (package.checksum for package in backend.packages.list(kind="archive"))
        assert first == second

    def test_bad_input_is_refused(self, backend: Any, tmp_path: Path) -> None:
        with pytest.raises(InvalidData, match="no file"):
            backend.packages.upload("x", tmp_path / "none", version="1", kind="archive")
        with pytest.raises(InvalidData, match="no kind"):
            backend.packages.upload("x", None, version="1", kind="spoon")
        with pytest.raises(InvalidData, match="model_framework"):
            backend.packages.upload("x", None, version="1", kind="ml_model")
        with pytest.raises(NotFound):
            backend.packages.get("no/such", "1", kind="archive")

    def test_a_broken_upload_leaves_nothing(self, backend: Any, emulated: Live[Any], tmp_path: Path) -> None:
        sent = tmp_path / "large.tar.gz"
        sent.write_bytes(bytes(1 << 20))
        emulated.faults.add(DropBefore(), path="*/CreatePackage/messages/3", times=None)
        with pytest.raises(Exception, match="sent and its answer was lost"):
            backend.packages.upload("x", sent, version="1", kind="archive")
        assert emulated.state.packages == {}


class TestRegistry:
    def test_items_are_found_renamed_marked_and_deleted(self, backend: Any, tmp_path: Path) -> None:
        item = backend.registry.upload_script("trainer", tmp_path, version="1")
        backend.registry.upload_script("trainer", tmp_path, version="2")
        versions = backend.registry.get(item).ml_training_metadata.versions
        assert [version.version for version in versions] == ["1", "2"]
        renamed = backend.registry.rename(item, "coach")
        assert [one.item_id for one in backend.registry.list(kind="ml_training", query="COA")] == [renamed]
        backend.registry.deprecate(renamed, "use another")
        assert backend.registry.get(renamed).HasField("deprecated_status")
        backend.registry.delete(renamed)
        assert backend.registry.list() == ()


class TestDownloads:
    @pytest.mark.parametrize(
        ("url", "ours"),
        [
            ("https://app.viam.com/packages/a", True),
            ("https://files.viam.com/a", True),
            ("http://app.viam.com/packages/a", False),
            ("https://notviam.com/a", False),
            ("https://storage.example.com/a", False),
            ("http://127.0.0.1:9/a", False),
        ],
    )
    def test_the_key_goes_to_viam_only(self, url: str, ours: bool) -> None:
        settings = ViamSettings(api_key="k", api_key_id="01234567-89ab-cdef-0123-456789abcdef")
        assert is_ours(url, settings) is ours

    def test_a_redirect_takes_no_key_along(self, tmp_path: Path) -> None:
        seen: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(200 if self.path == "/there" else 302)
                self.send_header("Location", "/there")
                self.end_headers()
                self.wfile.write(b"content" if self.path == "/there" else b"")

            def log_message(self, *arguments: Any) -> None:
                """Keep quiet."""

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}"
            known = {"api_key": "k-1", "api_key_id": "01234567-89ab-cdef-0123-456789abcdef"}
            fetch(f"{url}/here", tmp_path / "out", ViamSettings(endpoint=url, **known))
            server.shutdown()
        assert (tmp_path / "out").read_bytes() == b"content"
        assert [headers.get("key") for headers in seen] == ["k-1", None]

    def test_packages_need_a_key(self, backend: Any, emulated: Live[Any]) -> None:
        package = backend.packages.upload("x", None, version="1", kind="archive")
        url = backend.packages.described(package, "1", "archive", url=True).url
        with pytest.raises(HTTPError, match="401"):
            urllib.request.urlopen(url)

    @pytest.mark.parametrize(("path", "kind"), [("/packages/no/such/1", NotFound), ("/data/no?signature=", None)])
    def test_what_is_refused_leaves_no_file(
        self, backend: Any, emulated: Live[Any], tmp_path: Path, path: str, kind: Any
    ) -> None:
        backend.datasets.list()
        with pytest.raises(HTTPError):
            fetch(f"{emulated.state.files_url}{path}", tmp_path / "out", backend.settings)
        assert list(tmp_path.iterdir()) == []

    def test_failures_of_downloads_are_ours(
        self, backend: Any, model: Any, emulated: Live[Any], tmp_path: Path
    ) -> None:
        package = backend.packages.upload("x", None, version="1", kind="archive")
        good = emulated.state.files_url
        for url, kind in (("http://127.0.0.1:9", Unavailable), (f"{good}/nowhere", NotFound)):
            emulated.state.files_url = url
            with pytest.raises(kind):
                backend.packages.download(package, "1", tmp_path / "out", kind="archive")
        emulated.state.files_url = good
        wrong = backend.settings.model_copy(update={"api_key": backend.settings.api_key_id})
        backend.settings = wrong
        with pytest.raises(AuthenticationError):
            backend.packages.download(package, "1", tmp_path / "out", kind="archive")
