"""Taxonomies of Label Studio: paths through a tree of choices are checklists that nest under the control's own name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelstudio_tasks import RECTANGLE, reader_of, task

from dragoman import Checklist, Item, Label, Option, Radio, Text, Whole
from dragoman.formats.labelstudio import LabelStudioReader, LabelStudioWriter
from dragoman.formats.labelstudio.config import read_config, write_config
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology

PATHS = [["plant"], ["animal", "cat", "tabby"], ["animal", "dog"]]
XML = b"""<View><Image name="image" value="$image"/>
  <Taxonomy name="life" toName="image" required="true">
    <Choice value="plant"/>
    <Choice value="animal"><Choice value="cat"><Choice value="tabby"/></Choice><Choice value="dog"/></Choice>
  </Taxonomy></View>"""


def chosen(name: str = "life") -> Checklist:
    cat = Option("cat", {name: Checklist.of("tabby")})
    return Checklist((Option("plant"), Option("animal", {name: Checklist((cat, Option("dog")))})))


def taxonomy(name: str = "life", **more: Any) -> dict[str, Any]:
    return {"id": "t", "from_name": name, "type": "taxonomy", "value": {"taxonomy": PATHS}, **more}


def results_of(folder: Path, *rows: Label) -> list[dict[str, Any]]:
    ontology = Ontology(name="x", features=tuple(Feature(name=name) for name in {row.feature: None for row in rows}))
    LabelStudioWriter(folder).write(ontology, [Item("a.jpg", width=100, height=50)], rows)
    found: list[dict[str, Any]] = json.loads((folder / "tasks.json").read_text())[0]["annotations"][0]["result"]
    return found


def test_what_is_said_of_the_item_is_an_answer(tmp_path: Path) -> None:
    (row,) = reader_of(tmp_path, task(taxonomy())).rows()
    assert (row.feature, row.geometry, row.answer) == ("life", Whole(), chosen())


def test_what_is_said_of_a_region_is_an_attribute(tmp_path: Path) -> None:
    (row,) = reader_of(tmp_path, task(RECTANGLE, taxonomy(id="r1"))).rows()
    assert row.attributes == {"life": chosen()}


def test_it_is_written_as_it_was(tmp_path: Path) -> None:
    rows = list(reader_of(tmp_path, task(RECTANGLE, taxonomy(id="r1"), taxonomy())).rows())
    results = results_of(tmp_path / "set", *rows)
    assert [result["value"] for result in results if result["type"] == "taxonomy"] == [{"taxonomy": PATHS}] * 2
    assert list(LabelStudioReader(tmp_path / "set").rows()) == rows


@pytest.mark.parametrize(
    "answer",
    [
        chosen("other"),
        Checklist((Option("a", {"life": Radio.of("b")}),)),
        Checklist((Option("a", {"life": Checklist.of("b"), "why": Text("so")}),)),
        Checklist((Option("a", {"life": Checklist(())}),)),
        Radio(Option("a", {"life": Checklist.of("b")})),
    ],
)
def test_what_nests_otherwise_is_no_taxonomy_and_comes_back_all_the_same(tmp_path: Path, answer: Any) -> None:
    row = Label("a.jpg", "life", Whole(), "1", answer=answer)
    assert [result["type"] for result in results_of(tmp_path / "set", row)] == ["choices"]
    assert list(LabelStudioReader(tmp_path / "set").rows()) == [row]


def test_the_configuration_is_a_question_that_nests_and_comes_back() -> None:
    ontology = read_config(XML).ontology("x")
    (feature,) = ontology.features
    (asked,) = feature.attributes
    assert (asked.name, asked.kind, asked.required) == ("life", "checklist", True)
    assert [option.name for option in asked.options] == ["plant", "animal"]
    (below,) = asked.options[1].attributes
    assert (below.name, [option.name for option in below.options]) == ("life", ["cat", "dog"])
    assert "<Taxonomy" in write_config(ontology)
    assert read_config(write_config(ontology).encode()).ontology("x") == ontology


def test_a_question_whose_options_ask_something_else_is_no_taxonomy() -> None:
    why = Attribute(name="why", kind="text")
    asked = Attribute(name="life", kind="checklist", options=(AttributeOption(name="a", attributes=(why,)),))
    ontology = Ontology(name="x", features=(Feature(name="life", geometries=("whole",), attributes=(asked,)),))
    assert "<Taxonomy" not in write_config(ontology)


def test_a_taxonomy_that_is_fetched_from_elsewhere_has_no_options() -> None:
    xml = b'<View><Taxonomy name="life" toName="image" apiUrl="https://example.org/tree"/></View>'
    (feature,) = read_config(xml).ontology("x").features
    assert feature.attributes == (Attribute(name="life", kind="text"),)
