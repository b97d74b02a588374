"""The labelling configuration as an ontology, and back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from labelstudio_tasks import RECTANGLE, reader_of, task

from dragoman import (
    Box,
    InvalidData,
    Item,
    Label,
    Text,
    Whole,
)
from dragoman.formats.labelstudio import LabelStudioReader, LabelStudioWriter
from dragoman.formats.labelstudio.config import read_config, write_config
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology


def options(*names: str) -> tuple[AttributeOption, ...]:
    return tuple(AttributeOption(name=name) for name in names)


class TestConfiguration:
    XML = b"""<View>
      <Image name="image" value="$photo"/>
      <RectangleLabels name="box" toName="image">
        <Label value="car" background="#00ff00"/><Label value="bus" background="green"/>
      </RectangleLabels>
      <Choices name="color" toName="image" perRegion="true" whenLabelValue="car" required="true">
        <Choice value="red"/><Choice value="blue"/>
      </Choices>
      <Choices name="weather" toName="image" choice="multiple"><Choice value="sun"/></Choices>
      <TextArea name="note" toName="image"/>
    </View>"""

    def test_controls_become_features_and_questions(self) -> None:
        color = Attribute(name="color", kind="radio", options=options("red", "blue"), required=True)
        weather = Attribute(name="weather", kind="checklist", options=options("sun"))
        assert read_config(self.XML).ontology("cars").features == (
            Feature(name="car", geometries=("box", "rotated_box"), color="#00ff00", attributes=(color,)),
            Feature(name="bus", geometries=("box", "rotated_box")),
            Feature(name="weather", geometries=("whole",), attributes=(weather,)),
            Feature(name="note", geometries=("whole",), attributes=(Attribute(name="note", kind="text"),)),
        )

    def test_an_ontology_comes_back(self) -> None:
        ontology = read_config(self.XML).ontology("cars")
        assert read_config(write_config(ontology).encode()).ontology("cars") == ontology

    def test_classes_are_choices(self) -> None:
        ontology = Ontology(name="x", features=(Feature(name="day", geometries=("whole",)),))
        assert read_config(write_config(ontology).encode()).ontology("x") == ontology

    def test_it_says_which_data_is_the_medium(self, tmp_path: Path) -> None:
        (tmp_path / "config.xml").write_bytes(self.XML)
        reader = reader_of(tmp_path, {"data": {"photo": "s3://x/a.jpg", "url": "https://example.org", "taken": 3}})
        (item,) = reader.items()
        assert (item.key, item.metadata) == ("s3://x/a.jpg", {"url": "https://example.org", "taken": 3})

    @pytest.mark.parametrize("kind", [str, Path])
    def test_it_may_be_elsewhere(self, tmp_path: Path, kind: type) -> None:
        (tmp_path / "labels.xml").write_bytes(self.XML)
        reader = reader_of(tmp_path, {"data": {"photo": "a.jpg"}}, config=kind(tmp_path / "labels.xml"))
        assert [feature.name for feature in reader.ontology().features] == ["car", "bus", "weather", "note"]
        with pytest.raises(InvalidData, match="There is no labelling configuration"):
            reader_of(tmp_path, config=kind(tmp_path / "nowhere.xml"))

    def test_aliases_are_the_names_that_results_use(self, tmp_path: Path) -> None:
        """What people see instead of them is not kept."""
        (tmp_path / "config.xml").write_text("""<View><Image name="image" value="$image"/>
          <RectangleLabels name="x" toName="image"><Label value="A car" alias="car" background="#00ff00"/>
          </RectangleLabels>
          <Choices name="color" toName="image" perRegion="true" whenLabelValue="car">
            <Choice value="Bright red" alias="red"/><Choice value="blue"/></Choices>
          <Taxonomy name="life" toName="image">
            <Choice value="Animals" alias="animal"><Choice value="Cat" alias="cat"/></Choice></Taxonomy></View>""")
        said = [{"type": "choices", "id": "r1", "from_name": "color", "value": {"choices": ["red"]}}]
        said += [{"type": "taxonomy", "id": "t", "from_name": "life", "value": {"taxonomy": [["animal", "cat"]]}}]
        reader = reader_of(tmp_path, task(RECTANGLE, *said))
        car, life = reader.ontology().features
        color = Attribute(name="color", kind="radio", options=options("red", "blue"))
        assert (car.name, car.color, car.attributes) == ("car", "#00ff00", (color,))
        (animal,) = life.attributes[0].options
        assert (animal.name, animal.attributes[0].options) == ("animal", options("cat"))
        assert [row.feature for row in reader.rows()] == ["car", "life"]

    def test_every_name_is_there_once_and_questions_come_back_under_their_own(self, tmp_path: Path) -> None:
        """Label Studio refuses a configuration in which two tags have one name."""
        names = ("box", "image", "video", "dragoman_class", "dragoman_region_box", "weather", "dragoman_item_")
        asked = tuple(Attribute(name=name, kind="text") for name in names)
        features = [Feature(name="car", geometries=("box",), attributes=asked)]
        features += [Feature(name=one.name, geometries=("whole",), attributes=(one,)) for one in asked]
        features += [Feature(name="face", geometries=("keypoints",))]
        ontology = Ontology(name="x", features=tuple(features))
        written = write_config(ontology, ("image", "video"))
        found = re.findall(r'<\w+ name="([^"]*)"', written)
        assert len(found) == len(set(found)) == 6 + 2 * len(names)
        questions = {
            feature.name: feature.attributes for feature in read_config(written.encode()).ontology("x").features
        }
        assert questions["car"] == asked
        assert {name: questions[name] for name in names} == {one.name: (one,) for one in asked}

        rows = [Label("a", "car", Box(1, 2, 3, 4), attributes={name: Text(name) for name in names})]
        rows += [Label("a", name, Whole(), answer=Text(name)) for name in names]
        LabelStudioWriter(tmp_path / "set").write(ontology, [Item("a", width=10, height=10)], rows)
        assert list(LabelStudioReader(tmp_path / "set").rows()) == rows
        results = json.loads((tmp_path / "set/tasks.json").read_text())[0]["annotations"][0]["result"]
        assert {result["from_name"] for result in results} <= set(found)
        assert len({result["from_name"] for result in results}) == len(results)

    def test_bombs_are_refused(self) -> None:
        with pytest.raises(InvalidData, match="refused"):
            read_config(b'<!DOCTYPE View [<!ENTITY a "a">]><View>&a;</View>')

    @pytest.mark.parametrize("kind", ["keypoints", "cuboid"])
    def test_what_cannot_be_drawn_can_be_chosen(self, kind: str) -> None:
        """The shape of such a row stands in the metadata of a choice about the item."""
        ontology = Ontology(name="poses", features=(Feature(name="face", geometries=(kind,)),))
        config = read_config(write_config(ontology).encode())
        assert list(config.controls["dragoman_class"].labels) == ["face"]
