"""What listings are asked for in a query, in both interfaces: rows, their order and their fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from dragoman.emulate import Live, running
from dragoman_synapse.emulator import create

EVENTS, TRUTHS, VERSIONS = "/sdk/ground_truth_events/", "/ground_truths/", "/ground_truth_dataset_versions/"


@pytest.fixture
def live() -> Iterator[Live[Any]]:
    """A fresh emulator with two datasets, the first with a picture more and two versions."""
    with running(create()) as live:
        home = live.state.home
        for name, pictures in (("first", 2), ("second", 1)):
            dataset = home.add_dataset(name)
            for _ in range(pictures):
                home.add_truth(dataset.id, home.add_unit({"image_1": home.media.add("a.png", b"picture")}), {})
        first, second = home.datasets
        for dataset, version in ((first, "1"), (first, "2"), (second, "1")):
            home.add_version(dataset, version)
        yield live


def ids(http: httpx.Client, path: str) -> list[int]:
    """The ids on a page of either interface."""
    answer = http.get(path).json()
    return [row["id"] for row in answer["results" if "results" in answer else "data"]]


class TestFirst:
    """The first interface."""

    @pytest.mark.parametrize("path", [EVENTS, TRUTHS])
    @pytest.mark.parametrize("name", ["ground_truth_dataset_versions", "ground_truth_dataset_version"])
    def test_versions_are_named_in_the_singular_or_the_plural(
        self, http: httpx.Client, live: Live[Any], path: str, name: str
    ) -> None:
        *_, last = live.state.home.versions
        assert http.get(f"{path}?{name}={last}").json()["count"] == 1
        answer = http.get(f"{path}?{name}=999")
        assert (answer.status_code, list(answer.json())) == (400, [name])

    @pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}data/", f"{EVENTS}files/", TRUTHS])
    def test_what_several_versions_froze_is_there_once(self, http: httpx.Client, live: Live[Any], path: str) -> None:
        named = "&".join(f"ground_truth_dataset_versions={key}" for key in live.state.home.versions)
        assert ids(http, f"{path}?{named}") == ids(http, path)

    def test_events_are_ordered_as_the_sdk_s_export_asks(self, http: httpx.Client) -> None:
        found = ids(http, f"{EVENTS}?pagination=cursor&ordering=-pgh_id")
        assert found == ids(http, EVENTS)[::-1]

    @pytest.mark.parametrize(
        "path", ["/models/", TRUTHS, VERSIONS, "/jobs/", "/data_collections/", "/plugin_releases/"]
    )
    def test_every_listing_follows_fields_and_an_order(self, http: httpx.Client, live: Live[Any], path: str) -> None:
        home = live.state.home
        for name in ("a", "b"):
            home.add_model(name=name)
            home.add_release(home.plugins["detector"], name)
            http.post("/v2/data-collections/", json={"name": name})
            run = {"agent": next(iter(home.agents)), "action": "deployment"}
            http.post("/plugins/detector/run/", json=run)
        rows = http.get(f"{path}?fields=id&ordering=id").json()["results"]
        assert all(set(row) == {"id"} for row in rows)
        assert rows == sorted(rows, key=lambda row: row["id"])
        assert http.get(f"{path}?fields=id&ordering=-id").json()["results"] == rows[::-1]

    def test_one_thing_is_shown_by_its_fields(self, http: httpx.Client, live: Live[Any]) -> None:
        model = live.state.home.add_model(name="m")
        assert http.get(f"/models/{model.id}/?fields=id,name").json() == {"id": model.id, "name": "m"}
        assert http.get(f"{VERSIONS}{next(iter(live.state.home.versions))}/?fields=version").json() == {"version": "1"}

    @pytest.mark.parametrize("query", ["ordering=project", "project__gt=1", "ordering=-project,id"])
    def test_rows_without_a_field_are_in_the_order_too(self, http: httpx.Client, live: Live[Any], query: str) -> None:
        project = next(iter(live.state.home.projects))
        live.state.home.add_tag("everywhere")
        live.state.home.add_tag("here", project)
        assert http.get(f"/task_tags/?{query}").json()["results"][-1]["name"] in ("everywhere", "here")

    def test_many_values_are_not_compared(self, http: httpx.Client, live: Live[Any]) -> None:
        home = live.state.home
        home.add_task(next(iter(home.projects)), next(iter(home.units.values()))).tags.add(home.add_tag("dark").id)
        assert http.get("/sdk/tasks/?tags__gt=0").json()["count"] == 0


class TestSecond:
    """The second interface."""

    def test_released_models_are_told_apart(self, http: httpx.Client, live: Live[Any]) -> None:
        made = [live.state.home.add_model(name=name) for name in "ab"]
        made[0].is_released = True
        assert ids(http, "/v2/models/?is_released=true") == [made[0].id]
        assert ids(http, "/v2/models/?is_released=false&sort=-id") == [made[1].id]

    @pytest.mark.parametrize("path", ["/v2/ground-truths/", "/v2/ground-truth-events/", "/v2/ground-truth-datasets/"])
    def test_a_project_narrows(self, http: httpx.Client, live: Live[Any], path: str) -> None:
        first, second = live.state.home.projects
        count = len(ids(http, f"{path}?project={first}"))
        assert count == len(ids(http, path)) - 1
        assert len(ids(http, f"{path}?project={second}")) == 1
        assert ids(http, f"{path}?project=999") == []

    @pytest.mark.parametrize(
        ("path", "name", "key"),
        [("/v2/ground-truths/", "ids", "id"), ("/v2/ground-truth-events/", "pgh_ids", "pgh_id")],
    )
    def test_what_is_fetched_in_bulk_comes_in_the_order_of_its_ids(
        self, http: httpx.Client, path: str, name: str, key: str
    ) -> None:
        known = [row[key] for row in http.get(path).json()["data"]]
        for wanted in (known, known[::-1]):
            answer = http.post(f"{path}bulk-data/", json={name: [*wanted, 999]}).json()["data"]
            assert [row[key] for row in answer] == wanted

    @pytest.mark.parametrize(
        ("query", "kept"),
        [
            ("experiment=7", [1]),
            ("search=CAR", [1]),
            ("job__status=FAILED", [0]),
            ("created_after=2999-01-01", []),
            ("created_before=2999-01-01&sort=created", [0, 1]),
            ("sort=-created", [1, 0]),
        ],
    )
    def test_trainings_are_found(self, http: httpx.Client, live: Live[Any], query: str, kept: list[int]) -> None:
        version = next(iter(live.state.home.versions))
        run = {"agent": next(iter(live.state.home.agents)), "action": "train"}
        for params in ({}, {"experiment": 7, "name": "cars"}):
            http.post("/plugins/detector/run/", json={**run, "params": {"dataset": version, **params}})
        jobs = list(live.state.home.jobs.values())
        http.patch(f"/jobs/{jobs[0].id}/", json={"status": "FAILED"})
        assert ids(http, f"/v2/trains/?{query}&dataset={version}") == [jobs[number].number for number in kept]
        assert ids(http, f"/v2/trains/?{query}&dataset=999") == []
