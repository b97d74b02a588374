"""What the emulator refuses with a reason, and what must not spoil it for those who ask next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dragoman.emulate import Live, running
from dragoman_synapse.emulator import create

LISTINGS = ("/ground_truths/", "/sdk/ground_truth_events/", "/v2/ground-truths/", "/v2/ground-truth-events/")


@pytest.fixture
def live() -> Iterator[Live[Any]]:
    """A fresh emulator with a task whose submission is approved at once."""
    with running(create()) as live:
        home = live.state.home
        home.review_automatically = True
        home.add_dataset("d")
        unit = home.add_unit({"image_1": home.media.add("a.png", b"picture")})
        home.add_task(next(iter(home.projects)), unit)
        live.settings.job_polls = 0
        yield live


def submit(http: httpx.Client, live: Live[Any], data: Any) -> httpx.Response:
    """Submit a document of any form for the task."""
    (task,) = live.state.home.tasks
    url = f"/tasks/{task}/annotate_task_data/?schema=any"
    return http.put(url, json={"action": "submit", "data": data})


def run(http: httpx.Client, live: Live[Any], action: str, **params: Any) -> httpx.Response:
    """Run an action of the plugin on its agent."""
    body = {"agent": next(iter(live.state.home.agents)), "action": action, "params": params}
    return http.post("/plugins/detector/run/", json=body)


class TestDocuments:
    @pytest.mark.parametrize(
        "data",
        [
            {"annotations": {"image_1": [{"classification": "car"}]}},
            {"annotations": {"image_1": [{"classification": {"class": ["car"]}}]}},
            {"annotations": {"image_1": ["car"]}},
            {"annotations": {"image_1": 5}},
            {"annotations": [1]},
        ],
    )
    def test_any_document_can_be_listed(self, http: httpx.Client, live: Live[Any], data: Any) -> None:
        assert submit(http, live, data).status_code == 200
        for path in LISTINGS:
            answer = http.get(path).json()
            assert len(answer["results" if "results" in answer else "data"]) == 1

    @pytest.mark.parametrize("data", [[1], "text", 5])
    def test_what_is_no_document_is_refused(self, http: httpx.Client, live: Live[Any], data: Any) -> None:
        assert submit(http, live, data).json() == {"data": ["Expected a dictionary of items."]}

    def test_a_task_outlives_its_dataset(self, http: httpx.Client, live: Live[Any]) -> None:
        (dataset,) = live.state.home.datasets
        (project,) = live.state.home.projects
        assert http.delete(f"/v2/ground-truth-datasets/{dataset}/").status_code == 204
        assert http.get(f"/projects/{project}/").json()["ground_truth_dataset"] is None
        assert submit(http, live, {}).status_code == 200
        assert [http.get(path).status_code for path in LISTINGS] == [200] * len(LISTINGS)
        assert http.get("/ground_truths/").json()["count"] == 0


def test_many_log_entries_are_made_or_none(http: httpx.Client, live: Live[Any]) -> None:
    job = run(http, live, "deployment").json()["id"]
    good = {"event": "e", "data": {"message": "m"}, "datetime": "2026-01-02T03:04:05Z"}
    assert http.post(f"/v2/jobs/{job}/logs/bulk/", json={"logs": [good, {}]}).status_code == 400
    assert http.get("/v2/job-logs/").json()["data"] == []
    made = http.post(f"/v2/jobs/{job}/logs/bulk/", json={"logs": [good, good]}).json()["data"]
    assert [entry["id"] for entry in http.get(f"/v2/job-logs/?job={job}").json()["data"]] == [one["id"] for one in made]
    assert http.get(f"/jobs/{job}/console_logs/").json()["logs"] == ["m", "m"]
    assert httpx.get(made[0]["file"]).content == b"", "an entry without a file has the address of an empty one"


def test_a_collection_goes_with_its_units(http: httpx.Client, live: Live[Any]) -> None:
    key = http.post("/v2/data-collections/", json={"name": "c"}).json()["data"]["id"]
    http.post("/data_units/", json=[{"data_collection": key, "files": {}}] * 2)
    assert http.delete(f"/v2/data-collections/{key}/").status_code == 204
    assert http.delete(f"/v2/data-collections/{key}/").status_code == 404
    assert http.get("/data_units/").json()["count"] == 1, "the one of the task is of no collection"


def test_a_project_goes_with_its_tasks_and_their_assignments(http: httpx.Client, live: Live[Any]) -> None:
    home = live.state.home
    (task,) = home.tasks.values()
    home.add_assignment(task)
    assert http.delete(f"/v2/projects/{task.project}/").status_code == 204
    assert http.get("/sdk/tasks/").json()["count"] == http.get("/sdk/assignments/").json()["count"] == 0
    assert http.get("/v2/ground-truth-datasets/").json()["data"]


def test_units_are_made_of_files_once_and_all_or_none(http: httpx.Client, live: Live[Any]) -> None:
    wanted = [{"name": "image_1", "file_type": "image", "is_required": True}]
    made = http.post("/v2/data-collections/", json={"name": "c", "file_specifications": wanted}).json()["data"]
    sums = [http.post("/data_files/", files={"file": ("a.png", name)}).json()["checksum"] for name in (b"a", b"b")]
    units = [{"files": {"image_1": {"checksum": one}}} for one in sums]
    held = live.state.home.units
    for wrong in ({"files": {}}, {"files": {"image_2": {"checksum": sums[0]}}}, {"files": {"image_1": {}}}):
        body = {"data_collection": made["id"], "units": [*units, wrong]}
        answer = http.post("/v2/data-units/bulk-create/", json=body)
        assert (answer.status_code, answer.json()["error"]["details"][0]["field"], len(held)) == (400, "files", 1)
    body = {"data_collection": made["id"], "units": units}
    for counts in ((2, 0), (0, 2)):
        answer = http.post("/v2/data-units/bulk-create/", json=body).json()["data"]
        assert (answer["created_count"], answer["reused_count"]) == counts
    assert [one["data_unit_id"] for one in answer["results"]] == list(held)[1:]


def test_units_of_another_collection_are_no_tasks_of_a_project(http: httpx.Client, live: Live[Any]) -> None:
    key = http.post("/v2/data-collections/", json={"name": "c"}).json()["data"]["id"]
    project = http.post("/v2/projects/", json={"title": "p", "data_collection": key}).json()["data"]["id"]
    body = {"project": project, "data_unit_ids": list(live.state.home.units)}
    assert http.post("/v2/tasks/bulk-create/", json=body).status_code == 400


def test_a_tenant_sees_itself_alone(http: httpx.Client, live: Live[Any]) -> None:
    live.state.add_tenant("other")
    assert [tenant["code"] for tenant in http.get("/v2/tenants/").json()["data"]] == ["home"]
    assert http.get("/v2/tenants/home/").json()["data"]["is_active"]
    assert http.get("/v2/tenants/other/").status_code == 404


class TestRuns:
    @pytest.fixture
    def version(self, live: Live[Any]) -> int:
        """A version of the dataset."""
        key: int = live.state.home.add_version(next(iter(live.state.home.datasets)), "1").id
        return key

    def test_a_training_that_stumbles_fails_its_job(self, http: httpx.Client, live: Live[Any], version: int) -> None:
        job = run(http, live, "train", dataset=version, hyperparameters=[{"epochs": "many"}]).json()
        for _ in range(2):
            found = http.get(f"/jobs/{job['id']}/").json()
            assert (found["status"], "many" in found["result"]["error"], found["is_active"]) == ("FAILED", True, False)

    @pytest.mark.parametrize(
        "params", [{"hyperparameters": {"epochs": 2}}, {"hyperparameters": ["epochs"]}, {"checkpoint": [1]}]
    )
    def test_parameters_of_another_form_name_their_field(
        self, http: httpx.Client, live: Live[Any], version: int, params: dict[str, Any]
    ) -> None:
        answer = run(http, live, "train", dataset=version, **params)
        assert (answer.status_code, list(answer.json())) == (400, list(params))

    def test_an_inference_says_what_it_cannot_read(self, http: httpx.Client, live: Live[Any]) -> None:
        media = live.state.media
        model = live.state.home.add_model(name="m", file=media.add("m.zip", b'{"car": {"box": [1], "score": 0.5}}'))
        http.get(f"/jobs/{run(http, live, 'deployment').json()['id']}/")
        assert list(run(http, live, "inference", model=model.id, json={"threshold": "high"}).json()) == ["threshold"]
        assert list(run(http, live, "inference", model=model.id, json="text").json()) == ["json"]
        assert run(http, live, "inference", model=[1]).status_code == 404
        found = run(http, live, "inference", model=model.id, json={"threshold": None}).json()
        assert found["classification"] == {"bounding_box": ["car"]}

    def test_what_is_reported_as_nothing_is_empty(self, http: httpx.Client, live: Live[Any]) -> None:
        job = f"/v2/jobs/{run(http, live, 'deployment').json()['id']}/"
        found = http.patch(job, json={"meta": None, "result": None, "progress_record": None}).json()["data"]
        assert (found["meta"], found["result"], found["progress_record"]) == ({}, {}, {})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/models/", {"name": 5}),
        ("POST", "/models/", {"name": "m", "plugin": ["detector"]}),
        ("POST", "/models/", {"name": "m", "description": 5}),
        ("POST", "/v2/models/", {"name": ["m"]}),
        ("POST", "/v2/ground-truth-datasets/", {"name": 5}),
        ("POST", "/v2/data-collections/", {"name": "c", "file_specifications": ["image_1"]}),
        ("POST", "/v2/data-collections/", {"name": "c", "category": "smells"}),
        ("PUT", "/v2/data-collections/{collection}/", {"description": "neither name nor category"}),
        ("POST", "/v2/jobs/{job}/logs/", {"event": "e", "data": {}, "datetime": 5}),
        ("POST", "/v2/jobs/{job}/logs/", {"event": "e", "data": {}, "datetime": "2026-01-02", "level": "shout"}),
        ("POST", "/v2/jobs/{job}/logs/bulk/", {"logs": [{"event": "e"}]}),
        ("POST", "/v2/jobs/{job}/logs/bulk/", {"logs": [{}] * 1001}),
        ("POST", "/v2/projects/", {"title": "p", "data_collection": 999}),
        ("POST", "/v2/projects/", {"title": "p", "category": "smells"}),
        ("POST", "/v2/data-units/", {"data_collection": 999}),
        ("POST", "/v2/data-units/", {"data_collection": "{collection}", "meta": [1]}),
        ("POST", "/v2/data-units/bulk-create/", {"data_collection": "{collection}", "units": ["a.png"]}),
        ("POST", "/v2/data-units/bulk-create/", {"data_collection": "{collection}", "units": [{}] * 1001}),
        ("POST", "/v2/tasks/", {"project": 999, "data_unit": 1}),
        ("POST", "/v2/tasks/bulk-create/", {"project": 999, "data_unit_ids": [1]}),
        ("POST", "/v2/tasks/bulk-fetch/", {"ids": [1] * 201}),
        ("POST", "/v2/ground-truth-events/bulk-data/", {"pgh_ids": 5}),
        ("POST", "/data_units/", {"data_collection": "{collection}", "files": ["image_1"]}),
        ("POST", "/data_units/", {"data_collection": "{collection}", "files": {"image_1": {"checksum": ["x"]}}}),
        ("POST", "/data_units/", {"data_collection": "{collection}", "files": {"image_1": "x"}}),
        ("POST", "/data_units/", {"data_collection": "{collection}", "files": {}, "meta": [1]}),
        ("POST", "/data_files/presigned_upload/upload/", {"files": ["a.png"]}),
        ("POST", "/data_files/presigned_upload/confirm_upload/", {"files": ["a.png"]}),
        ("POST", "/tasks/", {"project": 1, "data": [5]}),
        ("POST", "/tasks/", {"project": 1, "data": 5}),
        ("POST", "/logs/", {"file": 5}),
        ("PATCH", "/jobs/{job}/", {"console_logs": ["line"]}),
        ("PATCH", "/jobs/{job}/", {"meta": [1]}),
        ("POST", "/plugins/", {"name": 5}),
        ("PUT", "/plugins/detector/", {"name": 5}),
        ("POST", "/plugins/detector/run/", {"action": "train", "params": [1]}),
        ("POST", "/plugin_releases/", {"plugin": 5, "version": "1"}),
        ("POST", "/plugin_releases/", {"plugin": "p", "version": "1", "config": [1]}),
        ("POST", "/serve_applications/", {"job": "{job}", "data": 5}),
        ("POST", "/storages/{storage}/session/", {"purpose": "look"}),
        ("POST", "/storages/{storage}/session/", {}),
    ],
)
def test_fields_of_another_kind_are_named(
    http: httpx.Client, live: Live[Any], method: str, path: str, body: dict[str, Any]
) -> None:
    known = {
        "{collection}": http.post("/v2/data-collections/", json={"name": "c"}).json()["data"]["id"],
        "{job}": run(http, live, "deployment").json()["id"],
        "{storage}": next(iter(live.state.home.storages)),
    }
    for name, key in known.items():
        path = path.replace(name, str(key))
    filled = {name: known.get(value, value) if isinstance(value, str) else value for name, value in body.items()}
    answer = http.request(method, path, json=filled)
    assert answer.status_code == 400, answer.text
    wrong = answer.json()
    named = [one["field"] for one in wrong["error"]["details"]] if "error" in wrong else list(wrong)
    assert set(named) <= {*body, "purpose", "name", "category", "data", "datetime"}


def test_the_code_of_a_plugin_can_stand_in_an_address(http: httpx.Client) -> None:
    made = http.post("/plugins/", json={"name": "Lane / Sign?"}).json()
    assert made["code"] == "lane-sign"
    assert http.get(f"/plugins/{made['code']}/").json() == made


def test_a_storage_is_opened_for_a_purpose(http: httpx.Client, live: Live[Any]) -> None:
    (storage,) = live.state.home.storages.values()
    opened = http.post(f"/storages/{storage.id}/session/", json={"purpose": "read"}).json()
    assert (opened["provider"], opened["configuration"]) == (storage.provider, storage.configuration)
    assert (opened["contract_version"], opened["expires_at"]) == (1, None)
    assert http.post("/storages/999/session/", json={"purpose": "read"}).status_code == 404


def test_what_has_a_name_keeps_one(http: httpx.Client, live: Live[Any]) -> None:
    home = live.state.home
    collection = http.post("/v2/data-collections/", json={"name": "c", "category": "image"}).json()["data"]["id"]
    paths = {
        f"/v2/models/{home.add_model(name='m').id}/": "name",
        f"/v2/plugins/{home.plugins['detector'].id}/": "name",
        f"/v2/data-collections/{collection}/": "name",
        f"/v2/projects/{next(iter(home.projects))}/": "title",
        f"/v2/ground-truth-datasets/{next(iter(home.datasets))}/": "name",
    }
    for path, name in paths.items():
        before = http.get(path).json()["data"]
        for value in ("", None):
            answer = http.patch(path, json={"description": "d", name: value})
            assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, name), path
        assert http.get(path).json()["data"] == before


def test_what_a_model_and_a_plugin_are_is_not_changed(http: httpx.Client, live: Live[Any]) -> None:
    home = live.state.home
    for path in (f"/v2/models/{home.add_model(name='m').id}/", f"/v2/plugins/{home.plugins['detector'].id}/"):
        answer = http.patch(path, json={"name": "new", "category": "export"})
        assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "category")
        assert http.get(path).json()["data"]["name"] != "new"
