"""The labelling configuration as an ontology, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from labelstudio_tasks import reader_of

from dragoman import (
    InvalidData,
)
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

    def test_bombs_are_refused(self) -> None:
        with pytest.raises(InvalidData, match="refused"):
            read_config(b'<!DOCTYPE View [<!ENTITY a "a">]><View>&a;</View>')

    @pytest.mark.parametrize("kind", ["keypoints", "cuboid"])
    def test_what_cannot_be_drawn_can_be_chosen(self, kind: str) -> None:
        """The shape of such a row stands in the metadata of a choice about the item."""
        ontology = Ontology(name="poses", features=(Feature(name="face", geometries=(kind,)),))
        config = read_config(write_config(ontology).encode())
        assert list(config.controls["dragoman_class"].labels) == ["face"]
