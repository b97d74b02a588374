"""A caller's mistakes are told as such, with the field; what only looks like one is taken for what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from dragoman import Dataset, InvalidData, Label, NotFound, Whole


class TestMessages:
    @pytest.mark.parametrize(
        ("call", "says"),
        [
            (lambda backend: backend.images.count({"colour": "red"}), '"colour" field'),
            (lambda backend: list(backend.images.find({"tags_filter": {"type": "SOME"}})), '"SOME"'),
            (lambda backend: backend.images.count({"location_ids": 5}), "iterable"),
            (lambda backend: backend.images.url("x", minutes=-1), "out of range"),
            (
                lambda backend: backend.packages.upload("x", None, version="1", kind="archive", metadata={"a": b""}),
                "CreatePackageRequest",
            ),
        ],
    )
    def test_what_a_message_does_not_hold_is_the_caller_s(
        self, backend: Any, call: Callable[[Any], Any], says: str
    ) -> None:
        with pytest.raises(InvalidData, match=says) as refusal:
            call(backend)
        assert refusal.value.hint


class TestParameters:
    @pytest.mark.parametrize(
        ("parameters", "field"),
        [
            ({"tags": "car"}, "parameters.tags"),
            ({"tags": 5}, "parameters.tags"),
            ({"tags": [1]}, "parameters.tags"),
            ({"script": "o:s", "script_version": "1", "arguments": 5}, "parameters.arguments"),
            ({"script": "o:s", "script_version": "1", "arguments": ["a"]}, "parameters.arguments"),
            ({"script": "o:s"}, "parameters.script_version"),
        ],
    )
    def test_those_of_another_kind_are_refused_before_anything_is_sent(
        self, backend: Any, labelled: Any, model: Any, parameters: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidData) as refusal:
            backend.training.submit(model, dataset=labelled, parameters=parameters)
        assert refusal.value.field == field
        assert list(backend.training.list()) == []

    def test_a_version_may_be_nought(self, backend: Any, labelled: Any, model: Any) -> None:
        job = backend.training.submit(model, dataset=labelled, parameters={"version": 0})
        assert job.version == f"{model.id}@0"

    def test_a_script_s_version_may_be_nought(self, backend: Any, labelled: Any, model: Any) -> None:
        backend.packages.upload("script", None, version="0", kind="ml_training")
        script = f"{backend.workspace.organization}:script"
        job = backend.training.submit(model, dataset=labelled, parameters={"script": script, "script_version": 0})
        assert job.config["script_version"] == "0"


@pytest.mark.parametrize("version", ["v/1", "a b?c#d%", "../up", "ü"])
def test_a_version_of_any_text_is_downloaded(backend: Any, tmp_path: Path, version: str) -> None:
    package = backend.packages.upload("x", None, version=version, kind="archive")
    assert backend.packages.download(package, version, tmp_path / "out", kind="archive").stat().st_size


def test_a_package_of_another_kind_is_not_that_package(backend: Any) -> None:
    package = backend.packages.upload("x", None, version="1", kind="archive")
    for call in (backend.packages.get, backend.packages.delete):
        with pytest.raises(NotFound):
            call(package, "1", kind="slam_map")
    assert backend.packages.get(package, "1", kind="archive").id == package


def test_a_url_that_says_no_time_is_refused(backend: Any) -> None:
    image = backend.images.upload(b"x", name="a.txt")
    with pytest.raises(HTTPError, match="403"):
        urlopen(backend.images.url(image).replace("expires=", "expires=x"))


@pytest.mark.parametrize(("which", "error"), [("", NotFound), (Dataset(name="street"), InvalidData)])
def test_a_dataset_without_an_id_is_not_all_images(
    backend: Any, labelled: Any, which: Any, error: type[Exception]
) -> None:
    for call in (backend.datasets.read_items, backend.labels.read, backend.ontologies.get):
        with pytest.raises(error):
            list(call(which))
    with pytest.raises(error):
        backend.labels.write([Label("image 0", "car", Whole())], dataset=which)
