"""What only Label Studio itself can show: tokens, what it swallows, what moves while it is read, what people made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from labelstudio_ground import fill
from labelstudio_server import TOKEN
from memory import hook_caller
from servers import Server

import dragoman
from dragoman import AuthenticationError, Box, Conflict, Feature, InvalidData, Item, Label, Ontology, Point, Prediction
from dragoman.formats.labelstudio.regions import ELLIPSE, read_ellipse
from dragoman.migrate.files import open_file
from dragoman.schema import Radio, Whole

pytestmark = pytest.mark.live_labelstudio

THEIRS = """<View>
  <Image name="img" value="$photo"/>
  <RectangleLabels name="tag" toName="img"><Label value="car"/><Label value="bus"/></RectangleLabels>
  <Choices name="weather" toName="img"><Choice value="sun"/><Choice value="rain"/></Choices>
</View>"""
CARS = Ontology(name="cars", features=(Feature(name="car", geometries=("box",)),))
RUBBISH = {"from_name": "ghost", "to_name": "img", "type": "rectanglelabels", "value": {"x": 500}}


@pytest.fixture
def api(labelstudio_server: Server) -> Iterator[httpx.Client]:
    """Label Studio as others see it."""
    headers = {"Authorization": f"Token {TOKEN}"}
    with httpx.Client(base_url=labelstudio_server.url, headers=headers, timeout=60, trust_env=False) as client:
        yield client


def far(count: int) -> list[Item]:
    """Items at an address."""
    return [Item(f"{n}.png", uri=f"https://example.com/{n}.png", width=64, height=48) for n in range(count)]


def project_with(studio: Any, count: int) -> str:
    made = studio.datasets.create("street")
    studio.ontologies.create(CARS, dataset=made)
    studio.datasets.write_items(far(count), dataset=made).raise_for_problems()
    return str(made.id)


def without_provenance(rows: Any) -> dict[str, Any]:
    return {row.id: msgspec.structs.replace(row, provenance=None) for row in rows}


def test_a_personal_token_lets_in_and_a_taken_back_one_does_not(
    studio: Any, api: httpx.Client, labelstudio_server: Server
) -> None:
    token = api.post("/api/token/").raise_for_status().json()["token"]
    with dragoman.connect("labelstudio", endpoint=labelstudio_server.url, token=token) as backend:
        assert backend.datasets.create("by a person").id
    api.post("/api/token/blacklist/", json={"refresh": token}).raise_for_status()
    with (
        dragoman.connect("labelstudio", endpoint=labelstudio_server.url, token=token) as backend,
        pytest.raises(AuthenticationError) as refusal,
    ):
        list(backend.datasets.list())
    assert token not in str(refusal.value)


def test_a_project_that_people_made_is_read_and_written_in_its_own_terms(studio: Any, api: httpx.Client) -> None:
    made = api.post("/api/projects/", json={"title": "theirs", "label_config": THEIRS}).raise_for_status().json()
    project = str(made["id"])
    (car, bus, weather) = studio.ontologies.get(project).features
    assert (car.name, bus.name, weather.attributes[0].kind) == ("car", "bus", "radio")

    studio.datasets.write_items(far(5), dataset=project).raise_for_problems()
    rows = [Label(item.key, "bus", Box(n, 1, 20, 10)) for n, item in enumerate(far(5))]
    rows.append(Label("0.png", "weather", Whole(), answer=Radio.of("rain")))
    strange = Label("1.png", "tram", Box(1, 1, 2, 2))
    report = studio.labels.write([*rows, strange], dataset=project)
    assert dict(report.counts) == {"created": 6, "rejected": 1}
    assert without_provenance(studio.labels.read(project)) == {row.id: row for row in rows}
    (task, *_) = api.get(f"/api/projects/{project}/export", params={"exportType": "JSON"}).json()
    assert "photo" in task["data"]
    assert task["annotations"][0]["result"][0]["from_name"] == "tag"


def test_rubbish_that_it_has_swallowed_is_named_or_passed_over_and_never_touched(
    studio: Any, api: httpx.Client, labelstudio_server: Server
) -> None:
    project = project_with(studio, 1)
    (item,) = studio.datasets.read_items(project)
    api.post(f"/api/tasks/{item.id}/annotations/", json={"result": [RUBBISH]}).raise_for_status()
    with pytest.raises(InvalidData, match=f"Task {item.id} of project {project}"):
        list(studio.labels.read(project))

    row = Label(item.key, "car", Box(1, 1, 2, 2))
    studio.labels.write([row], dataset=project).raise_for_problems()
    settings = {"endpoint": labelstudio_server.url, "token": TOKEN, "unreadable": "skip"}
    with dragoman.connect("labelstudio", **settings) as lenient:
        assert [found.id for found in lenient.labels.read(project)] == [row.id]
    (annotation,) = api.get(f"/api/tasks/{item.id}/annotations/").json()
    assert annotation["result"][0] == RUBBISH


def test_what_the_bulk_leaves_out_silently_arrives_all_the_same(studio: Any, api: httpx.Client) -> None:
    project = project_with(studio, 6)
    inside = [Prediction(f"{n}.png", "car", Box(n, 1, 20, 10), confidence=0.5) for n in range(5)]
    beyond = Prediction("5.png", "car", Box(-10, -10, 200, 10), confidence=0.5)
    studio.predictions.write([*inside, beyond], version="v1", dataset=project).raise_for_problems()
    assert len(list(studio.predictions.read("v1", dataset=project))) == 6
    labels = [Label(row.item, "car", row.geometry) for row in (*inside, beyond)]
    studio.labels.write(labels, dataset=project).raise_for_problems()
    assert without_provenance(studio.labels.read(project)) == {row.id: row for row in labels}
    assert api.get(f"/api/projects/{project}/model-versions/").json() == {"v1": 6}, "no draft is left"


def test_tasks_that_change_while_they_are_read_are_read_once(studio: Any, api: httpx.Client) -> None:
    project = project_with(studio, 9)
    seen = []
    for item in studio.datasets.read_items(project, page_size=2):
        seen.append(item.key)
        api.patch(f"/api/tasks/{item.id}/", json={"meta": {"looked": "at"}}).raise_for_status()
        if len(seen) == 3:
            api.delete(f"/api/tasks/{item.id}/").raise_for_status()
            studio.datasets.write_items([Item("late.png", uri="https://example.com/late.png")], dataset=project)
    assert seen == [*(f"{n}.png" for n in range(9)), "late.png"]


def test_an_item_that_others_deleted_can_be_written_again(studio: Any, api: httpx.Client) -> None:
    project = project_with(studio, 2)
    first, _ = studio.datasets.read_items(project)
    api.delete(f"/api/tasks/{first.id}/").raise_for_status()
    assert dict(studio.datasets.write_items(far(2), dataset=project).counts) == {"created": 1, "ignored": 1}


def test_a_control_that_annotations_were_made_with_is_kept(studio: Any) -> None:
    project = project_with(studio, 1)
    studio.labels.write([Label("0.png", "car", Box(1, 1, 2, 2))], dataset=project).raise_for_problems()
    outlines = Ontology(name="outlines", features=(Feature(name="car", geometries=("mask",)),))
    with pytest.raises(Conflict, match="annotation"):
        studio.ontologies.create(outlines, dataset=project)
    assert studio.ontologies.get(project).features == CARS.features


def test_videos_have_boxes_with_keyframes(studio: Any, api: httpx.Client) -> None:
    made = studio.datasets.create("films")
    studio.ontologies.create(CARS, dataset=made)
    film = Item("film", uri="https://example.com/film.mp4", media="video", width=64, height=48, frames=50)
    studio.datasets.write_items([film], dataset=made).raise_for_problems()
    assert studio.ontologies.get(made).features == CARS.features

    def key(frame: int) -> Label:
        return Label(
            "film", "car", Box(frame, 1, 5, 5), frame=frame, span=(0, 20), interpolation="linear", track_id="7"
        )

    rows = [key(0), key(20)]
    studio.labels.write(rows, dataset=made).raise_for_problems()
    studio.labels.write([key(10)], dataset=made).raise_for_problems()
    rows.append(key(10))
    assert without_provenance(studio.labels.read(made)) == {row.id: row for row in rows}
    (item,) = studio.datasets.read_items(made)
    (annotation,) = api.get(f"/api/tasks/{item.id}/annotations/").json()
    (region,) = annotation["result"]
    assert [at["frame"] for at in region["value"]["sequence"]] == [1, 11, 21]


def test_its_own_export_is_read_by_our_format(studio: Any, tmp_path: Path) -> None:
    project = fill(studio, tmp_path / "media")
    exported = open_file("labelstudio", Path(studio.labels.export(project)), hook_caller())
    (dataset,) = exported.datasets.list()
    assert without_provenance(exported.labels.read(dataset)) == without_provenance(studio.labels.read(project))


def test_drafts_that_a_killed_run_has_left_are_deleted_by_the_next_and_never_shown(
    studio: Any, api: httpx.Client
) -> None:
    project = project_with(studio, 5)
    first, *_ = studio.datasets.read_items(project)
    left = [{"task": int(first.id), "result": [], "model_version": "dragoman draft of a run that is gone"}]
    api.post(f"/api/projects/{project}/import/predictions", json=left).raise_for_status()
    assert list(studio.versions.list(project)) == []
    assert list(studio.models.list()) == []
    labels = [Label(f"{n}.png", "car", Box(n, 1, 20, 10)) for n in range(5)]
    studio.labels.write(labels, dataset=project).raise_for_problems()
    assert api.get(f"/api/projects/{project}/model-versions/").json() == {}


def test_models_are_the_projects_that_have_predictions_in_the_order_that_is_asked_for(studio: Any) -> None:
    for name in ("zebra", "Ant", "anteater", "unpredicted"):
        made = studio.datasets.create(name)
        studio.ontologies.create(CARS, dataset=made)
        studio.datasets.write_items(far(1), dataset=made)
        if name != "unpredicted":
            row = Prediction("0.png", "car", Box(1, 1, 2, 2), confidence=0.5)
            studio.predictions.write([row], version="v1", dataset=made).raise_for_problems()
    assert [model.name for model in studio.models.list(query="ANT", order="name")] == ["Ant", "anteater"]
    assert [model.name for model in studio.models.list(page_size=1)] == ["zebra", "Ant", "anteater"]


def test_predictions_that_another_project_has_no_place_for_are_not_left_behind_in_silence(studio: Any) -> None:
    project = project_with(studio, 2)
    rows = [Prediction(f"{n}.png", "car", Box(n, 1, 20, 10), confidence=0.5) for n in range(2)]
    studio.predictions.write(rows, version="v1", dataset=project).raise_for_problems()
    other = studio.datasets.create("trams")
    trams = Ontology(name="trams", features=(Feature(name="tram", geometries=("box",)),))
    studio.ontologies.create(trams, dataset=other)
    with pytest.raises(InvalidData, match="no rectangle for 'car'"):
        studio.handoff.send_predictions("v1", dataset=project, project=other.id)


def test_what_is_stored_beside_predictions_is_handed_on(studio: Any) -> None:
    project, other = project_with(studio, 1), studio.datasets.create("other")
    studio.ontologies.create(CARS, dataset=other)
    row = Prediction("0.png", "car", Box(1, 1, 2, 2), confidence=0.0, class_pdf={"car": 0.0, "bus": 1.0})
    studio.predictions.write([row], version="v1", dataset=project, on_loss="store").raise_for_problems()
    studio.handoff.send_predictions(f"{project}:v1", dataset=project, project=other.id)
    assert without_provenance(studio.predictions.read("v1", dataset=other)) == {row.id: row}


def test_projects_without_a_title_hide_no_other(studio: Any, api: httpx.Client) -> None:
    studio.datasets.create("street")
    bare = [api.post("/api/projects/", json={"title": title}).raise_for_status().json()["id"] for title in ("", None)]
    assert [dataset.name for dataset in studio.datasets.list()] == ["street", *map(str, bare)]


def test_predictions_that_name_no_version_can_be_deleted(studio: Any, api: httpx.Client) -> None:
    project = project_with(studio, 1)
    (item,) = studio.datasets.read_items(project)
    api.post("/api/predictions/", json={"task": int(item.id), "result": []}).raise_for_status()
    (version,) = studio.versions.list(project)
    studio.versions.delete(version)
    assert list(studio.versions.list(project)) == []


def test_ellipses_points_and_relations_come_back_as_they_are(studio: Any, api: httpx.Client) -> None:
    made = studio.datasets.create("shapes")
    feature = Feature(name="car", geometries=("polygon", "point", "box"))
    studio.ontologies.create(Ontology(name="shapes", features=(feature,)), dataset=made)
    studio.datasets.write_items(far(5), dataset=made).raise_for_problems()
    numbers = {"x": 50.0, "y": 50.0, "radiusX": 20.0, "radiusY": 10.0, "rotation": 30.0}
    ellipse = Label("0.png", "car", read_ellipse(numbers, (64, 48)), metadata={ELLIPSE: numbers})
    point = Label("0.png", "car", Point(12, 30))
    related = {"relations": [{"to": point.id, "direction": "right", "labels": ["beside"]}]}
    rows = [ellipse, point, *(Label(f"{n}.png", "car", Box(n, 1, 20, 10)) for n in range(1, 5))]
    rows.append(Label("0.png", "car", Box(1, 1, 9, 9), metadata=related))
    studio.labels.write(rows, dataset=made).raise_for_problems()
    assert without_provenance(studio.labels.read(made)) == {row.id: row for row in rows}
    item = next(studio.datasets.read_items(made))
    (annotation,) = api.get(f"/api/tasks/{item.id}/annotations/").json()
    kinds = [result["type"] for result in annotation["result"]]
    assert kinds == ["ellipselabels", "keypointlabels", "rectanglelabels", "relation"]


def test_stretches_of_a_video_are_a_timeline(studio: Any, api: httpx.Client) -> None:
    made = studio.datasets.create("films")
    film = Item("film", uri="https://example.com/film.mp4", media="video", width=64, height=48, frames=50)
    studio.ontologies.create(
        Ontology(name="events", features=(Feature(name="goal", geometries=("whole",)),)), dataset=made
    )
    studio.datasets.write_items([film], dataset=made).raise_for_problems()
    rows = [Label("film", "goal", Whole(), span=(2, 8)), Label("film", "goal", Whole(), frame=30)]
    studio.labels.write(rows, dataset=made).raise_for_problems()
    assert without_provenance(studio.labels.read(made)) == {row.id: row for row in rows}
    (item,) = studio.datasets.read_items(made)
    (annotation,) = api.get(f"/api/tasks/{item.id}/annotations/").json()
    ranges = [result["value"]["ranges"] for result in annotation["result"]]
    assert ranges == [[{"start": 3, "end": 9}], [{"start": 31, "end": 31}]]
