"""What public objects look like to people: tables in a terminal and in a notebook."""

from __future__ import annotations

from io import StringIO
from itertools import count
from typing import Any

import pytest
from memory import MemoryAdapter, State, open_memory
from rich.console import Console

import dragoman
from dragoman import Box, Evaluation, Item, Label, Model, Report
from dragoman.schema import MeasuredLoss, Outcome


@pytest.fixture
def backend() -> MemoryAdapter:
    return open_memory(state=State())


def printed(thing: Any) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(thing)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_listing_is_a_table(backend: MemoryAdapter) -> None:
    for name in ("street", "harbour"):
        backend.datasets.create(name)

    shown = dragoman.show(backend.datasets.list())

    assert shown.title == "Dataset, 2 rows"
    assert "street" in str(shown)
    assert "<td>harbour</td>" in shown._repr_html_()
    assert "metadata" not in shown.columns


def test_rows_are_a_table_with_their_geometry_by_name() -> None:
    shown = dragoman.show([Label("a.jpg", "car", Box(1, 2, 3, 4)), Label("b.jpg", "car", Box(1, 2, 3, 4), frame=3)])

    assert {"item", "feature", "geometry", "frame"} <= set(shown.columns)
    assert dict(zip(shown.columns, shown.rows[0], strict=True))["geometry"] == "box"
    assert dict(zip(shown.columns, shown.rows[0], strict=True))["frame"] == ""


def test_no_more_of_a_listing_is_read_than_is_shown_but_one() -> None:
    numbers = count()

    shown = dragoman.show((Item(f"{number}") for number in numbers), limit=3)

    assert next(numbers) == 4
    assert len(shown.rows) == 3
    assert shown.more == "... and more"


def test_nothing_is_a_table_too() -> None:
    assert "nothing" in str(dragoman.show([]))


def test_a_thing_shows_its_fields() -> None:
    model = Model(id="m1", name="detector", task="object_detection", features=("car", "person"))

    assert "car, person" in printed(model)
    assert "<td>detector</td>" in model._repr_html_()


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    model = Model(name="<b>[red]x[/red]</b>", features=("car",), task="object_detection")

    assert "[red]x[/red]" in printed(model)
    assert "&lt;b&gt;[red]" in model._repr_html_()


def test_a_report_shows_counts_problems_and_losses() -> None:
    report = Report()
    report.add([Outcome(0, "a", "created"), Outcome(1, "b", "rejected", reason="It has no area.")])
    report.losses = (MeasuredLoss("geometry mask", "approximate", "as a polygon", 1),)

    for shown in (printed(report), report._repr_html_()):
        assert "It has no area." in shown
        assert "1 rows: geometry mask approximate, as a polygon" in " ".join(shown.split())


def test_an_evaluation_shows_its_metrics() -> None:
    assert "0.501" in Evaluation(version="v", dataset="d", metrics={"mAP": 0.5012})._repr_html_()


def test_a_backend_shows_what_it_can_do(backend: MemoryAdapter) -> None:
    assert "create, get, list, update, delete" in printed(backend)
    assert "<td>inference</td><td></td>" in backend._repr_html_()


def test_a_plan_shows_what_moves(backend: MemoryAdapter) -> None:
    from dragoman import Migration
    from dragoman.migrate import Scope

    dataset = backend.datasets.create("street")
    backend.datasets.write_items([Item("a.jpg", uri="/a.jpg")], dataset=dataset)

    plan = Migration(backend, open_memory(state=State()), Scope(dataset="street")).plan()

    assert "Plan to move street from memory to memory" in printed(plan)
    assert "<td>items</td><td></td><td>1</td><td>1</td>" in plan._repr_html_()
