"""An emulated account for each test, and the real SDK pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import labelbox
import pytest
from labelbox import User
from labelbox.schema.annotation_import import LabelImport

from dragoman.emulate import Live, running
from dragoman_labelbox.emulator import State, create, objects

KEY = "test-key"


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[Live[State]]:
    """The emulator. Proxies of the machine are kept away from loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("LABELBOX_API_KEY", raising=False)
    with running(create(KEY)) as served:
        yield served


@pytest.fixture
def client(live: Live[State]) -> labelbox.Client:
    """The SDK's client."""
    return labelbox.Client(
        KEY, endpoint=f"{live.url}/graphql", rest_endpoint=f"{live.url}/api/v1", enable_experimental=True
    )


@pytest.fixture
def guest(client: Any, live: Live[Any]) -> Any:
    """A member who sees only those projects to which they are added."""
    role = client.get_roles()["NONE"].uid
    made = objects.User(**live.state.stamp(), name="guest", email="guest@example.com", role_id=role)
    live.state.users[made.id] = made
    return next(client.get_users(where=User.email == "guest@example.com"))


@pytest.fixture
def dataset(client: labelbox.Client) -> Any:
    """A dataset of the images `a` and `b` and the video `v`."""
    made = client.create_dataset(name="street")
    rows = [{"row_data": f"https://example.com/{key}.jpg", "global_key": key} for key in ("a", "b")]
    rows.append({"row_data": "https://example.com/v.mp4", "global_key": "v", "external_id": "outside"})
    task = made.create_data_rows(rows)
    task.wait_till_done()
    assert task.errors is None
    return made


@pytest.fixture
def ontology(client: labelbox.Client) -> Any:
    """An ontology of a box with a nested question, a polygon, a mask and a radio."""
    nested = {"type": "text", "name": "note", "instructions": "note"}
    tools = [
        {"tool": "rectangle", "name": "car", "classifications": [nested]},
        {"tool": "polygon", "name": "road"},
        {"tool": "raster-segmentation", "name": "sky"},
    ]
    options = [{"label": "rain", "value": "rain"}, {"label": "sun", "value": "sun"}]
    radio = {"type": "radio", "name": "weather", "instructions": "weather", "options": options}
    return client.create_ontology("o", {"tools": tools, "classifications": [radio]})


@pytest.fixture
def project(client: labelbox.Client, dataset: Any, ontology: Any) -> Any:
    """A project with the ontology, and the images in a batch."""
    made = client.create_project(name="p", media_type=labelbox.MediaType.Image)
    made.connect_ontology(ontology)
    made.create_batch("first", global_keys=["a", "b"])
    return made


@pytest.fixture
def labeled(client: labelbox.Client, project: Any) -> Any:
    """The project's one label: a car on `a`."""
    box = {"top": 0, "left": 0, "width": 1, "height": 1}
    rows = [{"uuid": "car-on-a", "dataRow": {"globalKey": "a"}, "name": "car", "bbox": box}]
    LabelImport.create_from_objects(client, project.uid, "labels", rows).wait_till_done()
    (label,) = project.labels()
    return label


@pytest.fixture
def run(client: labelbox.Client, dataset: Any, ontology: Any) -> Any:
    """A model run over all data rows."""
    made = client.create_model("detector", ontology.uid).create_model_run("first")
    assert made.upsert_data_rows(global_keys=["a", "b", "v"]) is True
    return made
