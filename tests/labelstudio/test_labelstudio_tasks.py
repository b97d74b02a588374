"""Tasks are read in the order of their numbers whatever the page size, and found by the keys of their items."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest
from labelstudio_said import client_of

from dragoman.formats.labelstudio.config import read_config
from dragoman_labelstudio.client import LabelStudioClient
from dragoman_labelstudio.tasks import LIGHT, PART, Index, chosen, page, present

CONFIG = read_config(b'<View><Image name="img" value="$photo"/></View>')


class Manager:
    """A data manager's answers over some tasks, by number; it gives no more of them at once than `cap`."""

    def __init__(self, tasks: dict[int, dict[str, Any]], cap: int = 1000) -> None:
        self.tasks = tasks
        self.cap = cap
        self.asked: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        query = msgspec.json.decode(request.url.params["query"])
        self.asked.append(query)
        assert query["ordering"] == ["tasks:id"]
        (above,) = query["filters"]["items"]
        selected = query.get("selectedItems", {}).get("included", self.tasks)
        numbers = [number for number in sorted(self.tasks) if number > above["value"] and number in selected]
        size = min(int(request.url.params["page_size"]), self.cap)
        return httpx.Response(200, json={"tasks": [{"id": n, **self.tasks[n]} for n in numbers[:size]]})

    @property
    def client(self) -> LabelStudioClient:
        return client_of(self)


def keyed(key: str) -> dict[str, Any]:
    return {"data": {"photo": f"https://example.com/{key}", "external_id": key}}


@pytest.mark.parametrize("cap", [1, 3, 1000])
def test_chosen_tasks_are_all_found_though_pages_are_small(cap: int) -> None:
    manager = Manager({number: keyed(str(number)) for number in range(1, 11)}, cap)
    assert sorted(chosen(manager.client, "1", [9, 2, 5, 77], LIGHT)) == [2, 5, 9]


def test_many_numbers_are_asked_for_in_parts() -> None:
    manager = Manager({number: keyed(str(number)) for number in range(1, PART + 11)})
    assert len(chosen(manager.client, "1", manager.tasks, LIGHT)) == PART + 10
    assert max(len(query["selectedItems"]["included"]) for query in manager.asked) == PART


def test_a_page_is_what_comes_after_a_number() -> None:
    manager = Manager({number: keyed(str(number)) for number in (3, 5, 8)})
    assert [task.id for task in page(manager.client, "1", 3, 10, LIGHT)] == [5, 8]
    assert page(manager.client, "1", 8, 10, LIGHT) == []


def test_the_index_reads_what_is_new_and_no_more() -> None:
    manager = Manager({1: keyed("a"), 2: keyed("b")})
    index = Index(manager.client, "1", by_id=False)
    assert index.numbers(["a", "b", "c"], CONFIG, 10) == {"a": 1, "b": 2}
    manager.tasks[7] = keyed("c")
    manager.asked.clear()
    assert index.numbers(["c"], CONFIG, 10) == {"c": 7}
    assert [query["filters"]["items"][0]["value"] for query in manager.asked] == [2, 7]


def test_the_first_task_of_a_key_counts() -> None:
    index = Index(Manager({4: keyed("a"), 2: keyed("a")}).client, "1", by_id=False)
    assert index.numbers(["a"], CONFIG, 10) == {"a": 2}


@pytest.mark.parametrize(("by_id", "key"), [(False, "/data/upload/1/x.png"), (True, "4")])
def test_a_task_that_others_made_is_named_by_its_medium_or_its_number(by_id: bool, key: str) -> None:
    index = Index(Manager({4: {"data": {"photo": "/data/upload/1/x.png"}}}).client, "1", by_id=by_id)
    assert index.numbers([key], CONFIG, 10) == {key: 4}


def test_a_task_without_a_medium_is_passed_over() -> None:
    index = Index(Manager({4: {"data": {"text": 3}}, 5: keyed("a")}).client, "1", by_id=False)
    assert index.numbers(["a"], CONFIG, 10) == {"a": 5}


def test_a_task_that_is_gone_is_forgotten() -> None:
    manager = Manager({1: keyed("a"), 2: keyed("b")})
    client = manager.client
    index = Index(client, "1", by_id=False)
    assert dict(present(client, "1", index, ["a", "b"], CONFIG, LIGHT)).keys() == {"a", "b"}
    del manager.tasks[1]
    assert dict(present(client, "1", index, ["a", "b"], CONFIG, LIGHT)).keys() == {"b"}
    manager.tasks[9] = keyed("a")
    assert {key: task.id for key, task in present(client, "1", index, ["a"], CONFIG, LIGHT)} == {"a": 9}
