"""Data, annotation and plugins in the emulator: what listings are narrowed to, what is refused, and what then stays."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dragoman.emulate import Live, running
from dragoman_synapse.emulator import create

COUNT = 4


@pytest.fixture
def live() -> Iterator[Live[Any]]:
    """A fresh emulator with a project of four tasks."""
    with running(create()) as live:
        home = live.state.home
        home.add_dataset("d")
        for number in range(COUNT):
            unit = home.add_unit({"image_1": home.media.add(f"{number}.png", b"picture")}, groups=["a"])
            home.add_task(next(iter(home.projects)), unit)
        yield live


@pytest.fixture
def ids(live: Live[Any]) -> list[int]:
    """The ids of the tasks."""
    return list(live.state.home.tasks)


def listed(http: httpx.Client, query: str) -> list[int]:
    """The ids on the first page of tasks."""
    return [task["id"] for task in http.get(f"/sdk/tasks/?{query}").json()["results"]]


class TestListings:
    def test_ids_are_given_with_commas_by_repetition_or_excluded(self, http: httpx.Client, ids: list[int]) -> None:
        first, second, *others = ids
        assert listed(http, f"id__in={first},{second}") == listed(http, f"ids={first}&ids={second}") == [first, second]
        assert listed(http, f"ids_ex={first},{second}") == others

    @pytest.mark.parametrize(("how", "kept"), [("gt", 1), ("gte", 2), ("lt", 2), ("lte", 3)])
    def test_fields_are_compared(self, http: httpx.Client, ids: list[int], how: str, kept: int) -> None:
        assert len(listed(http, f"id__{how}={ids[2]}")) == kept
        assert len(listed(http, f"created__{how}=2000-01-01")) == (COUNT if how.startswith("g") else 0)

    def test_booleans_and_tags_narrow(self, http: httpx.Client, live: Live[Any], ids: list[int]) -> None:
        tag = live.state.home.add_tag("dark")
        live.state.home.tasks[ids[0]].tags.add(tag.id)
        live.state.home.tasks[ids[1]].is_discarded = True
        assert listed(http, f"tags={tag.id}") == ids[:1]
        assert listed(http, "is_discarded=True") == ids[1:2]

    def test_an_order_is_followed_and_an_unknown_filter_is_passed_over(
        self, http: httpx.Client, ids: list[int]
    ) -> None:
        assert listed(http, "ordering=-id&nonsense=1") == ids[::-1]

    @pytest.mark.parametrize("query", ["id__lt=x", "created__gt=soon", "is_discarded=maybe"])
    def test_what_cannot_be_read_names_its_field(self, http: httpx.Client, query: str) -> None:
        answer = http.get(f"/sdk/tasks/?{query}")
        assert (answer.status_code, list(answer.json())) == (400, [query.partition("=")[0]])

    def test_cursors_lead_on_without_a_count(self, http: httpx.Client, ids: list[int]) -> None:
        page = http.get("/sdk/tasks/?pagination=cursor&page_size=3&fields=id").json()
        assert "count" not in page
        rest = http.get(page["next"]).json()
        assert ([*page["results"], *rest["results"]], rest["next"]) == ([{"id": key} for key in ids], None)

    def test_fields_and_expansions_are_chosen(self, http: httpx.Client, ids: list[int]) -> None:
        task = http.get(f"/tasks/{ids[0]}/?fields=id,data_unit&expand=data_unit").json()
        assert set(task) == {"id", "data_unit"}
        assert httpx.get(task["data_unit"]["files"]["image_1"]["url"]).content == b"picture"


class TestTags:
    def test_all_or_none_are_tagged(self, http: httpx.Client, live: Live[Any], ids: list[int]) -> None:
        tag = live.state.home.add_tag("dark").id
        for wrong in ({"ids": [ids[0], 999]}, {"tags": [tag, 999]}, {"action": "paint"}, {"ids": None}):
            body = {"ids": ids[:1], "tags": [tag], "action": "add", **wrong}
            assert http.post("/tasks/set_tags/", json=body).status_code == 400
        assert not any(task.tags for task in live.state.home.tasks.values())

    def test_tags_of_an_assignment_are_not_those_of_its_task(self, http: httpx.Client, live: Live[Any]) -> None:
        home = live.state.home
        task, tag = next(iter(home.tasks.values())), home.add_tag("dark").id
        held = home.add_assignment(task, user=7)
        assert http.post("/assignments/set_tags/", json={"ids": [held.id], "tags": [tag]}).status_code == 200
        assert (held.tags, task.tags) == ({tag}, set())
        (found,) = http.get("/sdk/assignments/?users=7").json()["results"]
        assert (found["tags"], found["file"]["file_name_original"]) == ([tag], "0.png")


class TestUnits:
    def test_many_are_made_or_none(self, http: httpx.Client, live: Live[Any]) -> None:
        collection = http.post("/v2/data-collections/", json={"name": "c"}).json()["data"]["id"]
        good = {"data_collection": collection, "files": {}, "groups": ["outer", "inner"]}
        wrong = {"data_collection": collection, "files": {"image_1": {"checksum": "none"}}}
        assert http.post("/data_units/", json=[good, wrong]).status_code == 400
        assert http.post("/data_units/", json=[good, "text"]).status_code == 400
        assert len(live.state.home.units) == COUNT
        (made,) = http.post("/data_units/", json=[good]).json()["results"]
        assert http.get("/data_units/?groups=inner").json()["results"] == [made]

    def test_a_form_without_a_file_is_refused(self, http: httpx.Client) -> None:
        answer = http.post("/data_files/", files={"filename": (None, "a.png")})
        assert (answer.status_code, answer.json()) == (400, {"file": ["No file was submitted."]})


class TestRecords:
    def test_a_plugin_and_its_releases_are_found_by_id(self, http: httpx.Client) -> None:
        (plugin,) = http.get("/v2/plugins/?category=neural_net").json()["data"]
        (release,) = http.get(f"/v2/plugin-releases/?plugin={plugin['id']}").json()["data"]
        found = http.get(f"/v2/plugin-releases/{release['id']}/").json()["data"]
        assert (found["plugin"]["code"], found["version"]) == ("detector", "1.0.0")
        assert http.get("/v2/plugins/detector/").status_code == 404
        assert http.delete(f"/v2/plugin-releases/{release['id']}/").status_code == 204
        assert http.get(f"/v2/plugin-releases/{release['id']}/").status_code == 404

    def test_what_an_annotator_made_is_replaced(self, http: httpx.Client, live: Live[Any], ids: list[int]) -> None:
        held = live.state.home.add_assignment(live.state.home.tasks[ids[0]])
        path = f"/v2/assignments/{held.id}/"
        assert http.put(f"{path}data/", json={"data": [1]}).status_code == 400
        assert http.put(f"{path}data/", json={"data": {"a": 0}}).json()["data"]["data"] == {"a": 0}
        assert http.get(f"/v2/assignments/?task={ids[0]}").json()["data"][0]["task_id"] == ids[0]
        (fetched,) = http.post("/v2/assignments/bulk-fetch/", json={"ids": [0, held.id]}).json()["data"]
        assert (fetched["data"], list(fetched["files_manifest"])) == ({"a": 0}, ["image_1"])
        assert http.put(f"{path}data/", json={}).json()["data"]["data"] is None


class TestTrials:
    def test_what_is_tried_out_is_answered_and_not_kept(self, http: httpx.Client, live: Live[Any]) -> None:
        form = {"name": "street", "category": "image"}
        tried = http.post("/v2/data-collections/?dry_run=true", json=form)
        assert (tried.status_code, tried.json()["data"]["name"]) == (201, "street")
        assert live.state.home.collections == {}
        kept = http.post("/v2/data-collections/?dry_run=false", json=form).json()["data"]["id"]
        wanted = {"data_collection": kept, "units": [{"files": {}}]}
        made = http.post("/v2/data-units/bulk-create/?dry_run=true", json=wanted).json()["data"]
        assert (made["created_count"], len(live.state.home.units)) == (1, COUNT)

    def test_what_is_refused_is_refused_on_trial_too(self, http: httpx.Client) -> None:
        assert http.post("/v2/data-collections/?dry_run=true", json={}).status_code == 400
        assert http.get("/v2/data-collections/?dry_run=maybe").status_code == 400

    def test_a_model_and_its_file_outlive_a_trial_of_deleting_it(self, http: httpx.Client, live: Live[Any]) -> None:
        home = live.state.home
        model = home.add_model(name="m", file=home.media.add("weights", b"weights"))
        assert http.delete(f"/v2/models/{model.id}/?dry_run=true").status_code == 204
        assert http.get(http.get(f"/models/{model.id}/").json()["file"]).content == b"weights"


class TestStorage:
    @pytest.fixture
    def place(self, http: httpx.Client, live: Live[Any]) -> dict[str, Any]:
        """Addresses for a file of seven bytes, in parts of three."""
        live.state.home.part_bytes = 3
        body = {"files": [{"filename": "a.bin", "size": 7}], "expiration": 60}
        found: dict[str, Any] = http.post("/data_files/presigned_upload/upload/", json=body).json()["files"][0]
        return found

    def confirm(self, http: httpx.Client, place: dict[str, Any], **facts: Any) -> dict[str, Any]:
        """Confirm the file."""
        given = {"file_key": place["file_key"], "checksum": hashlib.sha1(b"1234567").hexdigest(), "size": 7, **facts}
        answer = http.post("/data_files/presigned_upload/confirm_upload/", json={"files": [given]}).json()
        result: dict[str, Any] = answer["results"][0]
        assert answer["created_count"] == result["success"]
        return result

    def test_a_file_is_there_when_all_its_parts_are(self, http: httpx.Client, place: dict[str, Any]) -> None:
        tags = []
        for part, content in zip(place["multipart"]["parts"], (b"123", b"456", b"7"), strict=True):
            assert "not in the storage" in self.confirm(http, place)["error"]
            tags.append(httpx.put(part["presigned_url"], content=content).headers["ETag"])
        parts = [{"part_number": number, "etag": tag} for number, tag in enumerate(tags, start=1)]
        swapped = [{"part_number": 1, "etag": tags[1]}]
        assert "another tag" in self.confirm(http, place, multipart={"parts": swapped})["error"]
        assert "checksum" in self.confirm(http, place, checksum="0")["error"]
        assert "7 bytes" in self.confirm(http, place, size=8)["error"]
        checksum = self.confirm(http, place, multipart={"parts": parts})["checksum"]
        known = http.post("/data_files/verify_checksums/", json={"checksums": [checksum, "other"]}).json()
        assert known == {"existing_checksums": [checksum]}
        assert "no such file key" in self.confirm(http, place)["error"]

    def test_an_address_needs_its_signature_and_expires(self, http: httpx.Client, place: dict[str, Any]) -> None:
        url = place["multipart"]["parts"][0]["presigned_url"]
        assert httpx.put(url.partition("?")[0], content=b"123").status_code == 403
        assert httpx.put(url.replace("/1?", "/9?"), content=b"123").status_code == 404
        body = {"files": [{"filename": "a.bin", "size": 1}], "expiration": -1}
        late = http.post("/data_files/presigned_upload/upload/", json=body).json()["files"][0]["presigned_url"]
        assert httpx.put(late, content=b"1").status_code == 403


class TestPlugins:
    def test_what_a_published_plugin_does_is_not_known_so_its_job_waits_for_reports(
        self, http: httpx.Client, live: Live[Any]
    ) -> None:
        release = {"plugin": "tracker", "version": "0.1", "config": {"name": "Tracker", "actions": {"track": {}}}}
        assert http.post("/plugin_releases/", json=release).json()["plugin"]["name"] == "Tracker"
        assert list(http.post("/plugin_releases/", json=release).json()) == ["version"]
        run = {"agent": next(iter(live.state.home.agents)), "action": "track"}
        assert http.post("/plugins/tracker/run/", json={**run, "version": "9"}).status_code == 400
        job = f"/jobs/{http.post('/plugins/tracker/run/', json=run).json()['id']}/"
        assert [http.get(job).json()["status"] for _ in range(3)] == ["PENDING"] * 3
        http.patch(job, json={"status": "SUCCEEDED", "result": {"tracks": 3}})
        found = http.get(job).json()
        assert (found["result"], found["is_active"], found["completed"] is None) == ({"tracks": 3}, False, False)

    def test_messages_are_lines_of_the_console_and_metrics_are_not(self, http: httpx.Client, live: Live[Any]) -> None:
        run = {"agent": next(iter(live.state.home.agents)), "action": "deployment"}
        job = http.post("/plugins/detector/run/", json=run).json()["id"]
        message = {"event": "message", "data": {"content": "hello"}, "job": job}
        metric = {"event": "metric", "data": {"key": "loss", "value": 1}, "job": job}
        assert len(http.post("/logs/", json=[message, metric]).json()["results"]) == 2
        assert http.get(f"/jobs/{job}/console_logs/").json()["logs"] == ["hello"]
        for wrong in ({"job": "none"}, {"file": "data:nothing"}, {"file": "data:image/png;base64,?"}):
            assert http.post("/logs/", json={"message": "x", **wrong}).status_code == 400
