"""Projects without a title, which Label Studio lets be: they hide no other project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from labelstudio_said import ENDPOINT, LEGACY, client_of

import dragoman
from dragoman import InvalidData

CONFIG = """<View>
  <Image name="img" value="$photo"/>
  <RectangleLabels name="tag" toName="img"><Label value="car"/></RectangleLabels>
</View>"""


@pytest.fixture(params=["", None], ids=["empty", "null"])
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A backend with two projects, of which the first has no title."""
    projects = [{"id": 7, "title": request.param, "label_config": CONFIG}]
    projects.append({"id": 8, "title": "street", "label_config": CONFIG})

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        if request.url.path.endswith("/model-versions/"):
            return httpx.Response(200, json={"static": [{"model_version": "v1"}]})
        if request.url.path == "/api/projects/":
            return httpx.Response(200, json={"results": projects})
        return httpx.Response(200, json=projects["/api/projects/8/" in request.url.path])

    with dragoman.connect("labelstudio", endpoint=ENDPOINT, token=LEGACY) as backend:
        found: Any = backend
        found.client = client_of(answer)
        yield found


def test_a_project_without_a_title_is_called_by_its_number(backend: Any) -> None:
    assert backend.datasets.get("7").name == "7"
    assert [dataset.name for dataset in backend.datasets.list()] == ["7", "street"]
    assert [model.name for model in backend.models.list()] == ["7", "street"]
    assert backend.ontologies.get("7").name == "7"


def test_a_title_of_spaces_is_not_sent(backend: Any) -> None:
    with pytest.raises(InvalidData, match="spaces") as caught:
        backend.datasets.create(" ")
    assert caught.value.field == "name"
