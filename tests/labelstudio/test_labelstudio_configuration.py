"""Ontologies come back from configurations: whole where the configuration is ours, and as far as it says else."""

from __future__ import annotations

import pytest

from dragoman.formats.labelstudio.config import read_config
from dragoman.schema import Attribute, AttributeOption, Feature, Ontology
from dragoman_labelstudio.configuration import ontology_in, written

NESTED = Attribute(
    name="state",
    kind="radio",
    options=(
        AttributeOption(name="whole"),
        AttributeOption(name="broken", attributes=(Attribute(name="how", kind="text"),)),
    ),
)
EVERYTHING = Ontology(
    name="everything -- and more -->",
    metadata={"made": "here", "dashes": "a--b", "text": "Größe\u2028🦊"},
    features=(
        Feature(name="sign <!-- -->", geometries=("box",), color="#12abef", attributes=(NESTED,)),
        Feature(name="Größe 🦊", geometries=("rotated_box", "mask"), metadata={"supercategory": "road"}),
        Feature(name="face", geometries=("keypoints",)),
        Feature(name="sunny", geometries=("whole",)),
    ),
)


def read(label_config: str, name: str = "project") -> Ontology:
    return ontology_in(label_config, read_config(label_config.encode()), name)


@pytest.mark.parametrize("medium", ["image", "video"])
def test_an_ontology_comes_back_whole(medium: str) -> None:
    assert read(written(EVERYTHING, medium)) == EVERYTHING


def test_a_configuration_that_was_changed_counts_as_it_is() -> None:
    changed = written(EVERYTHING, "image").replace("</View>", '<Choices name="x" toName="image"/></View>', 1)
    found = read(changed)
    assert found.name == "project"
    assert found.metadata == {}
    assert {feature.name for feature in found.features} > {"sign <!-- -->", "Größe 🦊"}


@pytest.mark.parametrize("comment", ["{}", '{"name": 1}', "{not json}", '{"name": "x", "features": []}'])
def test_a_comment_that_only_looks_like_ours_says_nothing(comment: str) -> None:
    config = f'<View><Image name="i" value="$i"/><!-- dragoman: {comment} --></View>'
    assert read(config).name == "project"


def test_label_studio_s_own_configuration_is_read_as_it_is() -> None:
    config = """<View>
      <Image name="img" value="$photo"/>
      <RectangleLabels name="tag" toName="img"><Label value="car" background="#ff0000"/></RectangleLabels>
      <Choices name="weather" toName="img"><Choice value="sun"/><Choice value="rain"/></Choices>
    </View><!-- {"title": "Object detection"} -->"""
    car, weather = read(config).features
    assert (car.name, car.geometries, car.color) == ("car", ("box", "rotated_box"), "#ff0000")
    assert weather.name == "weather"
    assert [option.name for option in weather.attributes[0].options] == ["sun", "rain"]
