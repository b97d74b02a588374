"""The emulator by itself: access, pages and spellings, uploads, and the way from data to ground truth."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dragoman.conformance.difficult import png
from dragoman.emulate import Live, running
from dragoman_synapse.emulator import create

PROGRAM = "from dragoman.emulate import serve; from dragoman_synapse.emulator import create; serve(create())"


@pytest.fixture
def live() -> Iterator[Live[Any]]:
    """A fresh emulator."""
    with running(create()) as live:
        yield live


def chunk(http: httpx.Client, url: str, content: bytes, first: int, total: int) -> httpx.Response:
    """Send a chunk as the SDK does."""
    span = f"bytes {first}-{first + len(content) - 1}/{total}"
    return http.put(url, data={"filename": "f.bin"}, files={"file": content}, headers={"Content-Range": span})


class TestAccess:
    @pytest.mark.parametrize("path", ["/models/", "/v2/models/", "/ground_truths/", "/v2/jobs/"])
    def test_nothing_is_shown_without_a_token(self, live: Live[Any], path: str) -> None:
        assert httpx.get(live.url + path).status_code == 401
        assert httpx.get(live.url + path, headers={"Synapse-Access-Token": b"Token n\xf6"}).status_code == 401

    @pytest.mark.parametrize("path", ["/models/", "/v2/models/"])
    @pytest.mark.parametrize("grammar", ["Token {}", "{}"])
    def test_both_grammars_are_taken_by_both_interfaces(self, live: Live[Any], path: str, grammar: str) -> None:
        headers = {"SYNAPSE-ACCESS-TOKEN": grammar.format(live.credentials["access_token"])}
        for tenant in ("home", "Token home"):
            assert httpx.get(live.url + path, headers={**headers, "SYNAPSE-Tenant": tenant}).status_code == 200
        assert httpx.get(live.url + path, headers={**headers, "SYNAPSE-Tenant": "other"}).status_code == 403

    def test_what_is_not_emulated_is_no_missing_object(self, http: httpx.Client) -> None:
        assert (
            http.get("/v2/experiments/").json()["error"]["message"]
            == "The emulator does not serve GET /v2/experiments/."
        )
        assert http.get("/v2/experiments/").status_code == 501
        assert http.delete("/models/1/").status_code == 501

    def test_a_file_needs_its_signature(self, live: Live[Any], http: httpx.Client) -> None:
        live.state.home.add_model(name="m", file=live.state.media.add("w.bin", b"weights"))
        url = http.get("/models/").json()["results"][0]["file"]
        assert httpx.get(url).content == b"weights"
        assert httpx.get(url.partition("?")[0]).status_code == 403


class TestQueries:
    @pytest.fixture(autouse=True)
    def models(self, live: Live[Any]) -> None:
        """Five models, two of them in use."""
        for number in range(5):
            live.state.home.add_model(name=f"m{number}", extra={"is_active": number < 2})

    @pytest.mark.parametrize("yes", ["true", "True", "1"])
    @pytest.mark.parametrize("no", ["false", "False", "0"])
    def test_booleans_in_both_spellings(self, http: httpx.Client, yes: str, no: str) -> None:
        assert http.get(f"/models/?is_active={yes}").json()["count"] == 2
        assert http.get(f"/models/?is_active={no}").json()["count"] == 3

    @pytest.mark.parametrize("query", ["is_active=maybe", "created_after=soon", "page=x", "page_size=0"])
    def test_what_cannot_be_read_names_its_field(self, http: httpx.Client, query: str) -> None:
        answer = http.get(f"/models/?{query}")
        assert (answer.status_code, list(answer.json())) == (400, [query.partition("=")[0]])

    def test_pages_lead_to_each_other(self, http: httpx.Client) -> None:
        page = http.get("/models/?page_size=2&search=m").json()
        names = [model["name"] for model in page["results"]]
        while page["next"]:
            page = http.get(page["next"]).json()
            names += [model["name"] for model in page["results"]]
        assert names == ["m4", "m3", "m2", "m1", "m0"]
        assert http.get("/models/?page=9").status_code == 404

    def test_cursors_lead_on(self, http: httpx.Client, live: Live[Any]) -> None:
        live.settings.page_limit = 3
        page = http.get("/v2/models/").json()
        assert len(page["data"]) == 3
        assert len(http.get(page["meta"]["pagination"]["next_cursor"]).json()["data"]) == 2

    def test_errors_of_the_second_interface_are_in_an_envelope(self, http: httpx.Client) -> None:
        answer = http.get("/v2/models/999/").json()
        assert answer["error"]["code"] == "NOT_FOUND"
        assert answer["meta"]["request_id"]


class TestUploads:
    def test_a_file_arrives_in_chunks(self, http: httpx.Client, live: Live[Any]) -> None:
        content = bytes(range(256)) * 10
        opened = chunk(http, "/chunked_upload/", content[:1000], 0, len(content)).json()
        assert (opened["offset"], opened["completed_at"]) == (1000, None)
        assert chunk(http, opened["url"], content[1000:], 1000, len(content)).json()["offset"] == len(content)
        done = http.post(opened["url"], json={"md5": hashlib.md5(content).hexdigest()}).json()
        assert (done["size"], done["status"]) == (len(content), 2)
        made = http.post("/models/", json={"name": "m", "chunked_upload": done["id"]}).json()
        assert httpx.get(made["file"]).content == content
        assert http.get(f"/chunked_upload/{done['id']}/").json()["completed_at"]

    def test_what_does_not_fit_is_refused(self, http: httpx.Client) -> None:
        opened = chunk(http, "/chunked_upload/", b"12345", 0, 10).json()
        again = chunk(http, opened["url"], b"12345", 0, 10)
        assert (again.status_code, again.json()["offset"]) == (400, 5)
        longer = http.put(opened["url"], files={"file": b"123"}, headers={"Content-Range": "bytes 5-9/10"})
        assert longer.status_code == 400
        assert http.put(opened["url"], files={"file": b"123"}).status_code == 400
        assert http.put(opened["url"], content=b"123", headers={"Content-Range": "bytes 5-7/10"}).status_code == 400
        assert http.post(opened["url"], json={"md5": "x"}).status_code == 400
        assert http.post("/models/", json={"name": "m", "chunked_upload": opened["id"]}).status_code == 400
        assert chunk(http, opened["url"], b"67890", 5, 10).status_code == 200
        assert http.post(opened["url"], json={"md5": "x"}).json() == {"md5": ["md5 checksum does not match"]}
        assert http.post(opened["url"], json={"md5": hashlib.md5(b"1234567890").hexdigest()}).status_code == 200
        assert chunk(http, opened["url"], b"1", 10, 11).status_code == 400

    def test_an_upload_is_gone_after_a_day(self, http: httpx.Client, live: Live[Any]) -> None:
        opened = chunk(http, "/chunked_upload/", b"12345", 0, 10).json()
        live.state.home.upload_seconds = -1
        assert http.get(f"/chunked_upload/{opened['id']}/").status_code == 410

    def test_uploads_of_another_tenant_are_not_there(self, http: httpx.Client, live: Live[Any]) -> None:
        opened = chunk(http, "/chunked_upload/", b"12345", 0, 10).json()
        live.state.add_tenant("other")
        live.state.tokens["t2"] = "other"
        headers = {"Synapse-Access-Token": "Token t2"}
        assert httpx.get(opened["url"], headers=headers).status_code == 404

    def test_the_second_interface_takes_a_model_in_one_form(self, http: httpx.Client, live: Live[Any]) -> None:
        base = live.state.home.add_model(name="base")
        (release,) = live.state.home.plugins["detector"].releases
        form = {"name": "m", "plugin": f"{release.id}", "configuration": json.dumps({"lr": 0.1}), "is_external": "true"}
        made = http.post("/v2/models/", data={**form, "checkpoint": base.id}, files={"file": ("w.bin", b"weights")})
        assert (made.status_code, made.json()["data"]["is_external"]) == (201, True)
        found = http.get(f"/models/{made.json()['data']['id']}/").json()
        assert (found["configuration"], httpx.get(found["file"]).content) == ({"lr": 0.1}, b"weights")
        assert (found["plugin"], found["version"], found["checkpoint"]) == ("detector", "1.0.0", base.id)
        assert http.delete(f"/v2/models/{base.id}/").status_code == 409

    def test_the_second_interface_takes_a_model_without_a_file_in_either_form(self, http: httpx.Client) -> None:
        facts = {"name": "ü & m", "description": "a=b"}
        for send in ({"json": facts}, {"data": facts | {"name": "other"}}):
            assert http.post("/v2/models/", **send).status_code == 201
        assert [model["name"] for model in http.get("/models/").json()["results"]] == ["other", "ü & m"]

    @pytest.mark.parametrize("facts", [{"plugin": "999"}, {"plugin": "detector"}, {"checkpoint": "999"}])
    def test_the_second_interface_refuses_what_a_model_cannot_come_from(
        self, http: httpx.Client, facts: dict[str, str]
    ) -> None:
        answer = http.post("/v2/models/", json={"name": "m", **facts})
        assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, *facts)
        assert http.get("/models/").json()["count"] == 0


class TestReview:
    """Data becomes ground truth through tasks that somebody approves."""

    @pytest.fixture
    def task(self, http: httpx.Client) -> dict[str, Any]:
        """A task on a picture, in the project of a dataset."""
        dataset = http.post("/v2/ground-truth-datasets/", json={"name": "d"}).json()["data"]
        collection = http.post("/v2/data-collections/", json={"name": "c"}).json()["data"]
        file = http.post("/data_files/", files={"file": ("a.png", png(1))}).json()
        files = {"image_1": {"checksum": file["checksum"], "path": "a.png"}}
        unit = http.post("/data_units/", json={"data_collection": collection["id"], "files": files, "meta": {"n": 1}})
        body = {"project": dataset["project_id"], "data": [{"data_unit": unit.json()["id"]}]}
        (task,) = http.post("/tasks/", json=body).json()["results"]
        return {**task, "dataset": dataset["id"]}

    def document(self, key: str) -> dict[str, Any]:
        """An annotation document of one box."""
        return {
            "annotations": {"image_1": [{"id": key, "tool": "bounding_box", "classification": {"class": "car"}}]},
            "annotationsData": {"image_1": [{"id": key, "coordinate": {"x": 1, "y": 2, "width": 3, "height": 4}}]},
        }

    def test_only_what_was_approved_is_ground_truth(
        self, http: httpx.Client, live: Live[Any], task: dict[str, Any]
    ) -> None:
        url, listing = (
            f"/tasks/{task['id']}/annotate_task_data/",
            f"/ground_truths/?ground_truth_dataset={task['dataset']}",
        )
        http.put(url, json={"action": "submit", "data": self.document("a")})
        assert http.get(listing).json()["count"] == 0
        live.state.home.review_automatically = True
        http.put(url, json={"action": "save", "data": self.document("a")})
        assert http.get(listing).json()["count"] == 0
        http.put(url, json={"action": "submit", "data": self.document("a")})
        (truth,) = http.get(listing).json()["results"]
        assert (truth["data"], truth["classes"], truth["category"]) == ({"n": 1}, ["car"], "train")
        assert httpx.get(truth["files"]["data_meta_1"]["url"]).json() == self.document("a")

    def test_a_later_approval_replaces_the_state_and_versions_keep_theirs(
        self, http: httpx.Client, live: Live[Any], task: dict[str, Any]
    ) -> None:
        live.state.home.review_automatically = True
        url, dataset = f"/tasks/{task['id']}/annotate_task_data/", task["dataset"]
        http.put(url, json={"action": "submit", "data": self.document("a")})
        version = http.post(f"/v2/ground-truth-datasets/{dataset}/versions/", json={"version": "1"}).json()["data"]
        http.put(url, json={"action": "submit", "data": self.document("b")})
        frozen = http.get(f"/sdk/ground_truth_events/data/?ground_truth_dataset_versions={version['id']}").json()
        assert frozen["results"][0]["data"] == self.document("a")
        latest = http.get("/sdk/ground_truth_events/?fields=data&fields=category").json()["results"]
        assert latest == [{"data": self.document("b"), "category": "train"}]
        listed = http.get(f"/v2/ground-truth-datasets/{dataset}/versions/{version['id']}/events/").json()["data"]
        bulk = http.post("/v2/ground-truth-events/bulk-data/", json={"pgh_ids": [listed[0]["pgh_id"]]}).json()
        assert bulk["data"][0]["data"] == self.document("a")

    def test_a_document_of_another_form_is_refused_unless_any_will_do(
        self, http: httpx.Client, task: dict[str, Any]
    ) -> None:
        url, body = f"/tasks/{task['id']}/annotate_task_data/", {"action": "save", "data": {"annotations": [1]}}
        assert http.put(url, json=body).status_code == 400
        assert http.put(f"{url}?schema=any", json=body).status_code == 200


class TestRuns:
    def run(self, http: httpx.Client, live: Live[Any], action: str, **params: Any) -> httpx.Response:
        """Run an action of the plugin on its agent."""
        agent = next(iter(live.state.home.agents))
        return http.post("/plugins/detector/run/", json={"agent": agent, "action": action, "params": params})

    def test_what_cannot_be_run_is_refused(self, http: httpx.Client, live: Live[Any]) -> None:
        assert http.post("/plugins/none/run/", json={"action": "train"}).status_code == 404
        assert http.post("/plugins/detector/run/", json={"action": "train", "agent": 999}).status_code == 400
        assert http.post("/plugins/detector/run/", json={"action": "train", "colour": 1}).status_code == 400
        assert self.run(http, live, "dance").json() == {"action": ['"dance" is not a valid choice.']}
        assert self.run(http, live, "train", dataset=999).status_code == 400
        assert self.run(http, live, "inference").status_code == 503

    def test_a_recorded_stop_stops_nothing_and_a_real_one_does(self, http: httpx.Client, live: Live[Any]) -> None:
        live.state.home.plugins["detector"].deploy_seconds = 1000
        job = self.run(http, live, "deployment").json()
        assert http.patch(f"/jobs/{job['id']}/", json={"status": "stopped"}).status_code == 400
        assert http.post(f"/v2/jobs/{job['id']}/stop/").json()["data"]["status"] == "STOPPED"
        assert http.post(f"/v2/jobs/{job['id']}/stop/").json()["error"]["code"] == "INVALID_STATE"

    def test_what_was_seen_running_can_be_stopped(self, http: httpx.Client, live: Live[Any]) -> None:
        job = self.run(http, live, "deployment").json()
        assert http.get(f"/jobs/{job['id']}/").json()["status"] == "RUNNING"
        assert http.post(f"/v2/jobs/{job['id']}/stop/").json()["data"]["status"] == "STOPPED"

    def test_trainings_have_records_of_their_own(self, http: httpx.Client, live: Live[Any]) -> None:
        dataset = live.state.home.add_dataset("d")
        version = live.state.home.add_version(dataset.id, "1")
        live.settings.job_polls = 0
        job = self.run(http, live, "train", dataset=version.id).json()
        (listed,) = http.get("/v2/trains/").json()["data"]
        assert (listed["job_id"], listed["job_status"]) == (job["id"], "PENDING")
        record = http.get(f"/v2/trains/{listed['id']}/").json()["data"]
        assert (record["ground_truth_dataset_version"], record["job"]["status"]) == (version.id, "SUCCEEDED")
        assert len(http.get("/v2/trains/?has_model=true").json()["data"]) == 1
        assert http.get(f"/v2/trains/{job['id']}/").status_code == 404


def test_it_announces_itself_serves_and_stops_cleanly() -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        announced = json.loads(started.stdout.readline())
        headers = {"Synapse-Access-Token": f"Token {announced['credentials']['access_token']}"}
        assert httpx.get(f"{announced['url']}/models/", headers=headers).json()["count"] == 0
        started.send_signal(signal.SIGTERM)
        rest, complaints = started.communicate(timeout=30)
        assert (started.returncode, rest, complaints) == (0, "", "")


def test_two_emulations_give_files_different_addresses() -> None:
    one, two = create().state.media, create().state.media
    assert one.add("a", b"").key != two.add("a", b"").key
