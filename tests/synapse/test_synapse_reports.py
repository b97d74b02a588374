"""What plugins and editors have written as they like is read all the same, and points of time have their zones."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from dragoman.emulate import Live
from dragoman.schema import Status
from dragoman_synapse import codec
from dragoman_synapse.codec import v1, v2


@pytest.fixture
def http(emulated: Live[Any]) -> Iterator[httpx.Client]:
    """A plain client with a token, as a plugin has one."""
    headers = {"Synapse-Access-Token": f"Token {emulated.credentials['access_token']}"}
    with httpx.Client(base_url=emulated.url, headers=headers) as client:
        yield client


def started(http: httpx.Client, emulated: Live[Any], **params: Any) -> str:
    """Run a training of a plugin whose code is its own, and return the id of the job."""
    emulated.state.home.plugins["detector"].releases[-1].config = {"actions": ["train"]}
    run = {"agent": next(iter(emulated.state.home.agents)), "action": "train", "params": params}
    key: str = http.post("/plugins/detector/run/", json=run).json()["id"]
    return key


@pytest.mark.parametrize(
    "report",
    [
        {"result": [1, 2]},
        {"result": {"weights": "here"}},
        {"progress_record": {"step": 5, "total": 100}},
        {"progress_record": {"current_progress": 5}},
        {"metrics_record": {"record": {"steps": [1]}}},
        {"metrics_record": {"record": []}},
        {"metrics_record": {"record": {"steps": {"train": {"epoch": "first", "loss": None}}}}},
    ],
)
def test_whatever_a_job_reports_it_is_listed(
    backend: Any, emulated: Live[Any], http: httpx.Client, report: dict[str, Any]
) -> None:
    key = started(http, emulated)
    assert http.patch(f"/jobs/{key}/", json={"status": "SUCCEEDED", **report}).status_code == 200
    (found,) = backend.training.list()
    assert (found.id, found.status, found.version, found.progress.metrics) == (key, Status.SUCCEEDED, None, {})


@pytest.mark.parametrize(
    ("params", "config"),
    [
        ({"hyperparameters": {"lr": 1}}, {"hyperparameters": {"lr": 1}}),
        ({"hyperparameters": ["lr"]}, {"hyperparameters": ["lr"]}),
        ({"description": 5}, {}),
    ],
)
def test_whatever_a_job_was_given_it_is_listed(
    backend: Any, emulated: Live[Any], http: httpx.Client, params: dict[str, Any], config: dict[str, Any]
) -> None:
    key = started(http, emulated, **params)
    assert [(found.id, found.config) for found in backend.training.list()] == [(key, config)]


@pytest.mark.parametrize("form", [v1, v2], ids=["v1", "v2"])
def test_an_attribute_of_several_values_is_kept(form: Any) -> None:
    shown = {"class": "car", "colours": ["red", "ü"], "doors": 0}
    document = {
        "annotations": {"image_1": [{"id": "a", "tool": "bounding_box", "classification": shown}]},
        "annotationsData": {"image_1": [{"id": "a", "coordinate": {"x": 1, "y": 2, "width": 3, "height": 4}}]},
    }
    written = form.write(codec.read(document))
    (label,) = codec.labels_in(written, "i")
    assert (label.attributes, label.metadata) == ({"doors": 0}, {"synapse": {"attributes": {"colours": ["red", "ü"]}}})
    (mark,) = codec.marks_of(label)
    assert (mark.name, mark.attributes) == ("car", {"colours": ["red", "ü"], "doors": 0})


@pytest.mark.parametrize("ago", [-1, 1])
def test_a_time_without_a_zone_is_of_this_machine_s(backend: Any, ago: int) -> None:
    backend.models.create("m", task="classification", features=["a"])
    since = datetime.now() - timedelta(hours=ago)
    assert len(list(backend.catalog.list(created_after=since))) == (1 if ago > 0 else 0)


def test_a_time_stamp_without_a_zone_is_in_utc(backend: Any, emulated: Live[Any]) -> None:
    emulated.state.home.add_model(name="m").created = datetime(2026, 1, 2, 3, 4)
    (model,) = backend.models.list()
    assert model.created_at == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert len(list(backend.catalog.list(search="m"))) == 1
