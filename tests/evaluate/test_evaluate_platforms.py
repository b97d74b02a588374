"""Versions of two platforms are compared over the labels of one of them, through the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman import Box, Item, Label, Ontology, Prediction
from dragoman.cli import main
from dragoman.conformance.difficult import png
from dragoman.emulate import Live, running
from dragoman.schema import Feature
from dragoman_nucleus.emulator import create

LABELS = [Label(key, "car", Box(4, 4, 20, 20)) for key in "abc"]


def said(count: int) -> list[Prediction]:
    """What a version says that finds the first labels."""
    return [Prediction(one.item, "car", one.geometry, confidence=0.9) for one in LABELS[:count]]


def filled(backend: Any, items: list[Item], predictions: list[Prediction]) -> str:
    """Put items, labels and the predictions of a version there; return where these are."""
    dataset = backend.datasets.create("streets")
    if backend.name == "local":
        backend.ontologies.create(Ontology(name="o", features=(Feature(name="car"),)), dataset=dataset)
    backend.datasets.write_items(items, dataset=dataset).raise_for_problems()
    backend.labels.write(LABELS, dataset=dataset).raise_for_problems()
    model = backend.models.create("cars", task="object_detection", features=["car"])
    version = backend.versions.create(model, name="v", dataset=dataset)
    backend.predictions.write(predictions, version=version, dataset=dataset).raise_for_problems()
    return f"{backend.name}:{dataset.id}:{version.id}"


@pytest.fixture
def nucleus() -> Iterator[Live[Any]]:
    """An emulator whose jobs are done when they are submitted."""
    with running(create()) as live:
        live.settings.job_polls = 0
        yield live


def test_a_version_on_nucleus_is_compared_with_one_of_the_local_backend(
    nucleus: Live[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = []
    for key in "abc":
        (tmp_path / f"{key}.png").write_bytes(png(1))
        items.append(Item(key, uri=str(tmp_path / f"{key}.png"), width=64, height=48))
    access = {"endpoint": f"{nucleus.url}/v1/nucleus", **nucleus.credentials}
    with (
        dragoman.connect("local", root=tmp_path / "state") as local,
        dragoman.connect("nucleus", **access) as far,
    ):
        first = filled(local, items, said(1))
        other = filled(far, items, said(3))
    settings = [f"local.root={tmp_path / 'state'}", *(f"nucleus.{name}={value}" for name, value in access.items())]

    words = ["compare", other.rpartition(":")[0], first, other, "--draws", "20", "--json"]
    assert main([*words, *(word for one in settings for word in ("--set", one))]) == 0

    (found,) = json.loads(capsys.readouterr().out)
    assert (found["first"], found["other"]) == (first, other)
    assert found["metrics"]["mAP"]["change"] > 0.5
    assert found["items"] == {"b": -1, "c": -1}
