"""What the plugin sends is exactly what was recorded, from Label Studio itself. Replaying needs no server.

`make record PLATFORM=labelstudio` records anew; see `labelstudio_recorded` for which server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from labelstudio_recorded import CASSETTES
from labelstudio_recorded import taped as tape

import dragoman
from dragoman import Box, Feature, Item, Label, NotFound, Ontology, Prediction
from dragoman.conformance.difficult import GEOMETRIES, HEIGHT, WIDTH, png
from dragoman.schema import Radio, Whole

NAMES = [f"{number}.png" for number in range(5)]
ONTOLOGY = Ontology(
    name="street",
    features=(
        Feature(name="car", geometries=("box", "rotated_box", "polygon", "mask"), color="#ff0000"),
        Feature(name="sunny", geometries=("whole",)),
    ),
)


@pytest.fixture
def taped(
    request: pytest.FixtureRequest, recorded: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Any]:
    """A backend whose calls are replayed from the test's cassette, or recorded into it."""
    monkeypatch.delenv("LABEL_STUDIO_URL", raising=False)
    url, token = recorded
    path = CASSETTES / f"{request.node.name.removeprefix('test_cassette_')}.json"
    settings = {"endpoint": url, "token": token, "folder": tmp_path / "fetched", "concurrency": 1}
    with tape(path, recorded), dragoman.connect("labelstudio", **settings) as backend:
        backend.sleep = lambda seconds: None
        yield backend


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    made = []
    for number, name in enumerate(NAMES):
        (tmp_path / name).write_bytes(png(number))
        made.append(Item(name, uri=str(tmp_path / name), width=WIDTH, height=HEIGHT, metadata={"night": True}))
    return made


@pytest.fixture
def dataset(taped: Any, items: list[Item]) -> Iterator[str]:
    """A project with an ontology and items, which is gone afterwards."""
    made = taped.datasets.create("street")
    taped.ontologies.create(ONTOLOGY, dataset=made)
    taped.datasets.write_items(items, dataset=made).raise_for_problems()
    yield made.id
    taped.datasets.delete(made)


def boxes(kind: Any = Label, **more: Any) -> list[Any]:
    return [kind(name, "car", Box(number, 1, 20, 10), **more) for number, name in enumerate(NAMES)]


def test_cassette_datasets(taped: Any, dataset: str, items: list[Item]) -> None:
    assert (taped.datasets.get(dataset).name, taped.datasets.get(dataset).items) == ("street", 5)
    read = list(taped.datasets.read_items(dataset, page_size=2))
    assert [(item.key, item.width, item.metadata) for item in read] == [(n, WIDTH, {"night": True}) for n in NAMES]
    assert [Path(item.uri or "").read_bytes() for item in read] == [png(number) for number in range(5)]
    assert taped.datasets.write_items(items, dataset=dataset).counts == {"ignored": 5}
    remote = Item("far.png", uri="https://example.com/far.png", width=8, height=8)
    assert taped.datasets.write_items([remote], dataset=dataset).counts == {"created": 1}
    another = taped.datasets.create("another", metadata={"description": "of cars"})
    assert {found.id for found in taped.datasets.list(page_size=1)} == {dataset, another.id}
    taped.datasets.delete(another)
    with pytest.raises(NotFound):
        taped.datasets.get(another)


def test_cassette_ontologies(taped: Any, dataset: str) -> None:
    assert taped.ontologies.get(dataset).features == ONTOLOGY.features


def test_cassette_labels(taped: Any, dataset: str) -> None:
    rows = boxes()
    assert taped.labels.write(rows, dataset=dataset).counts == {"created": 5}
    assert taped.labels.write(rows, dataset=dataset).counts == {"ignored": 5}
    moved = Label(NAMES[0], "car", Box(30, 30, 5, 5), id=rows[0].id)
    answer = Label(NAMES[1], "sunny", Whole(), answer=Radio.of("very"))
    assert taped.labels.write([moved, answer], dataset=dataset, update=True).counts == {"updated": 1, "created": 1}
    read = {row.id: row for row in taped.labels.read(dataset, page_size=2)}
    assert len(read) == 6
    assert (read[moved.id].geometry, read[answer.id].answer) == (moved.geometry, answer.answer)
    assert {row.item for row in taped.labels.read(dataset, items=[NAMES[3]])} == {NAMES[3]}
    assert '"car"' in Path(taped.labels.export(dataset)).read_text(encoding="utf-8")


def test_cassette_shapes(taped: Any, dataset: str) -> None:
    forms = ("rotated_box", "polygon", "mask")
    rows = [Label(NAMES[number], "car", GEOMETRIES[form][0]) for number, form in enumerate(forms)]
    taped.labels.write(rows, dataset=dataset).raise_for_problems()
    assert [row.geometry for row in taped.labels.read(dataset)] == [row.geometry for row in rows]


def test_cassette_predictions(taped: Any, dataset: str) -> None:
    rows = boxes(Prediction, confidence=0.5)
    assert taped.predictions.write(rows, version="det-1", dataset=dataset).counts == {"created": 5}
    beyond = Prediction(NAMES[0], "car", Box(-4, 1, 200, 10), confidence=0.25)
    assert taped.predictions.write([beyond], version="det-2", dataset=dataset).counts == {"created": 1}
    (model,) = [model for model in taped.models.list() if model.id == dataset]
    assert [version.name for version in taped.versions.list(model)] == ["det-1", "det-2"]
    assert [row.geometry for row in taped.predictions.read(f"{dataset}:det-2", dataset=dataset)] == [beyond.geometry]
    taped.predictions.delete("det-1", dataset=dataset, ids=[rows[0].id])
    assert len(list(taped.predictions.read("det-1", dataset=dataset, page_size=2))) == 4
    taped.versions.delete(f"{dataset}:det-1")
    assert [version.name for version in taped.versions.list(model)] == ["det-2"]
    taped.models.delete(model)
    with pytest.raises(NotFound):
        taped.models.get(model)


def test_cassette_handoff(taped: Any, dataset: str) -> None:
    project = taped.datasets.create("for annotators")
    taped.ontologies.create(ONTOLOGY, dataset=project)
    taped.predictions.write(boxes(Prediction, confidence=0.5), version="det-1", dataset=dataset)
    taped.handoff.send_items(dataset, project=project.id, items=[NAMES[4]])
    taped.handoff.send_predictions("det-1", dataset=dataset, project=project.id)
    assert len(list(taped.predictions.read("det-1", dataset=project))) == 5
    assert taped.datasets.get(project).items == 5
    taped.datasets.delete(project)


def test_cassette_attachments(taped: Any, dataset: str) -> None:
    assert list(taped.attachments.list(dataset)) == []
